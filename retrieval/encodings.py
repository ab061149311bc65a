"""Bytes to text: UTF-8, what a byte order mark says, and a guess only where it is sure."""

import codecs

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SAMPLE = 2**18  # bytes that a guess is made from
DISORDER, LIKENESS = 0.1, 0.3  # of charset-normalizer: at most so much mess, at least so much of a known language


class Undecodable(ValueError):
    """Bytes that are no text, or text of an unknown encoding; `at` is the first byte that shows it."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


def decode(content: bytes) -> tuple[str, str]:
    r"""The text, its line ends as "\n", and the encoding it was in.

    Raises `Undecodable`; also where several encodings would make different sensible texts of it.
    """
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding in ("utf-8", "utf-8-sig") and (at := content.find(b"\0")) >= 0:
        raise Undecodable(f"binary content, not text (a NUL at byte {at})", at)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        guess = _guess(content) if encoding == "utf-8" else None
        if guess is None:
            name, byte = encoding.removesuffix("-sig").upper(), content[error.start]
            raise Undecodable(f"not {name}: byte {error.start} is 0x{byte:02x}", error.start) from error
        text, encoding = guess
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding.removesuffix("-sig")


def _guess(content: bytes) -> tuple[str, str] | None:
    """What charset-normalizer makes of it, if nothing nearly as likely makes another text of it."""
    from charset_normalizer import from_bytes

    found = list(from_bytes(content[:SAMPLE]))
    if not found or found[0].chaos > DISORDER or found[0].coherence < LIKENESS:
        return None
    likely = [guess for guess in found if guess.coherence > found[0].coherence - 0.1]
    if len({str(guess) for guess in likely}) > 1:
        return None
    try:
        return content.decode(found[0].encoding), found[0].encoding
    except UnicodeDecodeError:
        return None
