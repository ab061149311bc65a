"""Rows that share a source: against scipy and by hand, and by simulation of what intervals promise."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from scipy import stats

from advisor.score.clusters import clusters, quantile, two_sided
from advisor.score.metric import Scored
from advisor.score.statistics import difference, draws, interval

from .conftest import MEAN, rights, scored

Shares = Callable[[np.random.Generator, int], np.ndarray]


def grouped(sizes: list[int]) -> dict[str, int]:
    """Groups of so many rows each; a row alone is in none."""
    of = np.repeat(np.arange(len(sizes)), sizes)
    return {str(i): int(group) for i, group in enumerate(of) if sizes[group] > 1}


def hanging_together(rng: np.random.Generator, sizes: list[int], share: float, together: float) -> list[Scored]:
    """Rows right by chance, those of a group with a correlation of `together` (beta-binomial)."""
    times = (1 - together) / together
    chances = np.repeat(rng.beta(share * times, (1 - share) * times, len(sizes)), sizes)
    return scored(100.0 * (rng.random(sum(sizes)) < chances))


@pytest.mark.parametrize("together", [0.2, 0.6])
@pytest.mark.parametrize("sizes", [[10] * 29, [3] * 60, [10] * 7, [20, 10, *[4] * 15, *[1] * 30]], ids=str)
def test_intervals_cover_the_truth_where_rows_hang_together(sizes: list[int], together: float) -> None:
    rng, groups = np.random.default_rng(len(sizes)), grouped(sizes)
    by_cluster, by_row = [], []
    for _ in range(300):
        ones, others = (hanging_together(rng, sizes, share, together) for share in (0.7, 0.6))
        for covered, of in ((by_cluster, groups), (by_row, {})):
            score, gain = interval(MEAN, ones, 0, of), difference(MEAN, ones, others, 0, of)
            covered.append((score.lo <= 70 <= score.hi, gain.lo <= 10 <= gain.hi))
    score, gain = np.mean(by_cluster, axis=0)
    assert 0.92 <= score <= 0.998 and 0.92 <= gain <= 0.998
    assert max(np.mean(by_row, axis=0)) < 0.92


def test_systems_that_are_equal_seldom_differ_where_rows_hang_together() -> None:
    rng, sizes = np.random.default_rng(0), [10] * 20
    by_cluster, by_row = [], []
    for _ in range(400):
        ones, others = (hanging_together(rng, sizes, 0.6, 0.4) for _ in range(2))
        by_cluster.append(difference(MEAN, ones, others, 0, grouped(sizes)).p <= 0.05)
        by_row.append(difference(MEAN, ones, others, 0).p <= 0.05)
    assert np.mean(by_cluster) <= 0.075 < 0.3 < np.mean(by_row)


def test_where_every_row_has_a_source_of_its_own_nothing_changes() -> None:
    ones, others = rights(30, 50), scored(np.random.default_rng(0).random(50) * 100)
    alone = {str(i): i for i in range(50)}
    assert interval(MEAN, ones, 3, alone) == interval(MEAN, ones, 3)
    assert difference(MEAN, ones, others, 3, alone) == difference(MEAN, ones, others, 3)
    plain, by_cluster = (draws(MEAN, {"a": ones, "b": others}, 3, groups) for groups in ({}, alone))
    assert all(plain[name].tolist() == by_cluster[name].tolist() for name in plain)


def test_rows_that_say_the_same_ten_times_say_it_once() -> None:
    rng = np.random.default_rng(0)
    once = 100.0 * (rng.random(40) < 0.6)
    tenfold, groups = scored(np.repeat(once, 10)), grouped([10] * 40)
    single, ten = interval(MEAN, scored(once), 0), interval(MEAN, tenfold, 0, groups)
    assert ten.value == single.value and ten.n == 400
    wider = stats.t.ppf(0.975, 39) / stats.norm.ppf(0.975)
    assert ten.hi - ten.lo == pytest.approx((single.hi - single.lo) * wider, rel=0.02)
    all_right = interval(MEAN, scored([100.0] * 400), 0, groups)
    assert all_right.lo == pytest.approx(interval(MEAN, rights(40, 40), 0).lo, abs=1)


def test_of_one_source_next_to_nothing_is_known() -> None:
    groups = dict.fromkeys(map(str, range(60)), 0)
    score = interval(MEAN, rights(50, 60), 0, groups)
    assert score.lo < 5 and score.hi > 95
    gain = difference(MEAN, rights(50, 60), rights(20, 60), 0, groups)
    assert gain.value == pytest.approx(50) and gain.lo < 0 < 95 < gain.hi and gain.p > 0.05


def test_missing_answers_widen_by_their_share_of_the_rows() -> None:
    ones, groups = rights(300, 400), grouped([10] * 40)
    missing = [replace(one, score=None) if i < 20 else one for i, one in enumerate(ones)]
    found, whole = interval(MEAN, missing, 0, groups), interval(MEAN, ones[20:], 0, groups)
    worst, best = (
        interval(MEAN, scored([end] * 20 + [one.score or 0.0 for one in ones[20:]]), 0, groups) for end in (0.0, 100.0)
    )
    assert (found.n, found.unscored) == (380, 20)
    assert found.lo < whole.lo and found.hi > whole.hi
    assert (found.lo, found.hi) == pytest.approx((worst.lo, best.hi), abs=2.5)


def test_draws_are_as_wide_as_the_interval_over_clusters() -> None:
    rng, sizes = np.random.default_rng(1), [10] * 12
    ones, others = (hanging_together(rng, sizes, share, 0.3) for share in (0.7, 0.5))
    found = draws(MEAN, {"a": ones, "b": others}, 0, grouped(sizes), b=4000)
    gain, score = difference(MEAN, ones, others, 0, grouped(sizes)), interval(MEAN, ones, 0, grouped(sizes))
    apart = np.quantile(found["a"] - found["b"], [0.025, 0.975])
    assert apart[1] - apart[0] == pytest.approx(gain.hi - gain.lo, rel=0.12)
    ends = np.quantile(found["a"], [0.025, 0.975])
    assert ends[1] - ends[0] == pytest.approx(score.hi - score.lo, rel=0.12)


def test_freedom_is_that_of_as_many_clusters_as_the_sizes_are_worth() -> None:
    ids = [str(i) for i in range(40)]
    assert clusters(ids, {}).freedom == clusters(ids, {"1": 0, "99": 0}).freedom == inf
    assert clusters(ids, grouped([10] * 4)).freedom == pytest.approx(3)
    uneven = clusters(ids, grouped([20, *[1] * 20]))
    assert uneven.count == 21 and uneven.freedom == pytest.approx(40**2 / (20**2 + 20) - 1)


@pytest.mark.parametrize("freedom", [1.0, 3.7, 28.0, 1000.0])
def test_quantiles_and_p_values_are_students(freedom: float) -> None:
    assert quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom))
    assert two_sided(-1.7, freedom) == pytest.approx(2 * stats.t.sf(1.7, freedom))
    assert two_sided(quantile(inf), inf) == pytest.approx(0.05)
