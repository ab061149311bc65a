"""What PDFium finds in a PDF; run by `limited.py`, which says why, and imports nothing of this package.

Keys of what `extract` gives: `error` ("password", "damaged" or "size") alone; or `texts` of the pages, `pictures` and `damaged`
(numbers, from 1, of the pages that show a picture and have no text, and of those that do not open), `bookmarks` ([page index,
level from 1, title]), `title`.
"""

from contextlib import closing
from typing import Any

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

MOST_TEXT = 64_000_000  # characters
MOST_BOOKMARKS, LONGEST_NAME = 20_000, 300  # characters of a name; thousands of bookmarks may share one of megabytes


def extract(file: str) -> dict[str, Any]:
    """The text of each page and what else there is, or what is wrong."""
    try:
        document = PdfDocument(file)
    except PdfiumError as error:
        return {"error": "password" if "password" in str(error) else "damaged"}
    texts: list[str] = []
    pictures: list[int] = []
    damaged: list[int] = []
    length = 0
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
            return {"error": "size"}
    title = (document.get_metadata_dict().get("Title") or "")[:LONGEST_NAME]
    bookmarks = _bookmarks(document)
    return {"texts": texts, "pictures": pictures, "damaged": damaged, "bookmarks": bookmarks, "title": title}


def _page(document: PdfDocument, index: int) -> tuple[str, bool]:
    """The text of a page, and whether it shows a picture."""
    with closing(document[index]) as page:
        text = page.get_textpage().get_text_bounded().replace("\r\n", "\n")
        # U+FFFE is where PDFium took out a hyphen and the line end after it, U+00AD a hyphen that may be taken out
        for sign in ("\ufffe", "\u00ad", "\0"):
            text = text.replace(sign, "")
        picture = next(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3), None) is not None
        return "\n".join(line.strip() for line in text.split("\n")).strip(), picture


def _bookmarks(document: PdfDocument) -> list[tuple[int, int, str]]:
    named = []
    for _, bookmark in zip(range(MOST_BOOKMARKS), document.get_toc(), strict=False):
        title = " ".join(bookmark.get_title().split())[:LONGEST_NAME]
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        if title and index is not None:
            named.append((index, bookmark.level + 1, title))
    return named
