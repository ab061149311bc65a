"""From the segments of an index and the documents that it shall hold to the segments of the next one.

Like the segments of Lucene: a removed passage stays where it is, left out of the order, until a quarter of its segment
is gone; small segments are written together, so that there are never more than the logarithm of the passages.
"""

from collections.abc import Container, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Passage, split
from retrieval.documents import Document
from retrieval.embedder import Embedder
from retrieval.index.segments import Rows, Segment, SegmentWriter, document_key
from retrieval.search.vectors import VectorStore
from retrieval.watching import Watch

BATCH = 512  # passages split, encoded and written between two words of progress
SMALL = 1000  # passages; smaller segments are written together whenever there is something new
DEAD = 0.25  # share of removed passages above which a segment is written again

Pieces = tuple[bytes, Sequence[Passage]]  # a document's key and passages


@dataclass(frozen=True)
class Making:
    """How segments are made. budget: most tokens of a passage."""

    embedder: Embedder
    store: VectorStore
    budget: int


@dataclass(frozen=True)
class Changes:
    """What became of the documents (a changed one was added and removed), and what damage was repaired."""

    kept: int = 0
    added: int = 0
    removed: int = 0
    repaired: str = ""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.repaired)

    def __str__(self) -> str:
        counts = {"kept": self.kept, "added": self.added, "removed": self.removed}
        said = "documents: " + (", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "none")
        return said + (f"; built again what was damaged: {self.repaired}" if self.repaired else "")


def updated(
    parts: Sequence[Segment],
    rows: Rows,
    documents: Iterable[Document],
    making: Making,
    folder: Path | None,
    watch: Watch,
) -> tuple[list[Segment], list[bytes], Changes]:
    """The segments that hold `documents`, the keys of those in their order, and what changed.

    rows: of all passages so far.
    folder: where a new segment is written; None for a temporary folder that goes when the segment does.
    """
    before = _before(parts, rows)
    wanted: dict[bytes, None] = {}
    total = len(documents) if isinstance(documents, Sized) else 0
    with SegmentWriter(folder, making.store) as writer:
        for batch in _batches(_new(documents, making.budget, before, wanted)):
            vectors = making.embedder([passage.titled for _, passages in batch for passage in passages])
            writer.add([name for name, _ in batch], [passages for _, passages in batch], vectors)
            watch("index", len(wanted), total)
        living = [(part, _living(part, wanted)) for part in parts]
        living.sort(key=lambda one: int(one[0].sizes[one[1]].sum()))  # small ones first: what joins can make more join
        left = [part for part, alive in living if not _rewritten(part, alive, writer)]
        if writer.documents:
            left.append(writer.finish())
    kept = sum(before.get(name, False) for name in wanted)
    return left, list(wanted), Changes(kept, len(wanted) - kept, sum(before.values()) - kept)


def _before(parts: Sequence[Segment], rows: Rows) -> dict[bytes, bool]:
    """The documents that need not be split and encoded, and whether the index held them, not just its segments."""
    sizes = _sizes(parts)
    alive = np.zeros(int(sizes.sum()) + 1, bool)
    alive[rows] = True
    names = [name for part in parts for name in part.documents()]
    return dict(zip(names, alive[np.cumsum(sizes) - sizes].tolist(), strict=True))


def _sizes(parts: Sequence[Segment]) -> Rows:
    return np.concatenate([np.zeros(0, np.int64), *(part.sizes for part in parts)])


def rows_of(parts: Sequence[Segment], wanted: Sequence[bytes]) -> Rows:
    """The rows of the passages of documents with these keys."""
    numbers = {name: n for n, name in enumerate(name for part in parts for name in part.documents())}
    sizes = _sizes(parts)
    chosen = np.fromiter((numbers[name] for name in wanted), np.int64, len(wanted))
    lengths = sizes[chosen]
    first = (np.cumsum(sizes) - sizes)[chosen] - (np.cumsum(lengths) - lengths)
    return np.repeat(first, lengths) + np.arange(lengths.sum())


def _new(
    documents: Iterable[Document], budget: int, known: Container[bytes], wanted: dict[bytes, None]
) -> Iterator[Pieces]:
    """Split what is not known; all keys go to `wanted` in the order of the documents."""
    for document in documents:
        name = document_key(document, budget)
        if name not in known and name not in wanted:
            yield name, split([document], budget=budget)
        wanted[name] = None


def _batches(new: Iterable[Pieces]) -> Iterator[list[Pieces]]:
    batch: list[Pieces] = []
    held = 0
    for one in new:
        batch.append(one)
        held += len(one[1])
        if held >= BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _living(part: Segment, wanted: dict[bytes, None]) -> NDArray[np.bool_]:
    return np.fromiter((name in wanted for name in part.documents()), bool, len(part.sizes))


def _rewritten(part: Segment, living: NDArray[np.bool_], writer: SegmentWriter) -> bool:
    """Whether the segment goes; where documents live in it, because they were better written to `writer`."""
    rows, alive = len(part.passages), int(part.sizes[living].sum())
    joins = writer.documents > 0 and alive <= max(len(writer), SMALL)
    if living.any() and not joins and alive >= (1 - DEAD) * rows:
        return False
    ends = np.cumsum(part.sizes)
    documents = np.flatnonzero(living)
    for at in range(0, len(documents), BATCH):
        some = documents[at : at + BATCH]
        spans = [(int(ends[i] - part.sizes[i]), int(ends[i])) for i in some]
        vectors = part.vectors.get(np.concatenate([np.arange(start, end) for start, end in spans]))
        writer.add([bytes(part.keys[i]) for i in some], [part.passages[a:b] for a, b in spans], vectors)
    return True
