"""Fusing rankings."""

import math

import numpy as np
import pytest

from retrieval.ranking import Ranking
from retrieval.search.fused import aligned, ordered, power_mean, union


def ranking(positions: list[int], scores: list[float]) -> Ranking:
    return Ranking(np.array([positions]), np.array([scores], np.float32))


def test_what_a_ranking_did_not_find_scores_as_its_last_one() -> None:
    words, vectors = ranking([4, 1, -1], [3, 2, -np.inf]), ranking([7, 4, 0], [0.9, 0.8, 0.1])
    positions = union([words, vectors])
    assert positions.tolist() == [[0, 1, 4, 7]]
    assert aligned(words, positions).tolist() == [[2, 2, 3, 2]]
    assert aligned(vectors, positions)[0].tolist() == pytest.approx([0.1, 0.1, 0.8, 0.9])


def test_rows_of_different_length_end_in_nothing() -> None:
    short = Ranking(np.array([[3, -1], [0, 2]]), np.array([[1, -np.inf], [5, 4]], np.float32))
    positions = union([short])
    best = ordered(positions, aligned(short, positions), 2)
    assert best.positions.tolist() == [[3, -1], [0, 2]] and np.isneginf(best.scores[0, 1])
    nothing = ranking([-1, -1], [-np.inf, -np.inf])
    assert ordered(union([nothing]), aligned(nothing, union([nothing])), 2).positions.tolist() == [[]]


def test_the_power_mean_is_a_mixture_at_one_and_a_product_towards_zero() -> None:
    words, vectors = np.array([[math.log(3), 0]], np.float32), np.array([[0, math.log(4)]], np.float32)
    mixture = power_mean([words, vectors], (0.4, 0.6), 1)[0].tolist()
    assert mixture == pytest.approx([0.4 * 0.75 + 0.6 / 5, 0.4 / 4 + 0.6 * 0.8])
    product = power_mean([words, vectors], (0.4, 0.6), 1e-3)[0].tolist()
    assert product == pytest.approx([0.75**0.4 * 0.2**0.6, 0.25**0.4 * 0.8**0.6], rel=1e-2)


def test_a_ranking_that_is_sure_outweighs_one_that_is_not() -> None:
    sure, unsure = np.array([[12, 1, 0]], np.float32), np.array([[6.0, 6.1, 6.2]], np.float32)
    assert power_mean([sure, unsure], (0.4, 0.6)).argmax() == 0
    assert power_mean([sure / 600, unsure], (0.4, 0.6)).argmax() == 2
    assert power_mean([sure, unsure], (0, 1)).argmax() == 2
