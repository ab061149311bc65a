"""Readers, one for each kind of file: from a file to its documents; knows nothing of folders.

A reader is given a file and the id that a document made of the whole file gets. It yields documents, and `Refused` for
what in the file cannot be used; it raises `Refused`, or whatever the library below it raises, where that is all of it.
Memory is bounded by `MOST_TEXT`, whatever a file claims to hold.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from retrieval import pdf as pdfs
from retrieval import structure
from retrieval.documents import Document
from retrieval.encodings import Undecodable, decode
from retrieval.markup import TooDeep, to_markdown

MOST_TEXT = 64 * 2**20  # bytes of a text file or of a row of JSON Lines
MOST_XML = 32 * 2**20  # bytes of the XML in a DOCX, which takes twenty times as much memory
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Microsoft's compound files begin with it
MOST_FRONT_MATTER = 2**14  # characters
SPLIT_IT = "split it into smaller files"
SAVE_AS_UTF8 = "save the file as UTF-8 text, or take it out"


class Refused(Exception):
    """What is not read, a file or a row in it (`line`, from 1; 0 for the file): why, and what to do about it."""

    def __init__(self, reason: str, do: str, line: int = 0) -> None:
        self.reason, self.do, self.line = reason, do, line


Found = Iterator[Document | Refused]
Reader = Callable[[Path, str], Found]


def plain(file: Path, id: str) -> Found:
    """Plain text; its title is the file's name."""
    text, facts = _text(file)
    yield _document(file, id, text, facts=facts)


def markdown(file: Path, id: str) -> Found:
    """Markdown; its title is its front matter's, or its first heading; the rest of the front matter is metadata."""
    text, facts = _text(file)
    matter, text = _front_matter(text)
    title = matter.pop("title", "") or structure.first_heading(text)
    yield _document(file, id, text, title, matter | facts)


def html(file: Path, id: str) -> Found:
    """HTML; its title is its first heading, or its `<title>`."""
    text, facts = _text(file)
    yield _page(file, id, text, facts)


def docx(file: Path, id: str) -> Found:
    """Word's DOCX, by way of HTML; its title is its first heading."""
    import mammoth

    with file.open("rb") as content:
        _check_docx(content)
        converted = mammoth.convert_to_html(
            content,
            style_map="p[style-name='Title'] => h1:fresh",
            convert_image=mammoth.images.img_element(lambda image: {}),
            include_embedded_style_map=False,
        )
    yield _page(file, id, converted.value)


def pdf(file: Path, id: str) -> Found:
    """PDF with a text layer: its pages, and its bookmarks as headings; its title is the one that it gives itself."""
    try:
        found = pdfs.read(file)
    except pdfs.Encrypted as error:
        raise Refused("encrypted: it opens with a password only", "save it without a password") from error
    except pdfs.Broken as error:
        raise Refused(str(error), "save it again from a viewer, split it, or take it out") from error
    recognise = "run text recognition over it (`ocrmypdf in.pdf out.pdf`), or leave them out"
    text, pages = found.joined()
    if found.pictures:
        which = (
            f"pages {_ranges(found.pictures)} hold" if text else f"no text layer: pages {_ranges(found.pictures)} hold"
        )
        yield Refused(f"{which} pictures and no text", recognise)
    if found.damaged:
        yield Refused(f"pages {_ranges(found.damaged)} are damaged", "save it again from a viewer")
    if text or not (found.pictures or found.damaged):
        yield _document(file, id, text, found.title, pages=pages)


def csv_rows(file: Path, id: str) -> Found:
    """CSV with a header. With a column `text`, each row is a document (`_id` or `id`, `title`; the rest is metadata).

    Without one, the file is one document: a table, whose rows keep their header when it is split.
    """
    text, facts = _text(file)
    header, rows = _table(text, file.suffix.lower())
    names = [name.strip().lower() for name in header]
    if "text" not in names:
        yield _document(file, id, structure.table(header, [row for _, row in rows]) if rows else "", facts=facts)
        return
    for line, cells in rows:
        if len(cells) > len(names):
            yield Refused("more cells than the header has", "put quotes around a cell that holds the separator", line)
        else:
            row = {"id": f"{id}#{line}"} | dict(zip(names, cells, strict=False))
            yield _tried(lambda line, row: _row(file, line, row), line, row)


def json_rows(file: Path, id: str) -> Found:
    """JSON Lines, such as BEIR's `corpus.jsonl`: each line is a document (`_id` or `id`, `text`, `title`).

    The other keys, and those of an object `metadata`, are metadata where they are strings, numbers or booleans.
    """
    with file.open("rb") as content:
        start = 0
        for number, line in enumerate(iter(lambda: content.readline(MOST_TEXT + 1), b""), 1):
            if len(line) > MOST_TEXT:
                yield Refused(f"a line of more than {MOST_TEXT // 2**20} MB", "split the document into several", number)
                start += _rest_of_line(content)
            elif number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise Refused("UTF-16, not UTF-8", SAVE_AS_UTF8)
            elif line.strip():
                yield _tried(lambda *at: _row(file, at[0], _json(*at)), number, line, start)
            start += len(line)


READERS: Mapping[str, Reader] = {
    ".md": markdown,
    ".markdown": markdown,
    ".txt": plain,
    ".text": plain,
    ".rst": plain,
    ".html": html,
    ".htm": html,
    ".xhtml": html,
    ".pdf": pdf,
    ".docx": docx,
    ".csv": csv_rows,
    ".tsv": csv_rows,
    ".jsonl": json_rows,
}


def _tried(make: Callable[..., Document], *given: Any) -> Document | Refused:
    try:
        return make(*given)
    except Refused as refused:
        return refused


def _document(
    file: Path,
    id: str,
    text: str,
    title: str = "",
    facts: Mapping[str, str] | None = None,
    pages: tuple[int, ...] = (),
) -> Document:
    if not text.strip():
        raise Refused("no text", "fill it, or take it out")
    return Document(id, text, title or file.stem, str(file), pages=pages, metadata=facts or {})


def _page(file: Path, id: str, html: str, facts: Mapping[str, str] | None = None) -> Document:
    try:
        title, text = to_markdown(html)
    except TooDeep as error:
        raise Refused(str(error), "save it again from an editor, or take it out") from error
    return _document(file, id, text, structure.first_heading(text) or title, facts)


def _text(file: Path) -> tuple[str, dict[str, str]]:
    """The text of a file, and its encoding as a fact where it is not UTF-8."""
    with file.open("rb") as opened:
        content = opened.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise Refused(f"more than {MOST_TEXT // 2**20} MB of text", SPLIT_IT)
    try:
        text, encoding = decode(content)
    except Undecodable as error:
        raise Refused(error.reason, SAVE_AS_UTF8, content.count(b"\n", 0, error.at) + 1) from error
    return text, {} if encoding == "utf-8" else {"encoding": encoding}


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The facts between two lines of `---` at the beginning, as static site generators write them, and the rest."""
    import yaml

    end = text.find("\n---\n", 0, MOST_FRONT_MATTER) if text.startswith("---\n") else -1
    if end < 0:
        return {}, text
    try:
        matter = yaml.safe_load(text[4 : end + 1])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    return (_facts(matter), text[end + 5 :]) if isinstance(matter, dict) else ({}, text)


def _facts(row: Mapping[Any, Any]) -> dict[str, str]:
    """What can be compared as text: strings, numbers and booleans as JSON writes them, dates."""
    return {
        str(key): json.dumps(value) if isinstance(value, bool | int | float) else str(value)
        for key, value in row.items()
        if isinstance(value, str | bool | int | float | date)
    }


def _table(text: str, suffix: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows that are not empty with the line where each begins."""
    first = text.lstrip("\n").partition("\n")[0]
    separator = "\t" if suffix == ".tsv" else max(",;\t|", key=first.count)
    csv.field_size_limit(MOST_TEXT)  # the library's own limit, 128 KiB, would refuse long documents
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, line = [], 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise Refused(
            f"not valid CSV: {error}", "check the quotation marks of the row that begins here", line
        ) from error
    return (rows[0][1], rows[1:]) if rows else ([], [])


def _json(number: int, line: bytes, start: int) -> dict[str, Any]:
    """The object in a line, which begins at the byte `start` of its file."""
    if (at := line.find(b"\0")) >= 0:
        raise Refused(f"binary content, not text (a NUL at byte {start + at})", SAVE_AS_UTF8, number)
    try:
        row: Any = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode())
    except UnicodeDecodeError as error:
        at = error.start
        raise Refused(f"not UTF-8: byte {start + at} is 0x{error.object[at]:02x}", SAVE_AS_UTF8, number) from error
    except (ValueError, RecursionError) as error:
        what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise Refused(f"not valid JSON: {what}", "write one JSON object a line", number) from error
    if not isinstance(row, dict):
        raise Refused("not a JSON object", 'write {"_id": ..., "title": ..., "text": ...}', number)
    return row


def _row(file: Path, line: int, row: Mapping[str, Any]) -> Document:
    id = row.get("_id", row.get("id"))
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        raise Refused("no id", 'give the document an "_id"', line)
    text, title, inner = row.get("text"), row.get("title"), row.get("metadata")
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"the document '{id}' has no text", 'write its "text" as a string, or remove the line', line)
    if not isinstance(title, str | None):
        do = 'write its "title" as a string, or leave it out'
        raise Refused(f"the title of document '{id}' is not a string", do, line)
    facts = _facts(inner if isinstance(inner, dict) else {}) | _facts(
        {key: value for key, value in row.items() if key not in ("_id", "id", "text", "title", "metadata")}
    )
    return Document(str(id), text, title or "", str(file), line, metadata=facts)


def _rest_of_line(content: IO[bytes]) -> int:
    """Read to the end of the line, and say how many bytes that was."""
    length = 0
    while part := content.readline(2**20):
        length += len(part)
        if part.endswith(b"\n"):
            break
    return length


def _check_docx(content: IO[bytes]) -> None:
    """Refuse what is no DOCX, or would unpack to more than memory should hold."""
    save_again = "open it in Word or LibreOffice and save it again as .docx, without a password"
    if content.read(8) == OLD_OFFICE:
        raise Refused("encrypted, or a .doc file of old", save_again)
    try:
        parts = zipfile.ZipFile(content).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Refused("not a DOCX: no zip archive, or a damaged one", save_again) from error
    if not any(part.filename.startswith("word/") for part in parts):
        raise Refused("not a DOCX: a zip archive without a Word document", save_again)
    if sum(part.file_size for part in parts if part.filename.endswith((".xml", ".rels"))) > MOST_XML:
        raise Refused(f"unpacks to more than {MOST_XML // 2**20} MB of text", SPLIT_IT)
    content.seek(0)


def _ranges(numbers: Iterable[int]) -> str:
    """Numbers in order as a person writes them: "1, 4-6"."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda at: at[1] - at[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
