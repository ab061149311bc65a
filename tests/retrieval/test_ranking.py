"""Rankings."""

import numpy as np

from retrieval.ranking import best


def test_the_best_come_first_and_equal_ones_in_order_of_position() -> None:
    ranking = best(np.array([[1, 3, 1, 3]], np.float32), 3)
    assert ranking.positions.tolist() == [[1, 3, 0]] and ranking.scores.tolist() == [[3, 3, 1]]
    many = best(np.array([[n % 2 for n in range(500)]], np.float32), 500)
    assert many.positions[0].tolist() == [*range(1, 500, 2), *range(0, 500, 2)]
