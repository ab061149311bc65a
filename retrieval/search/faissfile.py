"""The vectors of a segment in a file of its folder, searched with FAISS: flat, a graph or clusters, as their number asks."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking
from retrieval.search.vectors import Matrix, Raw, Vectors

FLAT = 10_000  # vectors up to which all are compared: under a millisecond, exact, and nothing to build
HNSW = 4_000_000  # up to which there is a graph; above, clusters (IVF), which take no memory for links
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 32, 200, 128  # of the graph; what a build of width 80 missed, no search found again
SAMPLE = 40  # vectors for each cluster that clusters are made from; FAISS wants 39
PROBES = 64  # clusters that a query looks into, or one in so many, if that is more
FEW = 0.1  # share of rows allowed below which all of those are compared: a graph would hardly come across them
FILE = "vectors.faiss"

_untyped: Any = faiss  # its stubs lack SearchParametersHNSW, and what the constructors of selectors and parameters take


class Faiss:
    """Vectors in a file of the segment's folder, mapped into memory.

    A graph is built by all cores at once, so that two graphs of the same vectors may differ in what they miss.
    """

    name = "faiss"

    def write(self, folder: Path, raw: Raw) -> None:
        """Build the index in memory, a batch at a time, and write it."""
        index = empty(len(raw), raw.dimensions)
        if isinstance(index, faiss.IndexIVF):
            index.train(raw.sample(SAMPLE * index.nlist))
        for batch in raw.batches():
            index.add(batch)
        faiss.write_index(index, str(folder / FILE))

    def open(self, folder: Path) -> Vectors:
        """Map the file: opening reads nothing, and processes share what they read."""
        index = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC)
        if isinstance(index, faiss.IndexIVF):
            index = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP)  # lists have a mapping of their own
        if isinstance(index, faiss.IndexIVF):
            index.nprobe = max(PROBES, index.nlist // PROBES)
        elif isinstance(index, faiss.IndexHNSW):
            index.hnsw.efSearch = SEARCH_WIDTH
        return FaissVectors(index)

    def remove(self, folder: Path) -> None:
        """Nothing lies elsewhere."""


@dataclass(frozen=True)
class FaissVectors:
    """A FAISS index behind the protocol."""

    index: faiss.Index

    def __len__(self) -> int:
        return self.index.ntotal

    def search(self, queries: Matrix, k: int, allowed: Allowed = None) -> Ranking:
        """As the protocol says; flat is exact, and so is every kind where few rows are allowed."""
        index, params = (self.index, None) if allowed is None else self._narrowed(allowed)
        scores, rows = index.search(queries, k, params=params)
        return Ranking(rows, scores)

    def get(self, rows: NDArray[np.int64]) -> Matrix:
        """As the protocol says."""
        vectors: Matrix = self._direct.reconstruct_batch(rows)
        return vectors

    def _narrowed(self, allowed: NDArray[np.bool_]) -> tuple[faiss.Index, faiss.SearchParameters]:
        """The FAISS index and parameters to search only what is allowed."""
        only = _untyped.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        few = np.count_nonzero(allowed) < FEW * len(allowed)  # ten times as quick as their mean
        if isinstance(self.index, faiss.IndexIVF):
            probes = self.index.nlist if few else self.index.nprobe
            return self.index, _untyped.SearchParametersIVF(sel=only, nprobe=probes)
        if isinstance(self.index, faiss.IndexHNSW):
            if not few:
                return self.index, _untyped.SearchParametersHNSW(sel=only, efSearch=SEARCH_WIDTH)
            return faiss.downcast_index(self.index.storage), _untyped.SearchParameters(sel=only)
        return self.index, _untyped.SearchParameters(sel=only)

    @cached_property
    def _direct(self) -> faiss.Index:
        """The index, ready to give the vectors of rows."""
        if isinstance(self.index, faiss.IndexIVF):
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


def empty(count: int, dimensions: int) -> faiss.Index:
    """A FAISS index for so many vectors that has none yet."""
    index = faiss.index_factory(dimensions, kind(count), faiss.METRIC_INNER_PRODUCT)
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efConstruction = BUILD_WIDTH
    return index
