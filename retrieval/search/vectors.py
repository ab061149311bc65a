"""The vectors of one segment, searched with FAISS or Milvus; knows rows by number, and no passages or texts.

What a segment needs of a vector store is `VectorStore`; `store` chooses one by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking

Matrix = NDArray[np.float32]

FLAT = 10_000  # vectors up to which all are compared: under a millisecond, exact, and nothing to build
HNSW = 4_000_000  # up to which there is a graph; above, clusters (IVF), which take no memory for links
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 32, 200, 128  # of the graph; what a build of width 80 missed, no search found again
SAMPLE = 40  # vectors for each cluster that clusters are made from; FAISS wants 39
PROBES = 64  # clusters that a query looks into, or one in so many, if that is more
FEW = 0.1  # share of rows allowed below which all of those are compared: a graph would hardly come across them
BATCH = 16_384  # vectors added at once
FILE = "vectors.faiss"


class Vectors(Protocol):
    """The vectors of rows 0 to n - 1, which never change."""

    def __len__(self) -> int: ...

    def search(self, queries: Matrix, k: int, allowed: Allowed = None) -> Ranking:
        """The `k` rows nearest to each query (m, d) by inner product, among the allowed; scores may be approximate."""
        ...

    def get(self, rows: NDArray[np.int64]) -> Matrix:
        """The vectors of these rows (n, d), to the precision in which they are kept."""
        ...


class VectorStore(Protocol):
    """Makes, opens and removes the vectors of a segment."""

    name: str

    def write(self, folder: Path, raw: "Raw") -> None:
        """Keep the vectors in `raw`; in the segment's folder lies at least what `open` needs to find them."""
        ...

    def open(self, folder: Path) -> Vectors:
        """The vectors of the segment in `folder`. Raises OSError, ValueError or RuntimeError where they are damaged."""
        ...

    def remove(self, folder: Path) -> None:
        """Remove what lies elsewhere than in the segment's folder."""
        ...


@dataclass(frozen=True)
class Raw:
    """Vectors in a file as they were encoded, row by row in float32: they need not fit into memory."""

    file: Path
    dimensions: int

    def __len__(self) -> int:
        return self.file.stat().st_size // (4 * self.dimensions) if self.dimensions else 0

    def batches(self) -> Iterator[Matrix]:
        """All of them, in order."""
        with self.file.open("rb") as file:  # not mapped: mapped pages would count as memory of this process
            while (batch := np.fromfile(file, np.float32, BATCH * self.dimensions)).size:
                yield batch.reshape(-1, self.dimensions)

    def sample(self, count: int) -> Matrix:
        """About `count` of them, evenly spaced."""
        step = max(1, len(self) // count)
        return np.concatenate([batch[::step] for batch in self.batches()])


def store(where: str = "faiss") -> VectorStore:
    """The vector store for a name.

    where: "faiss" (files in the index's folder), the path of a Milvus Lite file (`milvus.db`), or the address of a
        Milvus server (`http://host:19530`).

    Raises `retrieval.milvus.MilvusUnavailable` where Milvus is asked for and cannot be had.
    """
    if where == "faiss":
        return Faiss()
    from retrieval.search.milvus import Milvus

    return Milvus(where)


class Faiss:
    """Vectors in a file of the segment's folder, mapped into memory: flat, HNSW or IVF as their number asks.

    A graph is built by all cores at once, so that two graphs of the same vectors may differ in what they miss.
    """

    name = "faiss"

    def write(self, folder: Path, raw: Raw) -> None:
        """Build the index in memory, a batch at a time, and write it."""
        index = empty(len(raw), raw.dimensions)
        if not index.is_trained:
            index.train(raw.sample(SAMPLE * index.nlist))
        for batch in raw.batches():
            index.add(batch)
        _faiss().write_index(index, str(folder / FILE))

    def open(self, folder: Path) -> Vectors:
        """Map the file: opening reads nothing, and processes share what they read."""
        faiss = _faiss()
        index = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC)
        if isinstance(index, faiss.IndexIVF):
            index = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP)  # lists have a mapping of their own
            index.nprobe = max(PROBES, index.nlist // PROBES)
        if isinstance(index, faiss.IndexHNSW):
            index.hnsw.efSearch = SEARCH_WIDTH
        return FaissVectors(index)

    def remove(self, folder: Path) -> None:
        """Nothing lies elsewhere."""


@dataclass(frozen=True)
class FaissVectors:
    """A FAISS index behind the protocol."""

    index: Any

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, queries: Matrix, k: int, allowed: Allowed = None) -> Ranking:
        """As the protocol says; flat is exact, and so is every kind where few rows are allowed."""
        if allowed is None:
            scores, rows = self.index.search(queries, k)
        else:
            index, params = self._narrowed(allowed)
            scores, rows = index.search(queries, k, params=params)
        return Ranking(rows, scores)

    def get(self, rows: NDArray[np.int64]) -> Matrix:
        """As the protocol says."""
        vectors: Matrix = self._direct.reconstruct_batch(rows)
        return vectors

    def _narrowed(self, allowed: NDArray[np.bool_]) -> tuple[Any, Any]:
        """The FAISS index and parameters to search only what is allowed."""
        faiss = _faiss()
        only = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        few = np.count_nonzero(allowed) < FEW * len(allowed)  # ten times as quick as their mean
        if isinstance(self.index, faiss.IndexIVF):
            probes = self.index.nlist if few else self.index.nprobe
            return self.index, faiss.SearchParametersIVF(sel=only, nprobe=probes)
        if isinstance(self.index, faiss.IndexHNSW):
            if not few:
                return self.index, faiss.SearchParametersHNSW(sel=only, efSearch=SEARCH_WIDTH)
            return faiss.downcast_index(self.index.storage), faiss.SearchParameters(sel=only)
        return self.index, faiss.SearchParameters(sel=only)

    @cached_property
    def _direct(self) -> Any:
        if isinstance(self.index, _faiss().IndexIVF):
            self.index.make_direct_map()
        return self.index


def kind(count: int) -> str:
    """The FAISS index for so many vectors, as its `index_factory` names it.

    Above flat they are kept in half precision: half the memory for at most half a percent of the neighbours.
    """
    if count <= FLAT:
        return "Flat"
    if count <= HNSW:
        return f"HNSW{LINKS},SQfp16"
    return f"IVF{2 ** round(np.log2(4 * np.sqrt(count)))},SQfp16"  # 4 to 16 roots: FAISS wiki, "Guidelines to choose"


def empty(count: int, dimensions: int) -> Any:
    """A FAISS index for so many vectors that has none yet."""
    faiss = _faiss()
    index = faiss.index_factory(dimensions, kind(count), faiss.METRIC_INNER_PRODUCT)
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efConstruction = BUILD_WIDTH
    return index


def _faiss() -> Any:
    """The module, imported when it is needed; its stubs lack much of what is used here."""
    import faiss

    return faiss
