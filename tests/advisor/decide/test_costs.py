"""What paths cost, by hand: hours of parts, money of requests, upkeep, and the points that pay for it."""

import numpy as np
import pytest

from advisor.answers import parse
from advisor.decide.costs import (
    DAYS,
    LABELLED,
    MOST,
    Cost,
    Sizes,
    Work,
    costs,
    point_hours,
    prices,
    work_of,
    year_hours,
)
from advisor.decide.rates import efforts, of_tokens, usual
from advisor.system import PATH_NAMES

TUNING = sum(efforts()["tuning"].hours.values())
WORK = {"prompting": Work(60, 0.4, 900, 100, 3.6), "classifier": Work(5, 0, 0, 0, 0.01)}


def table(**answers: object) -> dict[str, Cost]:
    return costs(parse(answers), {}, usual())


def test_the_hours_of_a_path_are_those_of_its_parts() -> None:
    found = {path: table(train_examples=500)[path].hours for path in PATH_NAMES}
    parts = {part: sum(one.hours.values()) for part, one in efforts().items()}
    assert found["rag+finetuning"] == parts["prompt"] + parts["retrieval"] + parts["tuning"]
    assert found["finetuning"] - found["prompting"] == parts["tuning"]
    kinds = table(train_examples=500)["finetuning"].hours_of
    assert sum(kinds.values()) == found["finetuning"] and kinds["cleaning"] == efforts()["tuning"].hours["cleaning"]


def test_labelling_is_of_examples_that_are_missing_to_measure_on() -> None:
    minutes = usual().label_minutes.value
    hours = [
        table(**said)["rag"].hours_of["labelling"] for said in ({}, {"train_examples": 30}, {"train_examples": 99})
    ]
    assert hours == [LABELLED * minutes / 60, 30 * minutes / 60, 0]


def test_clean_examples_need_no_cleaning_and_what_was_said_of_a_part_is_the_whole_of_it() -> None:
    plain, clean = (table(train_examples=500, examples_clean=said)["finetuning"] for said in ("unknown", "yes"))
    assert plain.hours - clean.hours == efforts()["tuning"].hours["cleaning"] and "cleaning" not in clean.hours_of
    said = table(train_examples=500, examples_clean="yes", tuning_hours=50)
    assert said["finetuning"].hours == pytest.approx(said["prompting"].hours + 50, abs=0.05)
    assert said["rag"].hours == table(train_examples=500)["rag"].hours
    assert table(retrieval_hours=0)["rag"].hours == table()["prompting"].hours


def test_facts_are_kept_fresh_in_the_index_where_there_is_one_else_by_tuning_again() -> None:
    often = table(needs_private_or_fresh_facts="yes", facts_change="often")
    assert often["rag"].upkeep_hours == often["rag+finetuning"].upkeep_hours == 52 * efforts()["retrieval"].refresh
    assert often["finetuning"].upkeep_hours == 52 * efforts()["tuning"].refresh
    assert often["prompting"].upkeep_hours == 0
    assert table(needs_private_or_fresh_facts="no", facts_change="often")["rag"].upkeep_hours == 0
    assert table()["rag"].upkeep_hours is None  # nobody said


def test_a_request_is_paid_by_tokens_where_they_have_a_price_else_by_the_machines_time() -> None:
    by_time = costs(parse({}), WORK, usual({"machine_hour_usd": 2.0}, "cpu"))
    assert by_time["prompting"].per_1000 == pytest.approx(1000 * 3.6 / 3600 * 2.0)
    by_tokens = costs(parse({}), WORK, of_tokens(usual(machine="cpu"), "x", (1.0, 10.0)))
    assert by_tokens["prompting"].per_1000 == pytest.approx((900 * 1.0 + 100 * 10.0) / 1000)
    assert by_tokens["classifier"].per_1000 == pytest.approx(
        0.01 / 3.6 * 0.085, abs=1e-6
    )  # runs here, whoever else is asked
    assert costs(parse({}), WORK, usual())["prompting"].per_1000 is None
    assert by_time["rag"].per_1000 is by_time["rag"].build_seconds is None


def test_a_year_adds_hours_upkeep_requests_and_money_up() -> None:
    answers, rates = parse({"requests_per_day": 1000}), usual({"hour_usd": 50.0})
    cost = Cost("", usd=20.0, hours=10.0, per_1000=0.5, upkeep_hours=3.0)
    assert year_hours(cost, answers, rates) == pytest.approx(10 + 3 + (20 + 0.5 * DAYS) / 50)


def test_prices_are_hours_over_the_hours_that_a_point_saves() -> None:
    def at(**said: object) -> np.ndarray:
        answers = parse(said)
        return prices(answers, costs(answers, {}, usual()), usual())

    saved = 10 * DAYS / 100 * usual().mend_minutes.value / 60
    assert point_hours(parse({"requests_per_day": 10}), usual()) == pytest.approx(saved)
    at_ten = at(requests_per_day=10)
    assert at_ten[PATH_NAMES.index("finetuning")] == pytest.approx(TUNING / saved)
    assert at_ten[0] == 0 and (np.diff(at_ten[[0, 2, 3, 4]]) > 0).all()
    assert at(requests_per_day=0).max() == MOST
    assert np.allclose(at(), at(requests_per_day=usual().requests_per_day.value))


def test_a_path_whose_requests_cost_less_is_cheaper_than_a_prompt_at_very_many() -> None:
    answers, rates = parse({"requests_per_day": 1e6}), usual({"mend_minutes": 0.001, "machine_hour_usd": 1.0})
    work = {path: Work(0, 0, 0, 0, 0.1 if path == "finetuning" else 5.0) for path in PATH_NAMES}
    found = prices(answers, costs(answers, work, rates), rates)
    assert found[PATH_NAMES.index("finetuning")] < 0 < found[PATH_NAMES.index("rag")]


def test_what_machines_do_is_counted_from_tokens_and_speed() -> None:
    sizes = Sizes(instruction=100, own=20, wanted=10, passages=80)
    found = work_of(sizes, 30.0, 0.2, (60.0, 90.0), prefill=100.0, decode=10.0)
    assert (found["finetuning"].read, found["finetuning"].written) == (120, 10)
    assert found["finetuning"].seconds == pytest.approx(120 / 100 + 10 / 10)
    assert found["rag"].read - found["finetuning"].read == found["rag+finetuning"].read - found["finetuning"].read == 80
    assert (found["prompting"].usd, found["rag+finetuning"].build_seconds) == (0.2, 90.0)
    assert set(work_of(sizes, 30.0, 0.2, None, 100.0, 10.0)) == {"prompting", "classifier", "rag"}
