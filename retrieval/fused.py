"""Several rankings of the same passages made one; knows neither words nor vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Ranking, best


def mixture(rankings: Sequence[Ranking], k: int, scales: Sequence[float], weights: Sequence[float]) -> Ranking:
    """Fuse by probability: each ranking's scores become a distribution over its passages, and those are mixed.

    A ranking that is sure (one passage far ahead) so outweighs one that is not, query by query. Rank fusion cannot see
    that, and lost to the better of BM25 and vectors wherever the other was weak; like Bruch, Gai and Ingber, "An
    Analysis of Fusion Functions for Hybrid Retrieval" (TOIS 42, 2023), we found that scores should be kept.

    scales: for each ranking, what its scores are multiplied by to be log odds.
    weights: for each ranking, its share in the mixture.
    """
    return _sum(rankings, [_softmax(r.scores * s) * w for r, s, w in zip(rankings, scales, weights, strict=True)], k)


def reciprocal_rank(rankings: Sequence[Ranking], k: int, weights: Sequence[float] | None = None) -> Ranking:
    """Fuse by rank alone, for scores of unknown scale: the sum of weight / (60 + rank).

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods"
    (SIGIR 2009), with their constant 60.
    """
    weights = weights or [1.0] * len(rankings)
    shares = [w / np.arange(61, 61 + r.scores.shape[1]) for r, w in zip(rankings, weights, strict=True)]
    return _sum(rankings, shares, k)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    share: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    return share


def _sum(rankings: Sequence[Ranking], shares: Sequence[NDArray[Any]], k: int) -> Ranking:
    """Add up the shares of each passage over the rankings, and keep the `k` best that any ranking holds."""
    size = 1 + max(int(r.positions.max()) for r in rankings)
    total = np.full((len(rankings[0].positions), size), -np.inf, dtype=np.float32)
    for ranking, share in zip(rankings, shares, strict=True):
        before = np.take_along_axis(total, ranking.positions, axis=1)
        np.put_along_axis(total, ranking.positions, np.where(np.isinf(before), 0, before) + share, axis=1)
    return best(total, k)
