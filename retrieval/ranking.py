"""What every way of searching gives: places in a list of passages with scores, best first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """For each of n queries k passages, best first: `positions` (n, k) in the list searched, `scores` (n, k)."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]


Search = Callable[[Sequence[str], int], Ranking]
"""A way of searching: queries and k in, a `Ranking` out; k is at most the number of passages."""


def best(scores: NDArray[np.float32], k: int) -> Ranking:
    """The `k` best of each row of `scores` (n, passages), equal ones in order of position."""
    positions = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return Ranking(positions, np.take_along_axis(scores, positions, axis=1))
