"""Search by vectors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking, best
from retrieval.search.dense import dense


class Fixed:
    """An embedder that knows one query."""

    fingerprint = "fixed"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return the x axis for every query."""
        assert query
        return np.array([[1, 0]] * len(texts), np.float32)


class Plain:
    """Vectors of a segment in an array."""

    def __init__(self, *vectors: tuple[float, float]) -> None:
        self.all = np.array(vectors, np.float32)

    def __len__(self) -> int:
        return len(self.all)

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed = None) -> Ranking:
        """Compare with all."""
        return best(np.where(True if allowed is None else allowed, queries @ self.all.T, -np.inf), k)

    def get(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some."""
        return self.all[rows]


def places(*positions: int) -> NDArray[np.int32]:
    return np.array(positions, np.int32)


def test_the_nearest_come_first_and_equal_ones_in_order() -> None:
    parts = [(Plain((0, 1), (1, 0), (0.6, 0.8), (1, 0)), places(0, 1, 2, 3))]
    ranking = dense(parts, Fixed())(["q", "q"], 4)
    assert ranking.positions.tolist() == [[1, 3, 2, 0]] * 2
    assert np.allclose(ranking.scores, [[1, 1, 0.6, 0]] * 2, atol=1e-5)


def test_segments_are_ranked_together_without_what_was_removed_or_is_not_allowed() -> None:
    parts = [(Plain((1, 0), (0.6, 0.8)), places(2, 0)), (Plain((0.8, 0.6), (1, 0), (1, 0)), places(3, 1, -1))]
    search = dense(parts, Fixed())
    assert search(["q"], 4).positions.tolist() == [[1, 2, 3, 0]]
    allowed = np.array([True, False, False, True])
    assert search(["q"], 3, allowed).positions.tolist() == [[3, 0, -1]]
