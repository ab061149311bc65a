"""Search by vectors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.dense import dense, flat


class Fixed:
    """An embedder that knows one query."""

    fingerprint = "fixed"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return the x axis for every query."""
        assert query
        return np.array([[1, 0]] * len(texts), np.float32)


def test_the_nearest_come_first_and_equal_ones_in_order() -> None:
    vectors = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float32)
    ranking = dense(flat(vectors), Fixed())(["q", "q"], 4)
    assert ranking.positions.tolist() == [[1, 3, 2, 0]] * 2
    assert np.allclose(ranking.scores, [[1, 1, 0.6, 0]] * 2, atol=1e-5)
