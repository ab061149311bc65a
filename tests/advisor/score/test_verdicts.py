"""What differences say: by hand, and by simulation of how often they are wrong."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from advisor.score.statistics import Gain, difference
from advisor.score.verdicts import examples_needed, holm, loss_p, verdict, verdicts

from .conftest import MEAN, rights, scored


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
    assert loss_p(Gain(-100, None, 100, 1, 0)) == 1


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


@pytest.mark.parametrize(
    ("lo", "value", "hi", "p", "expected"),
    [
        (-1.0, 0.4, 1.8, 0.6, "cheaper is enough"),
        (-9.0, -4.0, 1.0, 0.12, "cheaper is enough"),  # whether the dearer one is no worse is not known
        (0.5, 1.2, 1.9, 0.01, "cheaper is enough"),  # surely better, by less than is worth having
        (-1.5, 0.5, 2.5, 0.6, "no worse"),
        (-3.0, 0.5, 4.0, 0.8, "not known yet"),
        (2.5, 5.0, 7.5, 0.01, "better"),
        (-9.0, -5.0, -1.0, 0.01, "worse"),
    ],
)
def test_a_cheaper_system_is_enough_where_no_gain_worth_having_is_left(
    lo: float, value: float, hi: float, p: float, expected: str
) -> None:
    gain = Gain(lo, value, hi, p, 50)
    assert verdicts([gain], [True]) == [expected]
    assert verdicts([gain], [False]) == [verdict(gain)] != ["cheaper is enough"]


def test_enough_is_corrected_over_the_cheaper_systems_alone() -> None:
    barely = Gain(-1.9, 0.0, 1.9, 1.0, 50)
    assert verdicts([barely], [True]) == ["cheaper is enough"]
    assert verdicts([barely, barely], [True, True]) == ["not known yet", "not known yet"]
    assert verdicts([barely, barely], [True, False]) == ["cheaper is enough", "not known yet"]


def test_a_cheaper_system_that_is_2_points_worse_is_seldom_called_enough() -> None:
    rng = np.random.default_rng(0)
    said = []
    for _ in range(2500):
        ours, theirs = (scored(100.0 * (rng.random(80) < share)) for share in (0.62, 0.6))
        said.append(verdicts([difference(MEAN, ours, theirs, seed=0)], [True])[0])
    assert 0.004 < np.mean([one == "cheaper is enough" for one in said]) <= 0.031


def test_few_clusters_make_a_loss_less_sure() -> None:
    sure = Gain(-1.5, 1.0, 3.5, 0.4, 50)
    assert loss_p(replace(sure, freedom=inf), 1.5) == pytest.approx(0.05)
    assert loss_p(replace(sure, freedom=6.0), 1.5) == pytest.approx(0.05)  # its interval allows for that already
    assert loss_p(replace(sure, freedom=6.0), 3.0) > loss_p(sure, 3.0)
