"""Several rankings of the same passages made one; knows neither words nor vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Ranking


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
    top = np.maximum(scores.max(axis=1, keepdims=True), np.finfo(np.float32).min)  # nothing found: all shares are 0
    odds = np.exp(scores - top)
    share: NDArray[np.float32] = odds / np.maximum(odds.sum(axis=1, keepdims=True), 1e-30)
    return share


def _sum(rankings: Sequence[Ranking], shares: Sequence[NDArray[Any]], k: int) -> Ranking:
    """Add up the shares of each passage over the rankings, and keep the `k` best that any ranking holds."""
    found = np.concatenate([ranking.positions for ranking in rankings], axis=1)
    added = np.concatenate(
        [np.broadcast_to(share, r.positions.shape) for share, r in zip(shares, rankings, strict=True)], axis=1
    )
    positions = np.full((len(found), k), -1, np.int64)
    scores = np.full((len(found), k), -np.inf, np.float32)
    for row, (places, parts) in enumerate(zip(found, added, strict=True)):
        there = places >= 0
        union, inverse = np.unique(places[there], return_inverse=True)  # in order of position
        total = np.bincount(inverse, parts[there], len(union))
        order = np.argsort(-total, kind="stable")[:k]
        positions[row, : len(order)], scores[row, : len(order)] = union[order], total[order]
    return Ranking(positions, scores)
