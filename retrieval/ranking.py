"""What every way of searching gives: places in a list of passages with scores, best first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Allowed = NDArray[np.bool_] | None
"""Which passages (one entry for each that is indexed) a search may find; None for all."""

Places = NDArray[np.int32]
"""For each row of a segment the position of its passage in the index, -1 where it was removed."""


@dataclass(frozen=True)
class Ranking:
    """For each of n queries k passages, best first: `positions` (n, k) in the list searched, `scores` (n, k).

    A query for which fewer were found has position -1 and score -inf in its last places.
    """

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]


class Search(Protocol):
    """A way of searching; k is at most the number of passages."""

    def __call__(self, queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        """The `k` best passages among the allowed ones for each query."""
        ...


Reranker = Callable[[str, Sequence[str]], Sequence[float]]
"""For each text how surely it answers the query: log odds or a log-likelihood, but for what all texts of a query share."""


def best(scores: NDArray[np.float32], k: int) -> Ranking:
    """The `k` best of each row of `scores` (n, passages), equal ones in order of position; -inf is never found."""
    if k < scores.shape[1]:
        kth = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
        rows = [np.flatnonzero(row >= least) for row, least in zip(scores, kth, strict=True)]
    else:
        rows = [np.arange(scores.shape[1])] * len(scores)
    # sorting the few that reach the k-th score, not all passages
    orders = [row[np.argsort(-all_[row], kind="stable")][:k] for row, all_ in zip(rows, scores, strict=True)]
    positions = np.array(orders, np.int64).reshape(len(scores), -1)
    best_scores = np.take_along_axis(scores, positions, axis=1)
    return Ranking(np.where(np.isneginf(best_scores), -1, positions), best_scores)
