"""When a path is earned back, when to stop, what more examples give: against sums by hand."""

from typing import Any

import numpy as np
import pytest

from advisor.answers import parse
from advisor.decide.belief import Measured
from advisor.decide.costs import Work
from advisor.decide.rates import usual
from advisor.decide.recommendation import Recommendation, recommend
from advisor.decide.rules import load_rules
from advisor.system import PATH_NAMES

STRICT = {"output_kind": "json", "train_examples": 700, "tunes_same_model": "yes", "documents_available": "no",
          "needs_private_or_fresh_facts": "no"}  # fmt: skip


def advise(raw: dict[str, Any], **given: Any) -> Recommendation:
    return recommend(parse(raw), {}, load_rules(), **given)


def surely(**scores: float) -> Measured:
    """What was measured without any doubt."""
    random = np.random.default_rng(0)
    return Measured({path: random.normal(score, 0.2, 2000) for path, score in scores.items()}, examples=400)


def test_a_dearer_path_is_earned_back_once_its_gain_has_saved_its_hours() -> None:
    one = advise({**STRICT, "requests_per_day": 200}, measured=surely(prompting=60, finetuning=80)).break_even
    assert one and (one.path, one.over, one.a_day) == ("finetuning", "prompting", 200)
    assert one.gain == pytest.approx(20, abs=0.3)
    by_hand = 20 / (one.gain / 100 * 2 / 60)  # hours of tuning over hours that a request saves
    assert one.requests == pytest.approx(by_hand, rel=0.001) and one.days == pytest.approx(by_hand / 200, abs=1)


def test_more_hours_are_earned_back_later_and_dearer_requests_too() -> None:
    measured, work = surely(prompting=60, finetuning=80), {path: Work(0, 0, 0, 0, 1.0) for path in PATH_NAMES}
    dear = {**work, "finetuning": Work(0, 0, 0, 0, 1000.0)}

    def after(raw: dict[str, Any], **given: Any) -> int:
        one = advise({**STRICT, **raw}, measured=measured, **given).break_even
        assert one and one.requests is not None
        return one.requests

    assert after({"tuning_hours": 40}) == pytest.approx(2 * after({}), rel=0.01)
    rates = usual({"machine_hour_usd": 1.0}, "cpu")
    assert after({}, by_model={"": (dear, rates)}) > 1.5 * after({}, by_model={"": (work, rates)})


def test_what_gains_nothing_or_is_eaten_up_by_its_upkeep_is_never_earned_back() -> None:
    one = advise(STRICT, measured=surely(prompting=80, finetuning=60)).break_even
    assert one and (one.path, one.over, one.requests, one.days) == ("finetuning", "prompting", None, None)
    assert one.gain < 0
    facts = {**STRICT, "needs_private_or_fresh_facts": "yes", "facts_change": "often", "requests_per_day": 50}
    eaten = advise(facts, measured=surely(prompting=60, finetuning=80)).break_even
    assert eaten and eaten.path == "finetuning" and eaten.gain > 19 and eaten.requests is None


def test_where_one_path_alone_is_left_there_is_nothing_to_earn_back_or_to_find_out() -> None:
    out = dict.fromkeys(PATH_NAMES[1:], "not there")
    alone = advise(STRICT, infeasible=out)
    assert alone.break_even is alone.stop is None


def test_what_is_sure_is_worth_no_more_finding_out_and_what_is_open_is() -> None:
    sure = advise(STRICT, measured=surely(prompting=20, finetuning=90))
    unsure = advise(STRICT)
    assert sure.stop and unsure.stop
    assert abs(sure.stop.points) < 0.05 and unsure.stop.points > 0.5
    assert unsure.stop.hours == pytest.approx(unsure.stop.points * 100 * 365 / 100 * 2 / 60, abs=0.2)
    assert unsure.stop.usd == pytest.approx(unsure.stop.hours * usual().hour_usd.value, abs=4)


def test_finding_out_is_worth_what_the_better_of_two_equal_paths_has_more_on_the_average() -> None:
    random = np.random.default_rng(1)  # two independent scores of sd s: the larger is s / sqrt(pi) above the mean
    drawn = {path: random.normal(50, 4, 2000) for path in ("prompting", "finetuning")}
    advice = advise({**STRICT, "tuning_hours": 0}, measured=Measured(drawn, examples=60))
    assert advice.stop and advice.stop.points < 4 / np.sqrt(np.pi)
    assert advice.stop.points == pytest.approx(4 / np.sqrt(np.pi), abs=0.9)


def test_what_a_path_takes_is_off_what_finding_out_is_worth() -> None:
    random = np.random.default_rng(1)
    drawn = {path: random.normal(50, 4, 2000) for path in ("prompting", "finetuning")}
    dear = advise({**STRICT, "requests_per_day": 3}, measured=Measured(drawn, examples=60))
    assert dear.stop and dear.stop.points == 0  # however well it scores, at so few requests nobody would tune


def test_more_examples_go_on_as_the_short_tuning_foretells() -> None:
    # With an error that halves from 100 rows to 400 the power is a half: from 400 to 500 it falls by (5 / 4) ** -0.5.
    drawn = surely(prompting=30, finetuning=20).draws
    measured = Measured(drawn, {"finetuning": (40.0, 1e-9)}, 400, rows=(100, 400), seen=(100, 400))
    more = advise({**STRICT, "train_examples": 400}, measured=measured).more_examples
    assert more and more.gains["finetuning"][1] == pytest.approx(40 * (1 - 1.25**-0.5), abs=0.1)
    again = advise({**STRICT, "train_examples": 1600}, measured=measured).more_examples  # of which the budget buys 400
    assert again and again.gains["finetuning"][1] == pytest.approx(40 * (4**-0.5 - 4.25**-0.5), abs=0.1)


def test_more_examples_are_of_more_use_where_there_are_few_and_take_labelling() -> None:
    few, many = (advise({**STRICT, "train_examples": n}).more_examples for n in (20, 5000))
    assert few and many and few.gains["finetuning"][1] > 2 > abs(many.gains["finetuning"][1])
    assert few.hours == pytest.approx(100 / 60, abs=0.05) and few.usd == pytest.approx(100 / 60 * 62.58, abs=0.5)
    slow = advise(STRICT, by_model={"": ({}, usual({"label_minutes": 6.0}))}).more_examples
    assert slow and slow.hours == 10 and set(slow.gains) == {"finetuning"}


def test_of_examples_that_are_not_there_or_not_known_no_gain_is_told() -> None:
    assert advise({**STRICT, "train_examples": "unknown"}).more_examples is None
    assert advise({**STRICT, "train_examples": 0}).more_examples is None
