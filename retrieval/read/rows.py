"""Readers of files whose rows can be documents: CSV and JSON Lines."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import IO

from retrieval import structure
from retrieval.documents import Document, Refused, metadata_of
from retrieval.read.decoding import MOST_TEXT, SAVE_AS_UTF8, text_of

OWN_KEYS = ("_id", "id", "text", "title", "metadata")
MOST_CELLS = 4_000_000  # of the rows that are documents; one may take a hundred times its bytes in the file
MOST_BRACKETS = 2_000_000  # of a row of JSON; an empty object takes thirty times its bytes in the file
LONGEST_ID = 1000  # characters; every passage repeats it


def csv_rows(file: Path, id: str) -> Iterator[Document | Refused]:
    """CSV with a header. With a column `text`, each row is a document (`_id` or `id`, `title`; the rest is metadata).

    Without one, the file is one document: a table, whose rows keep their header when it is split.
    """
    text, metadata = text_of(file)
    rows = _cells(text, file.suffix.lower())
    header, first = next(rows, None), next(rows, None)
    if header is None or first is None:
        raise Refused("no rows", "write a header and rows below it, or take it out")
    rows = chain([first], rows)
    names = [name.strip().lower() for name in header[1]]
    if "text" not in names:
        table = structure.table(header[1], (cells for _, cells in rows))
        yield Document(id, table, file=str(file), metadata=metadata)
        return
    many = 0
    for line, cells in rows:
        many += len(cells)
        if many > MOST_CELLS:
            raise Refused(f"more than {MOST_CELLS:,} cells: the rows from here on are left out", "split the file", line)
        if len(cells) > len(names):
            yield Refused("more cells than the header has", "put quotes around a cell that holds the separator", line)
        else:
            yield _document(file, line, {"id": f"{id}#{line}"} | dict(zip(names, cells, strict=False)))


def json_rows(file: Path, id: str) -> Iterator[Document | Refused]:
    """JSON Lines, such as BEIR's `corpus.jsonl`: each line is a document (`_id` or `id`, `text`, `title`).

    The other keys, and those of an object `metadata`, are metadata where they are strings, numbers or booleans.
    """
    for row in json_objects(file, '{"_id": ..., "title": ..., "text": ...}'):
        yield row if isinstance(row, Refused) else _document(file, *row)


def json_objects(file: Path, like: str) -> Iterator[tuple[int, dict[str, object]] | Refused]:
    """The objects of a file of JSON Lines with the numbers of their lines, from 1; `Refused` for what is no object.

    like: an object as the file should have it, for the advice. Raises `Refused` or OSError where it is the whole file.
    """
    with file.open("rb") as content:
        start = 0
        for number, line in enumerate(iter(lambda: content.readline(MOST_TEXT + 1), b""), 1):
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise Refused("UTF-16, not UTF-8", SAVE_AS_UTF8)
            if len(line) > MOST_TEXT:
                yield Refused(f"a line of more than {MOST_TEXT // 2**20} MB", "split the document into several", number)
                start += _rest_of_line(content)
            elif line.strip():
                yield _object(line, number, start, like)
            start += len(line)


def _cells(text: str, suffix: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, the header first, and the line where each begins."""
    first = text.lstrip("\n").partition("\n")[0]
    separator = "\t" if suffix == ".tsv" else max(",;\t|", key=first.count)
    csv.field_size_limit(MOST_TEXT)  # the library's own limit, 128 KiB, would refuse long documents
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        do = "check the quotation marks of the row that begins here"
        raise Refused(f"not valid CSV: {error}", do, line) from error


def _object(content: bytes, line: int, start: int, like: str) -> tuple[int, dict[str, object]] | Refused:
    """The object in a line, which begins at the byte `start` of its file."""
    if (at := content.find(b"\0")) >= 0:
        return Refused(f"binary content, not text (a NUL at byte {start + at})", SAVE_AS_UTF8, line)
    if content.count(b"{") + content.count(b"[") > MOST_BRACKETS:
        return Refused(f"more than {MOST_BRACKETS:,} objects and lists", "split the document into several", line)
    try:
        row: object = json.loads(content.decode("utf-8-sig" if line == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        at = error.start
        return Refused(f"not UTF-8: byte {start + at} is 0x{error.object[at]:02x}", SAVE_AS_UTF8, line)
    except (ValueError, RecursionError) as error:
        what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        return Refused(f"not valid JSON: {what}", "write one JSON object a line", line)
    if not isinstance(row, dict):
        return Refused("not a JSON object", f"write {like}", line)
    return line, row


def _document(file: Path, line: int, row: Mapping[str, object]) -> Document | Refused:
    id = row.get("_id", row.get("id"))
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        return Refused("no id", 'give the document an "_id"', line)
    if isinstance(id, str) and len(id) > LONGEST_ID:
        return Refused(f"an id of more than {LONGEST_ID:,} characters", 'give the document a shorter "_id"', line)
    for key in ("text", "title"):
        if not isinstance(row.get(key), str | None):
            do = f'write its "{key}" as a string, or leave it out'
            return Refused(f"the {key} of document '{id}' is not a string", do, line)
    inner = row.get("metadata")
    others = {key: value for key, value in row.items() if key not in OWN_KEYS}
    metadata = metadata_of(inner if isinstance(inner, dict) else {}) | metadata_of(others)
    return Document(
        str(id), str(row.get("text") or ""), str(row.get("title") or ""), str(file), line, metadata=metadata
    )


def _rest_of_line(content: IO[bytes]) -> int:
    """Read to the end of the line, and say how many bytes that was."""
    length = 0
    while part := content.readline(2**20):
        length += len(part)
        if part.endswith(b"\n"):
            break
    return length
