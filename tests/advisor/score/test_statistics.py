"""Intervals and differences: against scipy, published examples, and by simulation of what they promise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from advisor.score.metric import Scored, score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import (
    Gain,
    difference,
    draws,
    examples_needed,
    holm,
    interval,
    loss_p,
    verdict,
    verdicts,
)
from advisor.task import Example

MEAN = resolve("exact_match")
Sample = Callable[[np.random.Generator, int], NDArray[np.floating[Any]]]


def scored(values: NDArray[np.floating[Any]] | list[float]) -> list[Scored]:
    return [Scored(str(i), float(value), (float(value), 1.0)) for i, value in enumerate(values)]


def rights(k: int, n: int) -> list[Scored]:
    return scored([100.0] * k + [0.0] * (n - k))


@pytest.mark.parametrize(("k", "n"), [(30, 30), (0, 50), (49, 50), (60, 100), (396, 400)])
def test_on_right_and_wrong_the_interval_is_wilsons(k: int, n: int) -> None:
    wilson = stats.binomtest(k, n).proportion_ci(method="wilson")
    found = interval(MEAN, rights(k, n), seed=0)
    assert found.value == pytest.approx(100 * k / n)
    assert (found.lo, found.hi) == pytest.approx((100 * wilson.low, 100 * wilson.high), abs=0.6)


def test_on_plain_means_the_interval_is_scipys_bootstrap() -> None:
    values = np.random.default_rng(1).beta(2, 3, 200) * 100
    expected = stats.bootstrap((values,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    found = interval(MEAN, scored(values), seed=0)
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high), abs=0.5)


def test_a_micro_figure_is_recomputed_and_not_averaged() -> None:
    rows = [Example(str(i), "", '{"a": 1}' if i % 2 else '{"a": 1, "b": 2, "c": 3}') for i in range(60)]
    metric = resolve("json_field_f1")
    ones = score_all(metric, ['{"a": 1}'] * 60, rows)
    sums = np.array([one.statistics for one in ones])
    expected = stats.bootstrap(
        tuple(sums[:, :3].T),
        lambda right, given, wanted, axis: 200 * right.sum(axis) / (given.sum(axis) + wanted.sum(axis)),
        paired=True,
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = interval(metric, ones, seed=0)
    assert found.value == pytest.approx(100 * 2 / 3)  # 60 right of 60 given and 120 wanted; rows average 75
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high), abs=1.5)


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize(
    ("sample", "truth"),
    [
        (lambda rng, n: 100.0 * (rng.random(n) < 0.6), 60),
        (lambda rng, n: 100.0 * (rng.random(n) < 0.95), 95),
        (lambda rng, n: 100 * rng.beta(2, 3, n), 40),
        (lambda rng, n: 100 * np.where(rng.random(n) < 0.93, 1, rng.random(n)), 96.5),
    ],
    ids=["coin", "rare failure", "smooth", "mostly right"],
)
def test_95_percent_intervals_cover_the_truth_95_percent_of_the_time(n: int, sample: Sample, truth: float) -> None:
    rng = np.random.default_rng(n)
    found = [interval(MEAN, scored(sample(rng, n)), seed=0) for _ in range(1000)]
    assert 0.92 <= np.mean([one.lo <= truth <= one.hi for one in found]) <= 0.975


@pytest.mark.parametrize("n", [50, 200])
def test_a_difference_covers_the_truth_and_is_seldom_significant_by_chance(n: int) -> None:
    rng = np.random.default_rng(n)
    cover, chance = [], []
    for _ in range(600):
        base = rng.random(n)
        ours, same, theirs = ((np.where(rng.random(n) < 0.5, base, rng.random(n)) < p) for p in (0.8, 0.5, 0.5))
        gain = difference(MEAN, scored(100.0 * ours), scored(100.0 * theirs), seed=0)
        cover.append(gain.lo <= 30 <= gain.hi)
        chance.append(difference(MEAN, scored(100.0 * same), scored(100.0 * theirs), seed=0).p <= 0.05)
    assert 0.92 <= np.mean(cover) <= 0.985
    assert np.mean(chance) <= 0.07


def test_the_p_value_is_near_mcnemars_and_agrees_with_the_interval() -> None:
    # 30 pairs that only a gets right and 12 that only b does, of 200
    a = scored([100.0] * 30 + [0.0] * 12 + [100.0] * 158)
    b = scored([0.0] * 30 + [100.0] * 12 + [100.0] * 158)
    gain = difference(MEAN, a, b, seed=0)
    assert gain.value == pytest.approx(9)
    assert gain.p == pytest.approx(stats.binomtest(12, 42).pvalue, abs=0.006)
    assert gain.lo > 0
    back = difference(MEAN, b, a, seed=0)
    assert (back.lo, back.value, back.hi, back.p) == pytest.approx((-gain.hi, -gain.value, -gain.lo, gain.p))


def test_two_systems_that_agree_on_a_few_examples_are_not_taken_to_agree_for_certain() -> None:
    gain = difference(MEAN, rights(20, 20), rights(20, 20), seed=0)
    assert gain.lo < -5
    assert gain.hi > 5
    assert verdict(gain) == "not known yet"
    assert verdict(difference(MEAN, rights(400, 400), rights(400, 400), seed=0)) == "no worse"


def test_unscored_examples_are_counted_and_left_out_on_both_sides() -> None:
    a = [Scored("x", None), *rights(3, 5)]
    found = interval(MEAN, a, seed=0)
    assert (found.n, found.unscored) == (5, 1)
    b = [Scored("x", 100.0, (100.0, 1.0)), Scored("0", None), *rights(3, 5)[1:]]
    gain = difference(MEAN, a, b, seed=0)
    assert (gain.n, gain.unscored) == (4, 2)


def test_nothing_scored_leaves_everything_open() -> None:
    found = interval(MEAN, [Scored("1", None)], seed=0)
    assert (found.lo, found.hi, found.n, found.unscored) == (0, 100, 0, 1)
    gain = difference(MEAN, [], [], seed=0)
    assert (gain.lo, gain.hi, gain.p) == (-100, 100, 1)
    assert examples_needed(gain) is None
    assert set(draws(MEAN, {"a": [], "b": []}, seed=0)) == {"a", "b"}


def test_one_example_is_enough_to_say_how_little_is_known() -> None:
    found = interval(MEAN, rights(1, 1), seed=0)
    assert found.lo < 25
    assert found.hi == 100


def test_the_same_seed_gives_the_same_figures() -> None:
    values = scored(np.random.default_rng(0).random(40) * 100)
    assert interval(MEAN, values, seed=3) == interval(MEAN, values, seed=3) != interval(MEAN, values, seed=4)
    first, second = (draws(MEAN, {"a": values}, seed=3, b=50)["a"] for _ in range(2))
    assert first.tolist() == second.tolist()


def test_draws_are_paired_and_as_wide_as_the_difference_says() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(100) * 60 + 20
    a, b = scored(base + rng.normal(5, 3, 100)), scored(base)
    found = draws(MEAN, {"a": a, "b": b}, seed=0, b=4000)
    gain = difference(MEAN, a, b, seed=0)
    apart = np.quantile(found["a"] - found["b"], [0.025, 0.975])
    assert apart == pytest.approx([gain.lo, gain.hi], abs=0.25)
    assert found["a"].std() > 3 * (found["a"] - found["b"]).std()


def test_holm_is_as_in_statsmodels() -> None:
    # statsmodels' multipletests([.01, .04, .03, .005], method="holm"), worked by hand: 4 * .005, 3 * .01, 2 * .03, .04
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("lo", "value", "hi", "p", "expected"),
    [
        (1, 5, 9, 0.01, "better"),
        (0.5, 1, 1.5, 0.01, "no worse"),
        (-9, -5, -1, 0.01, "worse"),
        (-1, 1, 3, 0.3, "no worse"),
        (-4, 5, 14, 0.3, "not known yet"),
    ],
)
def test_the_smallest_gain_worth_having_decides(lo: float, value: float, hi: float, p: float, expected: str) -> None:
    assert verdict(Gain(lo, value, hi, p, 50)) == expected


def test_the_p_of_a_loss_is_that_of_the_interval_that_ends_there() -> None:
    gain = difference(MEAN, rights(150, 200), rights(140, 200), seed=0)
    assert loss_p(gain, -gain.lo) == pytest.approx(0.05)
    assert loss_p(gain, -gain.lo + 1) < 0.05 < loss_p(gain, -gain.lo - 1)
    assert loss_p(gain, 0) == pytest.approx(gain.p)
    assert loss_p(Gain(-9, -5, -1, 0.01, 50)) == loss_p(Gain(-100, 0, 100, 1, 0)) == 1
    assert loss_p(Gain(5, 5, 5, 0.01, 50)) == 0


def test_of_two_comparisons_each_verdict_is_corrected() -> None:
    gain = Gain(0.1, 5, 9.9, 0.04, 50)
    assert verdict(gain) == "better"
    assert verdicts([gain, gain]) == ["no worse", "no worse"]
    barely, surely = Gain(-1.9, 2, 5.9, 0.3, 50), Gain(-0.5, 1, 2.5, 0.2, 50)
    assert verdict(barely) == "no worse"
    assert verdicts([barely, barely]) == ["not known yet", "not known yet"]
    assert verdicts([barely, surely]) == ["no worse", "no worse"]  # the second settled, the first stands alone


def test_no_worse_is_said_of_any_of_two_real_losses_one_time_in_forty_at_most() -> None:
    rng = np.random.default_rng(0)
    alone, together = [], []
    for _ in range(2500):
        ours, first, second = (100.0 * (rng.random(80) < share) for share in (0.6, 0.62, 0.62))
        gains = [difference(MEAN, scored(ours), scored(theirs), seed=0) for theirs in (first, second)]
        alone.append("no worse" in map(verdict, gains) or "better" in map(verdict, gains))
        together.append(bool({"no worse", "better"} & set(verdicts(gains))))
    assert np.mean(together) <= 0.031 < np.mean(alone)  # 0.025, give or take two standard errors


def test_as_many_examples_as_needed_settle_four_in_five_differences() -> None:
    rng = np.random.default_rng(0)

    def measured(n: int) -> Gain:
        base = rng.random(n)
        ours, theirs = ((np.where(rng.random(n) < 0.5, base, rng.random(n)) < p) for p in (0.7, 0.6))
        return difference(MEAN, scored(100.0 * ours), scored(100.0 * theirs), seed=0)

    typical = replace(measured(80), value=10.0, lo=-2.5, hi=22.5, p=0.12)  # the spread of 80 such pairs
    needed = examples_needed(typical)
    assert needed is not None
    assert 60 < needed < 200
    settled = np.mean([verdict(measured(80 + needed)) == "better" for _ in range(300)])
    assert 0.7 < settled < 0.95


def test_what_is_settled_needs_no_more_examples() -> None:
    assert examples_needed(Gain(1, 5, 9, 0.01, 50)) == 0
