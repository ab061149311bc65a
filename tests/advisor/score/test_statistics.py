"""Intervals and differences: against scipy, published examples, and by simulation of what they promise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from advisor.score.metric import Scored, score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import FOLDED, difference, draws, interval, rating
from advisor.score.verdicts import examples_needed, verdict
from advisor.task import Example

from .conftest import MEAN, rights, scored

Sample = Callable[[np.random.Generator, int], NDArray[np.floating[Any]]]


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


def silent(ones: list[Scored], gaps: set[str]) -> list[Scored]:
    """The same without an answer to the examples of these ids."""
    return [Scored(one.id, None) if one.id in gaps else one for one in ones]


def test_a_figure_over_nothing_is_no_figure() -> None:
    nothing = interval(MEAN, [Scored("1", None)], seed=0)
    assert (nothing.lo, nothing.value, nothing.hi, nothing.n, nothing.unscored) == (0, None, 100, 0, 1)
    gain = difference(MEAN, [], [], seed=0)
    assert (gain.lo, gain.value, gain.hi, gain.p) == (-100, None, 100, 1)
    assert verdict(gain) == "not known yet" and examples_needed(gain) is None
    assert set(draws(MEAN, {"a": [], "b": []}, seed=0)) == {"a", "b"}


def test_missing_answers_widen_an_interval_as_if_they_were_0_and_100() -> None:
    gaps = {str(i) for i in range(60, 80)}
    value = interval(MEAN, silent(rights(60, 80), gaps), seed=0)
    worst, best = interval(MEAN, rights(60, 80), seed=0), interval(MEAN, rights(80, 80), seed=0)
    assert value.value == 100 and value.n == 60
    assert value.lo == pytest.approx(worst.lo, abs=1) and value.hi == pytest.approx(best.hi, abs=1)


def test_missing_answers_widen_a_difference_and_its_p_by_what_they_could_be() -> None:
    ours, theirs = rights(70, 100), rights(50, 100)
    full = difference(MEAN, ours, theirs, seed=0)
    gaps = {str(i) for i in (*range(4), *range(96, 100))}
    partial = difference(MEAN, silent(ours, gaps), theirs, seed=0)
    assert (partial.n, partial.unscored) == (92, 8)
    as_wrong = scored([0.0 if str(i) in gaps else 100.0 * (i < 70) for i in range(100)])
    as_right = scored([100.0 if str(i) in gaps else 100.0 * (i < 70) for i in range(100)])
    bounds = [difference(MEAN, one, theirs, seed=0) for one in (as_wrong, as_right)]
    assert partial.lo == pytest.approx(bounds[0].lo, abs=1) and partial.hi == pytest.approx(bounds[1].hi, abs=1)
    assert partial.p >= max(full.p, bounds[0].p) - 1e-6


def test_a_candidate_that_answered_2_of_20_is_not_better_than_one_that_is_right_in_8() -> None:
    candidate, real = silent(rights(20, 20), {str(i) for i in range(2, 20)}), rights(8, 20)
    assert interval(MEAN, candidate, seed=0).misses and not interval(MEAN, real, seed=0).misses
    gain = difference(MEAN, candidate, real, seed=0)
    assert gain.p == 1 and gain.lo < 0 < gain.hi and verdict(gain) == "not known yet"
    assert rating(MEAN, candidate) == pytest.approx(10) and rating(MEAN, real) == pytest.approx(40)
    assert rating(MEAN, silent(rights(20, 20), {str(i) for i in range(20)})) == 0


def test_one_in_twenty_may_be_missing() -> None:
    assert not interval(MEAN, silent(rights(20, 20), {"0"}), seed=0).misses
    assert interval(MEAN, silent(rights(20, 20), {"0", "1"}), seed=0).misses


def test_a_systems_gaps_widen_its_own_draws_alone() -> None:
    ours, theirs, silenced = rights(30, 60), rights(36, 60), silent(rights(24, 60), {str(i) for i in range(30)})
    whole = draws(MEAN, {"ours": ours, "theirs": theirs}, seed=0)
    wide = draws(MEAN, {"ours": ours, "theirs": theirs, "silenced": silenced}, seed=0)
    apart = [one["theirs"] - one["ours"] for one in (whole, wide)]
    assert apart[1].mean() == pytest.approx(apart[0].mean(), abs=0.5)
    assert apart[1].std() == pytest.approx(apart[0].std(), rel=0.25)
    assert wide["silenced"].std() > 2 * wide["ours"].std()


def out_of_fold(rng: np.random.Generator, n: int, dimensions: int, folds: int = 5) -> tuple[list[float], float]:
    """Scores of nearest-centroid classifiers, each on the fold that it did not see; and the share that they get right of
    many others, for each fold as often as it has rows."""

    def drawn(count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        labels = rng.integers(2, size=count)
        return labels[:, None] * (np.arange(dimensions) == 0) + rng.normal(size=(count, dimensions)), labels

    (inputs, labels), (others, truth) = drawn(n), drawn(600)
    fold, scores, right = rng.permutation(n) % folds, np.zeros(n), 0.0
    for one in range(folds):
        own = fold == one
        seen, known = inputs[~own], labels[~own]
        centroids = np.array([seen[known == k].mean(0) if (known == k).any() else seen.mean(0) for k in (0, 1)])

        def said(rows: NDArray[np.float64], centroids: NDArray[np.float64] = centroids) -> NDArray[np.int64]:
            return ((rows[:, None] - centroids) ** 2).sum(2).argmin(1)

        scores[own] = 100.0 * (said(inputs[own]) == labels[own])
        right += 100 * float((said(others) == truth).mean()) * own.mean()
    return scores.tolist(), right


@pytest.mark.parametrize(("n", "dimensions"), [(24, 2), (24, 10), (62, 10)])
def test_intervals_over_folds_cover_what_systems_made_so_are_worth(n: int, dimensions: int) -> None:
    rng = np.random.default_rng(n)
    runs = [out_of_fold(rng, n, dimensions) for _ in range(250)]

    def covered(folded: bool) -> float:
        found = [(interval(MEAN, scored(scores), 0, folded=folded), truth) for scores, truth in runs]
        return float(np.mean([one.lo <= truth <= one.hi for one, truth in found]))

    assert 0.92 <= covered(True) <= 0.995
    assert covered(False) < covered(True)


def test_draws_over_folds_are_as_wide_as_the_interval() -> None:
    plain, folded = (draws(MEAN, {"a": rights(30, 60)}, seed=0, folded=one)["a"] for one in (False, True))
    assert folded.mean() == pytest.approx(plain.mean(), abs=0.3)
    assert folded.std() == pytest.approx(plain.std() * FOLDED**0.5, rel=0.05)


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
