"""The text of a PDF, page by page, with its bookmarks as headings; knows nothing of documents."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.documents import Refused

MOST_TEXT = 64 * 2**20  # characters
MOST_SECONDS = 300  # checked between pages
MOST_BOOKMARKS = 20_000
NO_TITLE = re.compile(r"(?i)(microsoft \w+ - .*|untitled.*|.*\.[a-z]{2,5}|)")  # what programs write when nobody did
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


def read(file: Path) -> Pdf:
    """Read the text of a PDF. Raises `Refused` or `OSError`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error):
            raise Refused("encrypted: it opens with a password only", "save it without a password") from error
        raise Refused("not a PDF, or a damaged one", "save it again from a viewer, or take it out") from error
    with document:
        texts, pictures, damaged = _texts(document)
        bookmarks = _bookmarks(document, len(texts))
        title = " ".join((document.get_metadata_dict().get("Title") or "").split())
    pages = [_with_headings(page, bookmarks[at]) for at, page in enumerate(_without_running_lines(texts))]
    return Pdf("" if NO_TITLE.fullmatch(title) else title, tuple(pages), tuple(pictures), tuple(damaged))


def _texts(document: Any) -> tuple[list[str], list[int], list[int]]:
    from pypdfium2 import PdfiumError

    texts, pictures, damaged = [], [], []
    length, started = 0, time.monotonic()
    for number in range(1, len(document) + 1):
        try:
            text, picture = _page(document, number - 1)
        except PdfiumError:
            text, picture = "", False
            damaged.append(number)
        texts.append(text)
        length += len(text)
        if picture and not text:
            pictures.append(number)
        if length > MOST_TEXT:
            raise Refused(f"more than {MOST_TEXT // 2**20} million characters of text", "split it into smaller files")
        if time.monotonic() - started > MOST_SECONDS:
            raise Refused(f"page {number} was reached only after {MOST_SECONDS} seconds", "split it into smaller files")
    return texts, pictures, damaged


def _page(document: Any, index: int) -> tuple[str, bool]:
    """The text of a page, and whether it shows a picture."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    page = document[index]
    try:
        text = page.get_textpage().get_text_bounded()
        # U+FFFE is where PDFium took out a hyphen and the line end after it
        lines = text.replace("\r\n", "\n").replace("\ufffe", "").replace("\u00ad", "").replace("\0", "").split("\n")
        picture = next(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3), None) is not None
        return "\n".join(line.strip() for line in lines).strip(), picture
    finally:
        page.close()


def _bookmarks(document: Any, pages: int) -> dict[int, list[tuple[int, str]]]:
    """Level (from 1) and title of the bookmarks, by the index of the page that they lead to."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for _, bookmark in zip(range(MOST_BOOKMARKS), document.get_toc(), strict=False):
        title = " ".join(bookmark.get_title().split())
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        if title and index is not None and 0 <= index < pages:
            found[index].append((min(bookmark.level + 1, 6), title))
    return found


def _without_running_lines(pages: list[str]) -> list[str]:
    """The pages without the first and last lines that most of them share but for a number."""
    pages = list(pages)
    for end in (0, -1):
        lines = [page.split("\n") for page in pages]
        seen = Counter(_unnumbered(page[end]) for page in lines if page[end])
        running = {line for line, times in seen.items() if times >= 4 and times > len(pages) / 2}
        for at, page in enumerate(lines):
            if _unnumbered(page[end]) in running:
                del page[end]
                pages[at] = "\n".join(page).strip()
    return pages


def _unnumbered(line: str) -> str:
    return re.sub(r"\d+", "0", line)


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
        found = [places[key] for key in _keys(title) if key in places]
        if found and not lines[found[0]].startswith("#"):
            lines[found[0]] = heading
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
