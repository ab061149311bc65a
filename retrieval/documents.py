"""Documents as values; knows nothing of files, passages or search."""

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Document:
    """One document.

    id: its own among all documents; in a folder its path, relative to the folder.
    text: Markdown; what was HTML, DOCX, reStructuredText or CSV has its headings and tables written as Markdown.
    file, line: where it was read (`line` 1-based, 0 for a whole file).
    pages: where in `text` each page begins, () where there are none.
    metadata: what else is known about it, such as the other keys of its row; to filter by.
    plain: its text is no Markdown: nothing in it is a heading, a table or code.
    """

    id: str
    text: str
    title: str = ""
    file: str = ""
    line: int = 0
    pages: tuple[int, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    plain: bool = False

    def page(self, at: int) -> int:
        """The page (from 1) that holds the character `at` of its text, 0 where there are no pages."""
        return bisect_right(self.pages, at)


@dataclass(frozen=True)
class Unreadable:
    """What could not be read, where (`line` 1-based, 0 for a whole file), why, and what a person can do about it."""

    file: str
    line: int
    reason: str
    do: str


class Refused(Exception):
    """What is not read, a file or a row in it (`line`, from 1; 0 for the file): why, and what to do about it."""

    def __init__(self, reason: str, do: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.do, self.line = reason, do, line

    def of(self, file: str) -> Unreadable:
        """What was refused, with the file it was in."""
        return Unreadable(file, self.line, self.reason, self.do)


def metadata_of(row: Mapping[Any, object]) -> dict[str, str]:
    """What of a row can be compared as text: strings, dates, and numbers and booleans as JSON writes them."""
    return {
        str(key): json.dumps(value) if isinstance(value, bool | int | float) else str(value)
        for key, value in row.items()
        if isinstance(value, str | bool | int | float | date)
    }
