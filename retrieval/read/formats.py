"""Readers, one for each kind of file: from a file to its documents; knows nothing of folders.

A reader is given a file and the id that a document made of the whole file gets. It yields documents, titled where they
have a title of their own, and `Refused` for what in the file cannot be used; it raises `Refused`, or whatever the library
below it raises, where that is all of it.
Memory is bounded, whatever a file claims to hold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from retrieval import structure
from retrieval.documents import Document, Refused, metadata_of
from retrieval.read.apart import extracted
from retrieval.read.decoding import text_of
from retrieval.read.markup import TooLarge, to_markdown
from retrieval.read.pdf import read_pdf
from retrieval.read.rows import csv_rows, json_rows

WORD, RST = (Path(__file__).with_name(name) for name in ("word.py", "restructured.py"))
SAVE_AS_DOCX = "open it in Word or LibreOffice and save it again as .docx, without a password"
WORD_ERRORS = {
    "old": ("encrypted, or a .doc file of old", SAVE_AS_DOCX),
    "zip": ("not a DOCX: no zip archive, or a damaged one", SAVE_AS_DOCX),
    "other": ("not a DOCX: a zip archive without a Word document", SAVE_AS_DOCX),
    "damaged": ("not a Word document, or a damaged one", SAVE_AS_DOCX),
    "size": (
        "unpacks to more than 32 MB or 2,000,000 tags, or to 64 million characters",
        "split it into smaller files",
    ),
    "deep": ("parts inside one another too deep to follow", SAVE_AS_DOCX),
}
RST_ERRORS = {
    "deep": ("parts inside one another too deep to follow", "save it as .txt, to be read as it stands"),
    "damaged": ("text that docutils gives up on", "save it as .txt, to be read as it stands"),
}
MOST_FRONT_MATTER = 2**14  # characters

Contents = Iterator[Document | Refused]
Reader = Callable[[Path, str], Contents]


def plain(file: Path, id: str) -> Contents:
    """Plain text, in which nothing is Markdown."""
    text, facts = text_of(file)
    yield Document(id, text, file=str(file), metadata=facts, plain=True)


def markdown(file: Path, id: str) -> Contents:
    """Markdown; its title is its front matter's, or its first heading; the rest of the front matter is metadata."""
    text, facts = text_of(file)
    matter, text = _front_matter(text)
    title = matter.pop("title", "") or structure.first_heading(text)
    yield Document(id, text, title, str(file), metadata=matter | facts)


def html(file: Path, id: str) -> Contents:
    """HTML; its title is its first heading, or its `<title>`."""
    text, facts = text_of(file)
    yield _page(file, id, text, facts)


def rst(file: Path, id: str) -> Contents:
    """reStructuredText, by way of HTML, in a process of its own; its title is its first heading."""
    text, facts = text_of(file)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        copy.write_text(text, encoding="utf-8")
        html = extracted(RST, copy, RST_ERRORS)["html"]
    yield _page(file, id, html, facts)


def docx(file: Path, id: str) -> Contents:
    """Word's DOCX, by way of HTML, in a process of its own (`limited.py` says why); its title is its first heading."""
    yield _page(file, id, extracted(WORD, file, WORD_ERRORS)["html"])


def pdf(file: Path, id: str) -> Contents:
    """PDF with a text layer: its pages, and its bookmarks as headings; its title is the one that it gives itself."""
    said = read_pdf(file)
    text, pages = said.joined()
    if said.pictures:
        do = "run text recognition over it (`ocrmypdf in.pdf out.pdf`), or leave them out"
        yield Refused(f"no text layer on {_pages(said.pictures)}, only pictures", do)
    if said.damaged:
        yield Refused(f"damage on {_pages(said.damaged)}", "save it again from a viewer")
    if text or not (said.pictures or said.damaged):
        yield Document(id, text, said.title, str(file), pages=pages)


READERS: Mapping[str, Reader] = {
    ".md": markdown,
    ".markdown": markdown,
    ".txt": plain,
    ".text": plain,
    ".rst": rst,
    ".html": html,
    ".htm": html,
    ".xhtml": html,
    ".pdf": pdf,
    ".docx": docx,
    ".csv": csv_rows,
    ".tsv": csv_rows,
    ".jsonl": json_rows,
}


def _page(file: Path, id: str, html: str, facts: Mapping[str, str] | None = None) -> Document:
    try:
        title, text = to_markdown(html)
    except TooLarge as error:
        raise Refused(str(error), "save it again from an editor, split it, or take it out") from error
    return Document(id, text, structure.first_heading(text) or title, str(file), metadata=facts or {})


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The facts between two lines of `---` at the beginning, as static site generators write them, and the rest."""
    end = text.find("\n---\n", 0, MOST_FRONT_MATTER) if text.startswith("---\n") else -1
    if end < 0:
        return {}, text
    try:
        matter = yaml.safe_load(text[4 : end + 1])
        # a whole number of thousands of digits is a ValueError, when it is written
        return (metadata_of(matter), text[end + 5 :]) if isinstance(matter, dict) else ({}, text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text


def _pages(numbers: Sequence[int]) -> str:
    """Numbers in order as a person writes them: "pages 1, 4-6"."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda at: at[1] - at[0])]
    ranges = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"pages {ranges}" if len(numbers) > 1 else f"page {ranges}"
