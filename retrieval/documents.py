"""Documents as values, and reading them from a file or a folder; knows nothing of passages or search."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT_SUFFIXES = {".md", ".markdown", ".txt"}
SAVE_AS_UTF8 = "save the file as UTF-8 text, or take it out"


@dataclass(frozen=True)
class Document:
    """One document: `file` and `line` (1-based, 0 for a whole file) say where it was read."""

    id: str
    text: str
    title: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Unreadable:
    """What could not be read, where (`line` 1-based, 0 for a whole file), why, and what a person can do about it."""

    file: str
    line: int
    reason: str
    do: str


class _Refused(Exception):
    """Carries one `Unreadable` to the loop that collects them."""

    def __init__(self, reason: str, do: str, line: int = 0) -> None:
        self.reason, self.do, self.line = reason, do, line


def read(path: Path) -> tuple[tuple[Document, ...], tuple[Unreadable, ...]]:
    """Read a BEIR `corpus.jsonl`, one text or Markdown file, or a folder of those; problems are returned, never raised.

    path: `.jsonl` holds an object a line (`_id` or `id`, `text`, `title`); in a folder a document's id is its path
        relative to the folder.
    """
    documents: list[Document] = []
    problems: list[Unreadable] = []
    for file, load in _sources(path):
        try:
            for found in load():
                (documents if isinstance(found, Document) else problems).append(found)  # type: ignore[arg-type]
        except _Refused as refused:
            problems.append(Unreadable(str(file), refused.line, refused.reason, refused.do))
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            problems.append(Unreadable(str(file), 0, reason, "check that it exists and that you may read it"))
    if not documents and not problems:
        where = "no documents in this folder" if path.is_dir() else "no documents in this file"
        problems.append(Unreadable(str(path), 0, where, "add .md or .txt files, or point to a corpus.jsonl"))
    return tuple(documents), tuple(problems)


Found = Iterator[Document | Unreadable]


def _sources(path: Path) -> Iterator[tuple[Path, Callable[[], Found]]]:
    """Each file to read, with the work that reads it."""
    if not path.is_dir():
        yield path, lambda: _jsonl(path) if path.suffix.lower() == ".jsonl" else _text_file(path, path.name)
        return
    for file in sorted(path.rglob("*")):
        if file.is_symlink() or not file.is_dir():
            yield file, lambda file=file: _in_folder(file, path)  # type: ignore[misc]


def _in_folder(file: Path, folder: Path) -> Found:
    # realpath and not Path.resolve, which raises on a link that leads to itself
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise _Refused("a link that leaves the folder", "copy what it points to into the folder, or remove the link")
    if not file.is_dir():  # a link to a folder inside: its files are read where they lie
        yield from _text_file(file, file.relative_to(folder).as_posix())


def _text_file(file: Path, id: str) -> Found:
    if file.exists() and not file.is_file():
        raise _Refused("not a file", "point to a file or a folder")
    if file.exists() and file.suffix.lower() not in TEXT_SUFFIXES:
        raise _Refused(f"'{file.suffix}' files are not read", "convert it to .md or .txt, or take it out of the folder")
    text = _decode(_bytes(file)).replace("\r\n", "\n")
    if not text.strip():
        raise _Refused("no text", "fill it, or take it out")
    heading = re.search(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE) if file.suffix.lower() != ".txt" else None
    yield _checked(Document(id, text, heading.group(1) if heading else file.stem, str(file)))


def _jsonl(file: Path) -> Found:
    if file.exists() and not file.is_file():
        raise _Refused("not a file", "point to a file or a folder")
    first: dict[str, int] = {}
    start = 0
    for number, line in enumerate(_bytes(file).split(b"\n"), 1):
        try:
            if line.strip():
                document = _row(_decode(line, start), str(file), number)
                if (seen := first.setdefault(document.id, number)) != number:
                    raise _Refused(f"the id '{document.id}' was used in line {seen}", "give every document its own id")
                yield document
        except _Refused as refused:
            yield Unreadable(str(file), number, refused.reason, refused.do)
        start += len(line) + 1


def _row(line: str, file: str, number: int) -> Document:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise _Refused(f"not valid JSON: {what}", "write one JSON object a line") from error
    if not isinstance(row, dict):
        raise _Refused("not a JSON object", 'write {"_id": ..., "title": ..., "text": ...}')
    id = row.get("_id", row.get("id"))
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        raise _Refused("no id", 'give the document an "_id"')
    text, title = row.get("text"), row.get("title")
    if not isinstance(text, str) or not text.strip():
        raise _Refused(f"the document '{id}' has no text", 'write its "text" as a string, or remove the line')
    if not isinstance(title, str | None):
        raise _Refused(
            f"the title of document '{id}' is not a string", 'write its "title" as a string, or leave it out'
        )
    return _checked(Document(str(id), text, title or "", file, number))


def _bytes(file: Path) -> bytes:
    content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if (at := content.find(b"\0")) >= 0:
        raise _Refused(f"binary content, not text (a NUL at byte {at})", SAVE_AS_UTF8, content.count(b"\n", 0, at) + 1)
    return content


def _decode(content: bytes, start: int = 0) -> str:
    """Decode UTF-8; `start` is where `content` begins in its file, so that a message can name the byte."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: byte {start + error.start} is 0x{content[error.start]:02x}"
        raise _Refused(reason, SAVE_AS_UTF8, line) from error


def _checked(document: Document) -> Document:
    r"""Refuse half a surrogate pair (JSON's "\ud83d", or a file name that is not UTF-8): no tokenizer takes it."""
    try:
        f"{document.id}{document.title}{document.text}".encode()
    except UnicodeEncodeError as error:
        raise _Refused("holds half of a surrogate pair, which is no character", "write the character whole") from error
    return document
