"""Reads documents from a file or a folder; knows kinds of files only as readers."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from retrieval.documents import Document, Refused, Unreadable
from retrieval.read.formats import READERS
from retrieval.writing import clean

# what nobody means as a document
PASSED_OVER = (
    ".png .jpg .jpeg .gif .bmp .svg .ico .webp .tif .tiff .heic .mp3 .wav .ogg .flac .m4a .mp4 .mov .avi .mkv .webm "
    ".css .js .mjs .map .woff .woff2 .ttf .otf .eot Thumbs.db desktop.ini"
)
NO_DOCUMENTS = frozenset(PASSED_OVER.split())
SURROGATE = re.compile("[\ud800-\udfff]")  # how Python writes a byte of a file's name that is not UTF-8
MOST_TOLD = 1000  # problems of a file; a file of nothing else would have millions
LONGEST_TITLE = 1000  # characters; every passage repeats it


def read(path: Path) -> tuple[tuple[Document, ...], tuple[Unreadable, ...]]:
    """Read one file, or all files of a folder and the folders in it; problems are returned, never raised.

    path: Markdown (.md), text (.txt), reStructuredText (.rst), HTML, PDF, DOCX, CSV and TSV (`rows.csv_rows`), or JSON Lines with a
        document a line, such as BEIR's `corpus.jsonl`. In a folder the id of a document that is a whole file is its
        path relative to the folder. Of a BEIR folder (`corpus.jsonl` beside `queries.jsonl`) only the corpus is read.

    Texts come clean (`writing.clean`): composed letters, no invisible characters. A document without text that has a title
    is one; without both it is a problem.

    Passed over without a word: hidden files and folders (`.git`), Word's `~$` files, images, sound, video, fonts, style
    sheets and scripts. Whatever else cannot be read is in the problems, and the rest is read. A file in another encoding
    than UTF-8 is read where the encoding is sure, and named in `metadata["encoding"]`. Memory is bounded, whatever a file
    claims to hold: more than 64 MB of text in one file is refused, or in one row of JSON Lines. Of the problems of one file
    the first 1,000 are told, and how many more there are.
    """
    documents: dict[str, Document] = {}
    problems: list[Unreadable] = []
    told: Counter[str] = Counter()
    for one in _contents(path):
        if isinstance(one, Document):
            first = documents.setdefault(one.id, one)
            if first is one:
                continue
            one = _twice(first, one)
        told[one.file] += 1
        if told[one.file] <= MOST_TOLD:
            problems.append(replace(one, file=_shown(one.file), reason=_shown(one.reason)))
    for file, times in told.items():
        if times > MOST_TOLD:
            more = f"{times - MOST_TOLD:,} more problems"
            problems.append(Unreadable(_shown(file), 0, more, "mend the first ones, and look again"))
    if not documents and not problems:
        where = "no documents in this folder" if path.is_dir() else "no documents in this file"
        kinds = " ".join(READERS)
        problems.append(Unreadable(str(path), 0, where, f"add some (of the kinds {kinds}), or point to a corpus.jsonl"))
    return tuple(documents.values()), tuple(problems)


def _contents(path: Path) -> Iterator[Document | Unreadable]:
    if not path.is_dir():
        yield from _in_file(path, path.name)
    elif (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file():
        yield from _in_file(path / "corpus.jsonl", "corpus.jsonl")
    else:
        for file in _files(path):
            if isinstance(file, Unreadable):
                yield file
            else:
                yield from _in_file(file, file.relative_to(path).as_posix())


def _files(folder: Path) -> Iterator[Path | Unreadable]:
    """The files of a folder and of the folders in it, in order; links are followed to files inside only."""
    problems: list[Unreadable] = []
    files: list[Path] = []
    inside = os.path.realpath(folder)
    for parent, folders, names in os.walk(folder, onerror=lambda error: problems.append(not_opened(error))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in [*names, *links]:
            file = Path(parent, name)
            if name.startswith((".", "~$")) or not NO_DOCUMENTS.isdisjoint((name, file.suffix.lower())):
                continue
            # realpath and not Path.resolve, which raises on a link that leads to itself
            if not Path(os.path.realpath(file)).is_relative_to(inside):
                do = "copy what it points to into the folder, or remove the link"
                problems.append(Unreadable(str(file), 0, "a link that leaves the folder", do))
            elif name not in links:  # a link to a folder inside: its files are read where they lie
                files.append(file)
    yield from sorted(files)
    yield from problems


def _in_file(file: Path, id: str) -> Iterator[Document | Unreadable]:
    try:
        reader = READERS.get(file.suffix.lower())
        if file.exists() and not file.is_file():
            raise Refused("not a file", "point to a file or a folder")
        if SURROGATE.search(id):
            raise Refused("its name is not UTF-8", "give it another name")
        if reader is None:
            kind = f"'{file.suffix}' files are not read" if file.suffix else "a file of unknown kind (no suffix)"
            raise Refused(kind, "save it as one of " + " ".join(READERS) + ", or take it out")
        for one in reader(file, id):
            yield one.of(str(file)) if isinstance(one, Refused) else _checked(one)
    except Refused as refused:
        yield refused.of(str(file))
    except OSError as error:
        yield not_opened(error, file)
    except RecursionError:
        yield Unreadable(str(file), 0, "parts inside one another too deep to follow", "save it again from an editor")
    except Exception as error:  # libraries raise all kinds of errors on damaged files
        reason = f"damaged, or not what its name says ({type(error).__name__}: {str(error)[:200]})"
        yield Unreadable(str(file), 0, reason, "open it in the program that made it and save it again, or take it out")


def not_opened(error: OSError, file: Path | None = None) -> Unreadable:
    """What the operating system refused; the file, unless the error names it."""
    reason = f"cannot be read: {error.strerror or error}"
    return Unreadable(str(file or error.filename), 0, reason, "check that it exists and that you may read it")


def _shown(text: str) -> str:
    """A name or reason that can be written anywhere: names hold bytes that are not UTF-8, and orders to a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _twice(first: Document, again: Document) -> Unreadable:
    place = f"line {first.line}" if first.line else "the whole file"
    where = place if first.file == again.file else f"{first.file}" + (f", {place}" if first.line else "")
    return Unreadable(
        again.file, again.line, f"the id '{again.id}' was used in {where}", "give every document its own id"
    )


def _checked(document: Document) -> Document | Unreadable:
    r"""The document in clean text, titled with its file's name where it has no title and is the whole file.

    Refuses one without text and title, and half a surrogate pair, such as JSON's "\ud83d": no tokenizer takes it.
    """
    try:
        f"{document.id}{document.title}{document.text}{document.metadata}".encode()
    except UnicodeEncodeError:
        reason = "holds half of a surrogate pair, which is no character"
        return Unreadable(document.file, document.line, reason, "write the character whole")
    # the pages of a PDF are clean already, so that they begin where it says
    title, text = clean(document.title).strip(), clean(document.text)
    if not title and not text.strip():
        what = f"the document '{document.id}' has no text" if document.line else "no text"
        return Unreadable(document.file, document.line, what, "write its text, or a title at least, or take it out")
    named = title or ("" if document.line else Path(document.file).stem)
    return replace(document, title=named[:LONGEST_TITLE], text=text)
