"""What is expected of a tuning in full, from what it was untuned and in short."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.measure.forecast import POWERS, Rungs, in_full

DEMO = Rungs(before=5.0, short=37.0, more=10.8)


def test_the_curve_goes_through_both_rungs_and_on_by_each_power() -> None:
    more, _ = in_full(DEMO)
    scale = [
        np.log(95 / 63) ** (1 / power) for power in POWERS["exact"]
    ]  # of the rows of the short tuning, as many as 1 / scale
    curves = [100 - 95 * np.exp(-((10.8 * one) ** power)) for one, power in zip(scale, POWERS["exact"], strict=True)]
    assert more == pytest.approx(np.mean(curves) - 37)


def test_what_learned_nothing_in_short_is_not_expected_to_in_full() -> None:
    assert in_full(replace(DEMO, short=5.0)) == in_full(replace(DEMO, short=2.0)) == (0.0, 0.0)


def test_as_long_as_the_full_one_is_the_full_one() -> None:
    assert in_full(replace(DEMO, more=1.0)) == (0.0, 0.0)


def test_the_further_it_has_to_be_told_the_less_sure_it_is() -> None:
    sds = [in_full(replace(DEMO, more=more))[1] for more in (1.5, 3.0, 10.8)]
    assert 0 < sds[0] < sds[1] < sds[2]


def test_what_is_all_right_already_has_nothing_to_gain() -> None:
    assert in_full(replace(DEMO, short=100.0))[0] == pytest.approx(0.0, abs=0.5)


def test_overlap_with_a_reference_is_expected_to_rise_less() -> None:
    assert in_full(replace(DEMO, overlap=True))[0] < in_full(DEMO)[0]


def test_an_error_of_what_little_was_learned_counts_as_often_as_the_curve_is_steep() -> None:
    little = Rungs(before=0.0, short=6.0, more=4.5)
    sure, unsure = in_full(little)[1], in_full(replace(little, sd=4.0))[1]
    random = np.random.default_rng(0)
    came = [short + in_full(replace(little, short=short))[0] for short in random.normal(6.0, 4.0, 2000)]
    assert unsure**2 - sure**2 == pytest.approx(np.var(came) - 4.0**2, rel=0.3)
