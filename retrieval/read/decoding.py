"""Bytes to text: UTF-8, what a byte order mark says, and a guess only where it is sure."""

import codecs
from contextlib import suppress
from pathlib import Path

from charset_normalizer import from_bytes

from retrieval.documents import Refused

MOST_TEXT = 64 * 2**20  # bytes of a file
SAVE_AS_UTF8 = "save the file as UTF-8 text, or take it out"

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ASIAN = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
# what files were saved in before UTF-8; rarer encodings would only make every guess less sure
CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "koi8_r", "koi8_u", "cp866", "cp1253", "cp1254", "cp1257", "iso8859_2"),
    *ASIAN,
]
SAMPLE = 2**18  # bytes that a guess is made from
# Of charset-normalizer's measures, from 0 to 1: how much mess there may be, how much it must be like a language, and by
# how much the likeliest must be ahead. Over 450 texts of 2 to 60 sentences in 20 languages and their old encodings,
# these read 179, two of them wrong; most of what they refuse is Western European text that cp1250 reads as well.
MOST_MESS, LEAST_LIKENESS, AHEAD_IN_MESS, AHEAD_IN_LIKENESS = 0.1, 0.3, 0.05, 0.1


class Undecodable(ValueError):
    """Bytes that are no text, or text of an unknown encoding; `at` is the first byte that shows it."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


def text_of(file: Path) -> tuple[str, dict[str, str]]:
    """The text of a file, and its encoding as metadata where it is not UTF-8. Raises `Refused` or `OSError`."""
    with file.open("rb") as opened:
        content = opened.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise Refused(f"more than {MOST_TEXT // 2**20} MB of text", "split it into smaller files")
    try:
        text, encoding = decode(content)
    except Undecodable as error:
        raise Refused(error.reason, SAVE_AS_UTF8, content.count(b"\n", 0, error.at) + 1) from error
    return text, {} if encoding == "utf-8" else {"encoding": encoding}


def decode(content: bytes) -> tuple[str, str]:
    r"""The text, its line ends as "\n", and the encoding it was in.

    Raises `Undecodable`; also where several encodings make different sensible texts of it, which it names.
    """
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding.startswith("utf-8") and (at := content.find(b"\0")) >= 0:
        raise Undecodable(f"binary content, not text (a NUL at byte {at})", at)
    try:
        return _with_plain_ends(content.decode(encoding)), encoding.removesuffix("-sig")
    except UnicodeDecodeError as error:
        at, likely = error.start, _likely(content) if encoding == "utf-8" else []
    if len(likely) == 1:
        with suppress(UnicodeDecodeError):  # after the sample that was looked at
            return _with_plain_ends(content.decode(likely[0])), likely[0]
    could_be = f", and could be {' or '.join(likely)}" if likely else ""
    name = encoding.removesuffix("-sig").upper()
    raise Undecodable(f"not {name}: byte {at} is 0x{content[at]:02x}{could_be}", at)


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _likely(content: bytes) -> list[str]:
    """The encodings, likeliest first, that make different sensible texts of it."""
    sample = content[: content.rfind(b"\n", 0, SAMPLE)] if len(content) > SAMPLE else content
    likely = list(from_bytes(sample, cp_isolation=CANDIDATES))
    if not likely or likely[0].chaos > MOST_MESS:
        return []
    best = likely[0]
    if best.encoding in ASIAN:  # so many letters that the likeness is small whatever the text
        likely = [guess for guess in likely if guess.chaos < best.chaos + AHEAD_IN_MESS]
    elif best.coherence < LEAST_LIKENESS:
        return []
    likely = [guess for guess in likely if guess.coherence > best.coherence - AHEAD_IN_LIKENESS]
    return list({str(guess): guess.encoding for guess in reversed(likely)}.values())[::-1]
