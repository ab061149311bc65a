"""Fusing rankings."""

import math

import numpy as np
import pytest

from retrieval.fused import mixture, reciprocal_rank
from retrieval.ranking import Ranking


def ranking(positions: list[int], scores: list[float]) -> Ranking:
    return Ranking(np.array([positions]), np.array([scores], np.float32))


def test_the_mixture_is_that_of_the_two_distributions() -> None:
    words, vectors = ranking([0, 1], [math.log(3), 0]), ranking([1, 2], [0.05 * math.log(4), 0])
    fused = mixture([words, vectors], 3, scales=(1, 20), weights=(0.4, 0.6))
    assert fused.positions.tolist() == [[1, 0, 2]]
    assert fused.scores[0].tolist() == pytest.approx([0.4 / 4 + 0.6 * 0.8, 0.4 * 0.75, 0.6 * 0.2])


def test_a_ranking_that_is_sure_outweighs_one_that_is_not() -> None:
    sure, unsure = ranking([0, 1, 2], [12, 1, 0]), ranking([2, 1, 0], [0.31, 0.30, 0.29])
    assert mixture([sure, unsure], 1, (1, 20), (0.4, 0.6)).positions.tolist() == [[0]]
    assert mixture([ranking([0, 1, 2], [0.2, 0.1, 0]), unsure], 1, (1, 20), (0.4, 0.6)).positions.tolist() == [[2]]


def test_reciprocal_ranks_are_summed_with_the_constant_60() -> None:
    fused = reciprocal_rank([ranking([0, 1], [9, 8]), ranking([1, 2], [0.9, 0.1])], 3)
    assert fused.positions.tolist() == [[1, 0, 2]]
    assert fused.scores[0].tolist() == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
