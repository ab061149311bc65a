"""Segments: the parts of an index, each a folder of files that are written once. Knows nothing of the other segments."""

import hashlib
import json
import mmap
import shutil
import tempfile
import weakref
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self, overload
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Passage
from retrieval.documents import Document
from retrieval.search.postings import Postings, Tally, hashes
from retrieval.search.vectors import Matrix, Raw, Vectors, VectorStore
from retrieval.words import terms

PASSAGES, OFFSETS, KEYS, SIZES = "passages.jsonl", "offsets.npy", "keys.npy", "sizes.npy"
RAW, SUMS = "vectors.raw", "sha256.json"
DECODED = 50_000  # passages of a segment that stay decoded
Rows = NDArray[np.int64]
"""Rows of passages, counted through all segments."""


class Damaged(ValueError):
    """Files of a segment are missing or not as they were written."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of an index: documents and their passages, in rows.

    keys: what tells a document's content from any other, (documents, 16). sizes: passages of each document.
    """

    folder: Path
    keys: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    passages: "Lines"
    words: Postings
    vectors: Vectors

    @property
    def name(self) -> str:
        """The name of its folder, which no other segment has."""
        return self.folder.name

    def documents(self) -> list[bytes]:
        """The key of each document."""
        content = self.keys.tobytes()
        return [content[at : at + 16] for at in range(0, len(content), 16)]


def document_key(document: Document, budget: int) -> bytes:
    """What tells a document split to a budget from any other: the same key, the same passages, wherever it was read."""
    facts = sorted(document.metadata.items())
    parts = (budget, document.id, document.title, document.text, document.pages, document.plain, facts)
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()  # in half the time of JSON


class Stored(Sequence[Passage]):
    """Passages that are read when they are asked for."""

    @overload
    def __getitem__(self, at: int) -> Passage: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Passage, ...]: ...
    def __getitem__(self, at: int | slice) -> Passage | tuple[Passage, ...]:
        places = range(len(self))[at]
        return self._at(places) if isinstance(places, int) else tuple(map(self._at, places))

    @abstractmethod
    def _at(self, at: int) -> Passage: ...


class Lines(Stored):
    """The passages in a file of JSON Lines; the last ones asked for stay decoded."""

    def __init__(self, file: Path, offsets: NDArray[np.int64]) -> None:
        self._offsets = offsets
        self._content: mmap.mmap | bytes = b""
        if len(self):
            with file.open("rb") as opened:
                self._content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._kept = lru_cache(DECODED)(self._read)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @cached_property
    def facts(self) -> Postings:
        """Which passages have which facts, each as `_fact` has it; read once, for the lines never change."""
        facts = Tally()
        for passage in map(self._read, range(len(self))):  # none of them stays decoded
            named = {"document": passage.document, "title": passage.title, **passage.metadata}
            facts.add([_fact(*one) for one in named.items()])
        return facts.postings()

    def _at(self, at: int) -> Passage:
        return self._kept(at)

    def _read(self, at: int) -> Passage:
        return Passage(**json.loads(self._content[self._offsets[at] : self._offsets[at + 1]]))


class Passages(Stored):
    """The living passages of several segments in the order of the documents.

    order: the row of each.
    """

    def __init__(self, parts: Sequence[Lines], order: Rows) -> None:
        self._parts, self._order = parts, order
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return len(self._order)

    def _at(self, at: int) -> Passage:
        row = int(self._order[at])
        part = int(np.searchsorted(self._ends, row, side="right"))
        return self._parts[part][row - int(self._ends[part])]  # from the end of its part: a negative number

    def matching(self, where: Mapping[str, str]) -> NDArray[np.bool_]:
        """Which passages have all the facts `where`: their `document` or `title`, or what the metadata of theirs holds."""
        wanted = hashes(_fact(*one) for one in where.items())
        return np.concatenate([_having(part, wanted) for part in self._parts])[self._order]

    def of(self, document: str) -> list[Passage]:
        """The passages of a document, in their order; the first call reads all passages once."""
        return [self[at] for at in self._by_document.get(document, ())]

    @cached_property
    def _by_document(self) -> Mapping[str, Sequence[int]]:
        positions: dict[str, list[int]] = {}
        for at, passage in enumerate(self):
            positions.setdefault(passage.document, []).append(at)
        return positions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Passage.__eq__, self, other))


class SegmentWriter:
    """Writes a segment into a new folder, a batch of documents at a time; vectors go to disk as they come.

    A context that leaves nothing behind unless `finish` was called.
    """

    def __init__(self, parent: Path | None, store: VectorStore) -> None:
        """Start a folder in `parent`; without one in a temporary folder, which goes when the segment does."""
        self._temporary = None if parent else tempfile.mkdtemp(prefix="index-")
        self._folder = (parent or Path(str(self._temporary))) / uuid4().hex
        self._folder.mkdir()
        self._store, self._finished = store, False
        self._open = ExitStack()
        self._lines = self._open.enter_context((self._folder / PASSAGES).open("wb"))
        self._raw = self._open.enter_context((self._folder / RAW).open("wb"))
        self._keys, self._sizes = bytearray(), array("i")
        self._offsets, self._words, self._dimensions = array("q", [0]), Tally(), 0

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def documents(self) -> int:
        """How many were added."""
        return len(self._sizes)

    def add(self, keys: Iterable[bytes], passages: Sequence[Sequence[Passage]], vectors: Matrix) -> None:
        """Documents by key, the passages of each, and the vectors of all these passages (n, d)."""
        self._keys.extend(b"".join(keys))
        self._sizes.extend(map(len, passages))
        for passage in (passage for of_one in passages for passage in of_one):
            line = json.dumps(vars(passage), ensure_ascii=False).encode() + b"\n"
            self._lines.write(line)
            self._offsets.append(self._offsets[-1] + len(line))
            self._words.add(terms(passage.worded))
        self._raw.write(np.ascontiguousarray(vectors, np.float32).data)
        self._dimensions = vectors.shape[1]

    def finish(self) -> Segment:
        """Build what is searched, and open it."""
        self._open.close()
        np.save(self._folder / OFFSETS, np.array(self._offsets, np.int64))
        np.save(self._folder / KEYS, np.frombuffer(self._keys, np.uint8).reshape(-1, 16))
        np.save(self._folder / SIZES, np.array(self._sizes, np.int32))
        self._words.postings().save(self._folder)
        del self._words  # before the vectors take their memory
        self._store.write(self._folder, Raw(self._folder / RAW, self._dimensions))
        (self._folder / RAW).unlink()
        sums = {file.name: _sha256(file) for file in sorted(self._folder.iterdir())}
        (self._folder / SUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")
        segment = load_segment(self._folder, self._store)
        self._finished = True
        if self._temporary:
            weakref.finalize(segment, shutil.rmtree, self._temporary, ignore_errors=True)
        return segment

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        if not self._finished:
            self._store.remove(self._folder)
            shutil.rmtree(self._temporary or self._folder, ignore_errors=True)


def load_segment(folder: Path, store: VectorStore) -> Segment:
    """Open a segment without reading it. Raises `Damaged`."""
    try:
        keys, sizes, offsets = (np.load(folder / name, mmap_mode="r") for name in (KEYS, SIZES, OFFSETS))
        words = Postings.load(folder)
        return Segment(folder, keys, sizes, Lines(folder / PASSAGES, offsets), words, store.open(folder))
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        raise Damaged(f"'{folder}' cannot be opened ({error})") from error


def checked(folder: Path) -> str:
    """Compare all files with their hashes; gives the hash of the list of those. Raises `Damaged`."""
    try:
        content = (folder / SUMS).read_bytes()
        for name, expected in json.loads(content).items():
            if _sha256(folder / name) != expected:
                raise Damaged(f"'{folder / name}' was changed after it was written")
    except (OSError, ValueError, AttributeError) as error:
        raise error if isinstance(error, Damaged) else Damaged(f"'{folder}' is not whole ({error})") from error
    return hashlib.sha256(content).hexdigest()


def listed(folder: Path) -> str:
    """What `checked` gives for files that are whole, without reading them."""
    return hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()


def _fact(name: str, value: str) -> str:
    return repr((name, value))


def _having(lines: Lines, facts: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which lines have all the facts."""
    having = np.ones(len(lines), bool)
    for fact in facts:
        these = np.zeros(len(lines), bool)
        these[lines.facts.rows[lines.facts.of(fact)]] = True
        having &= these
    return having


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
