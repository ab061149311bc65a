"""What would change a decision: by as little as does it, and it comes true."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from advisor.answers import KEYS, parse
from advisor.decide.belief import Measured
from advisor.decide.flips import SCORE, Change, turns
from advisor.decide.rates import usual
from advisor.decide.recommendation import Recommendation, recommend
from advisor.decide.rules import load_rules

STRICT = {"output_kind": "json", "train_examples": 700, "tunes_same_model": "yes", "documents_available": "no",
          "needs_private_or_fresh_facts": "no", "base_capability": "low", "requests_per_day": 500}  # fmt: skip


def advise(raw: dict[str, Any], **given: Any) -> Recommendation:
    return recommend(parse(raw), {}, load_rules(), **given)


def flip(given: Recommendation, name: str) -> tuple[float, Change]:
    """The value of a number that changes it, with the change."""
    ((value, change),) = [(one.when[name], one) for one in given.would_change if name in one.when]
    assert not isinstance(value, str)
    return value, change


def test_a_number_is_changed_by_as_little_as_does_it() -> None:
    value, change = flip(advise(STRICT), "requests_per_day")
    assert 3 < value < 500 and change.path == "prompting"
    assert advise({**STRICT, "requests_per_day": value}).path == "prompting"
    assert advise({**STRICT, "requests_per_day": round(value * 1.5)}).path != "prompting"


def test_a_price_that_turns_it_is_told_and_comes_true() -> None:
    raw = {**STRICT, "requests_per_day": 60}
    value, change = flip(advise(raw), "mend_minutes")
    assert value < usual().mend_minutes.value
    then = advise(raw, by_model={"": ({}, usual({"mend_minutes": value}))})
    assert (then.path, then.of(change.path).probability) == (change.path, change.probability)
    assert advise(raw, by_model={"": ({}, usual({"mend_minutes": value * 1.5}))}).path != change.path


def test_hours_are_changed_from_what_is_assumed() -> None:
    value, change = flip(advise({**STRICT, "requests_per_day": 30}), "tuning_hours")
    assert 20 < value < 80
    assert advise({**STRICT, "requests_per_day": 30, "tuning_hours": value}).path == change.path == "prompting"


def scores(**means: float) -> Measured:
    random = np.random.default_rng(0)
    return Measured({path: random.normal(mean, 1.5, 2000) for path, mean in means.items()}, examples=200)


def test_a_measured_score_that_turns_it_is_told_in_whole_points_and_comes_true() -> None:
    measured = scores(prompting=60, finetuning=68)
    given = advise(STRICT, measured=measured)
    assert given.path == "finetuning"
    value, change = flip(given, "finetuning" + SCORE)
    was = given.of("finetuning").measured
    assert was is not None and change.path == "prompting" and 1 <= was - value <= 20
    assert was - value == pytest.approx(round(was - value))

    def at(score: float) -> Recommendation:
        moved = {**measured.draws, "finetuning": measured.draws["finetuning"] + score - was}
        return advise(STRICT, measured=replace(measured, draws=moved))

    assert (at(value).path, at(value).of("prompting").probability) == ("prompting", change.probability)
    assert at(value + 1).path != "prompting"


def test_a_score_that_is_far_off_is_not_told() -> None:
    given = advise(STRICT, measured=scores(prompting=20, finetuning=90))
    assert not [one for one in given.would_change if any(name.endswith(SCORE) for name in one.when)]


def test_one_number_leads_to_one_path_only_once() -> None:
    told = [(name, one.path) for one in advise(STRICT).would_change for name in one.when if not KEYS[name].choices]
    assert len(told) == len(set(told))


def test_hours_are_asked_for_only_where_they_can_change_what_is_recommended() -> None:
    assert turns(parse({**STRICT, "requests_per_day": 30}), "tuning_hours")
    assert not turns(parse({**STRICT, "requests_per_day": 1e6}), "tuning_hours")
    assert not turns(parse({**STRICT, "train_examples": 0}), "tuning_hours")
    assert not turns(parse(STRICT), "retrieval_hours")  # there are no documents
