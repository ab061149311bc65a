"""The text of a PDF, page by page, with its bookmarks as headings; knows nothing of documents."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieval.read.apart import extracted
from retrieval.writing import clean

PROGRAM = Path(__file__).with_name("pdfium.py")
ERRORS = {
    "password": ("encrypted: it opens with a password only", "save it without a password"),
    "damaged": ("not a PDF, or a damaged one", "save it again from a viewer, or take it out"),
    "size": ("more than 64 million characters of text", "split it into smaller files"),
}
NO_TITLE = re.compile(r"(?i)(microsoft \w+ - .*|untitled.*|.*\.[a-z]{2,5}|)")  # what programs write when nobody did
PAGE_NUMBER = re.compile(r"(?i)(?:(?:page|seite|página|pagina|of|von|sur|de|di)\b|[\d\W_]|\b[ivxlc]+\b)+")
LONGEST_NUMBER = 200  # characters; the pattern takes a hundred bytes of memory for each
SENTENCE_END = (".", "!", "?", ":", "。", "！", "？")


@dataclass(frozen=True)
class Pdf:
    """What a PDF says.

    pages: the text of each page, as Markdown where there are bookmarks.
    pictures, damaged: numbers (from 1) of the pages that show a picture and have no text, and of those that do not open.
    """

    title: str
    pages: tuple[str, ...]
    pictures: tuple[int, ...]
    damaged: tuple[int, ...]

    def joined(self) -> tuple[str, tuple[int, ...]]:
        """The whole text, and where in it each page begins."""
        parts: list[str] = []
        starts: list[int] = []
        length = 0
        for page in self.pages:
            if parts and page:
                # a sentence that goes on over the end of a page stays one
                ended = parts[-1].endswith(SENTENCE_END) or page.startswith("#")
                parts.append("\n\n" if ended else "\n")
                length += len(parts[-1])
            starts.append(length)
            if page:
                parts.append(page)
                length += len(page)
        return "".join(parts), tuple(starts)


def read_pdf(file: Path) -> Pdf:
    """Read the text of a PDF, in a process of its own (`limited.py` says why). Raises `Refused` or `OSError`."""
    content = extracted(PROGRAM, file, ERRORS)
    bookmarks: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for index, level, name in content["bookmarks"]:
        bookmarks[index].append((min(level, 6), clean(name)))
    texts = _without_running_lines([clean(text) for text in content["texts"]])
    pages = [_with_headings(page, bookmarks[at]) for at, page in enumerate(texts)]
    title = " ".join(content["title"].split())
    title = "" if NO_TITLE.fullmatch(title) else title
    return Pdf(title, tuple(pages), tuple(content["pictures"]), tuple(content["damaged"]))


def _without_running_lines(pages: list[str]) -> list[str]:
    """The pages without the first and last lines that most of them share, and without page numbers there."""
    pages = list(pages)
    for end in (0, -1):
        lines = [page.split("\n") for page in pages]
        seen = Counter(_running(page[end]) for page in lines if page[end])
        most = {line for line, times in seen.items() if times >= 4 and times > len(pages) / 2}
        for at, page in enumerate(lines):
            if page[end] and _running(page[end]) in most:
                del page[end]
                pages[at] = "\n".join(page).strip()
    return pages


def _running(line: str) -> str:
    """A line as it is compared with those of other pages: all page numbers are the same."""
    return "" if len(line) <= LONGEST_NUMBER and PAGE_NUMBER.fullmatch(line) else line


def _with_headings(page: str, bookmarks: list[tuple[int, str]]) -> str:
    """Mark the lines that bookmarks name as headings; a name that is no line of the page stands at its top."""
    if not bookmarks:
        return page
    lines = page.split("\n")
    places: dict[str, int] = {}
    for at, line in enumerate(lines):
        for key in _keys(line):
            places.setdefault(key, at)
    top: list[str] = []
    for level, title in bookmarks:
        heading = f"{'#' * level} {title}"
        place = next((places[key] for key in _keys(title) if key in places), None)
        if place is not None and not lines[place].startswith("#"):
            lines[place] = heading
        else:
            top.append(heading)
    return "\n".join([*top, *lines]).strip()


def _keys(line: str) -> Iterator[str]:
    """A line as it is compared: its letters and digits, with the number that it begins with and without."""
    key = re.sub(r"[\W_]+", "", line).casefold()
    if key:
        yield key
    if bare := key.lstrip("0123456789"):
        yield bare
