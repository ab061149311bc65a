"""What the vectors of one segment are, and what makes and opens them; knows rows by number, and no passages or texts.

`faissfile` and `milvus` are the two kinds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking

Matrix = NDArray[np.float32]

BATCH = 16_384  # vectors read at once


class Vectors(Protocol):
    """The vectors of rows 0 to n - 1, which never change."""

    def __len__(self) -> int: ...

    def search(self, queries: Matrix, k: int, allowed: Allowed = None) -> Ranking:
        """The `k` rows nearest to each query (m, d) by inner product, among the allowed; scores may be approximate."""
        ...

    def get(self, rows: NDArray[np.int64]) -> Matrix:
        """The vectors of these rows (n, d), to the precision in which they are kept."""
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


class VectorStore(Protocol):
    """Makes, opens and removes the vectors of a segment."""

    name: str

    def write(self, folder: Path, raw: Raw) -> None:
        """Keep the vectors in `raw`; in the segment's folder lies at least what `open` needs to find them."""
        ...

    def open(self, folder: Path) -> Vectors:
        """The vectors of the segment in `folder`. Raises OSError, ValueError or RuntimeError where they are damaged."""
        ...

    def remove(self, folder: Path) -> None:
        """Remove what lies elsewhere than in the segment's folder."""
        ...
