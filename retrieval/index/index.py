"""The index of passages that is built, updated, searched, saved and loaded; knows an embedder only as something to call.

An index is a value: segments that are written once, and the order of the passages that live in them. Updating it gives
another index, which has most segments in common with the first.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import BUDGET, Passage
from retrieval.documents import Document
from retrieval.embedder import Embedder
from retrieval.index import saved, updating
from retrieval.index.segments import Damaged, Passages, Rows, Segment
from retrieval.index.stores import store
from retrieval.index.updating import Changes, Making
from retrieval.ranking import Reranker
from retrieval.search.dense import dense
from retrieval.search.searching import SearchSettings, searching
from retrieval.search.sparse import sparse
from retrieval.watching import Watch, unwatched


@dataclass(frozen=True)
class Hit:
    """A passage found; the score is a share from 0 to 1, like a probability, and comparable within one query only."""

    passage: Passage
    score: float


class Index:
    """Passages searched by words (BM25) and by meaning (vectors), fused. Make one with `build`, `open` or `load`.

    passages: in the order of the documents; what a `Ranking` of `words` and `meaning`, the two searches, counts.
    segments: what the passages lie in.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        order: Rows,
        fingerprint: str,
        making: Making,
        settings: SearchSettings,
    ) -> None:
        """Put together what `build`, `open` and `load` have.

        order: the row of each passage; rows that are not in it were removed.
        fingerprint: a hash of the documents in their order, the embedder and the format: equal ones find the same.
        """
        self.passages = Passages([segment.passages for segment in segments], order)
        self.fingerprint, self.settings = fingerprint, settings
        self.segments, self._order, self._making = tuple(segments), order, making
        places = _places(segments, order)
        self.words = sparse([(s.words, p) for s, p in zip(segments, places, strict=True)], len(order))
        self.meaning = dense([(s.vectors, p) for s, p in zip(segments, places, strict=True)], making.embedder)

    @classmethod
    def build(
        cls,
        documents: Iterable[Document],
        embedder: Embedder,
        settings: SearchSettings | None = None,
        watch: Watch = unwatched,
        budget: int = BUDGET,
    ) -> Self:
        """Split `documents` into passages and index them, in a temporary folder until the index is saved.

        settings: how the index is searched by default.
        budget: most tokens of a passage.
        """
        empty = cls([], np.zeros(0, np.int64), "", Making(embedder, store(), budget), settings or SearchSettings())
        return empty.update(documents, watch)

    @classmethod
    def open(
        cls,
        folder: Path,
        documents: Iterable[Document],
        embedder: Embedder,
        settings: SearchSettings | None = None,
        vectors: str = "faiss",
        watch: Watch = unwatched,
        budget: int = BUDGET,
    ) -> tuple[Self, Changes]:
        """The index over `documents` that lies in `folder` afterwards: built, updated or repaired as it needs.

        Only documents that are new or changed are split and encoded. Other processes wait for this one, or go on
        reading the index as it was, which is also what is left if this one is killed.

        settings: how to search; by default as it was saved.
        vectors: where they are kept (`stores.store`).
        budget: most tokens of a passage; all documents are split and encoded again for another one.

        Raises `IndexMismatch` if another embedder made the index in the folder, `MilvusUnavailable` if Milvus is asked
        for and cannot be had.
        """
        with saved.writing(folder):
            making = Making(embedder, store(vectors), budget)
            segments, order, meta, damage = saved.salvage(folder, embedder.fingerprint, making.store)
            wished = settings or (meta.settings if meta else SearchSettings())
            index, changes = cls(segments, order, "", making, wished)._updated(documents, folder, watch)
            if damage or meta is None or (index.fingerprint, wished) != (meta.fingerprint, meta.settings):
                index._write(folder)
        return index, replace(changes, repaired=damage)

    @classmethod
    def load(cls, folder: Path, embedder: Embedder, vectors: str = "") -> Self:
        """Read what `save` or `open` wrote.

        vectors: where they have to be, for an index that somebody else may have made: it may name any file or address.

        Raises `IndexMismatch` if another embedder made its vectors, they are elsewhere, or its files are missing or
        changed, `MilvusUnavailable` if they lie in Milvus and it cannot be had.
        """
        meta = saved.read_meta(folder, embedder.fingerprint)
        where = saved.vectors_in(folder, meta)
        if vectors and where != saved.placed(vectors):
            raise saved.IndexMismatch(f"the index in '{folder}' has its vectors in '{where}', not in '{vectors}'")
        keeper = store(where)
        try:
            segments = [saved.open_segment(folder, name, meta, keeper) for name in meta.segments]
            order = saved.read_order(folder, meta)
        except Damaged as error:
            if saved.read_meta(folder, embedder.fingerprint) != meta:  # another process put a new one in its place
                return cls.load(folder, embedder, vectors)
            raise saved.IndexDamaged(f"the index in '{folder}' is damaged: {error}: build it again") from error
        return cls(segments, order, meta.fingerprint, Making(embedder, keeper, meta.budget), meta.settings)

    def update(self, documents: Iterable[Document], watch: Watch = unwatched) -> Self:
        """The index over `documents` instead: only those that are new or changed are split and encoded.

        What was removed is never found again. This index stays as it is.
        """
        return self._updated(documents, None, watch)[0]

    def search(
        self,
        queries: Sequence[str],
        k: int,
        settings: SearchSettings | None = None,
        where: Mapping[str, str] | None = None,
        reranker: Reranker | None = None,
    ) -> list[list[Hit]]:
        """The `k` best passages for each query, best first, equal ones in the order of the documents.

        Several may be of one document; there are fewer than `k` only where the index holds fewer.

        settings: how to search; by default as the index was told when it was built.
        where: only passages with these facts (`Passages.matching`); the first such search reads all passages once.
        reranker: judges the best ones again, as the settings say: a `cross_encoder`, or the task's own model.
        """
        k = min(k, len(self.passages))
        if k < 1 or not queries:
            return [[] for _ in queries]
        allowed = self.passages.matching(where) if where else None
        search = searching(self.words, self.meaning, self.passages, settings or self.settings, reranker)
        ranking = search(queries, k, allowed)
        return [
            [Hit(self.passages[at], float(score)) for at, score in zip(row, scores, strict=True) if at >= 0]
            for row, scores in zip(ranking.positions, ranking.scores, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the index to `folder`, in the place of what was there: whole or, if it fails, not at all.

        Segments that lie there already are not written again. Vectors in Milvus stay where they are: both copies need
        them, until an update of one of them removes what it no longer needs.
        """
        with saved.writing(folder):
            self._write(folder)

    def _write(self, folder: Path) -> None:
        saved.write_index(folder, self.segments, self._order, self._making, self.fingerprint, self.settings)

    def _updated(self, documents: Iterable[Document], folder: Path | None, watch: Watch) -> tuple[Self, Changes]:
        segments, wanted, changes = updating.updated(self.segments, self._order, documents, self._making, folder, watch)
        made = f"{saved.FORMAT} {self._making.embedder.fingerprint}"
        digest = hashlib.sha256(b"".join(wanted) + made.encode()).hexdigest()[:16]
        order = updating.rows_of(segments, wanted)
        return type(self)(segments, order, digest, self._making, self.settings), changes


def _places(segments: Sequence[Segment], order: Rows) -> list[NDArray[np.int32]]:
    """For each segment, the position of each row's passage, -1 where it was removed."""
    ends = np.cumsum([len(segment.passages) for segment in segments], dtype=np.int64)
    places = np.full(ends[-1] if len(ends) else 0, -1, np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return np.split(places, ends)[:-1]
