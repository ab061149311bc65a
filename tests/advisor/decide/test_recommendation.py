"""What is recommended, how sure, and what would change it."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor import runfolder
from advisor.answers import KEYS, parse
from advisor.decide.belief import Measured, Situation, believed
from advisor.decide.cases import load_cases
from advisor.decide.costs import Work
from advisor.decide.rates import usual
from advisor.decide.recommendation import Recommendation, recommend
from advisor.decide.rules import load_rules
from advisor.system import PATH_NAMES

FACTS = {"needs_private_or_fresh_facts": "yes", "documents_available": "yes", "output_kind": "short_answer"}
STRICT = {
    "output_kind": "json",
    "strict_format": "yes",
    "train_examples": 2000,
    "tunes_same_model": "yes",
    "documents_available": "no",
    "needs_private_or_fresh_facts": "no",
    "base_capability": "low",
}


def advise(raw: dict[str, Any], **given: Any) -> Recommendation:
    return recommend(parse(raw), given.pop("signals", {}), load_rules(), **given)


def by_path(given: Recommendation) -> dict[str, Any]:
    return {entry.path: entry for entry in given.ranking}


def scores(means: dict[str, float], examples: int, seed: int = 0, draws: int = 1000) -> Measured:
    """Paired bootstrap draws of examples that pass or not; what a worse path passes, a better one does too."""
    random = np.random.default_rng(seed)
    hard = random.random(examples)
    picks = random.integers(0, examples, (draws, examples))
    return Measured({p: 100 * (hard < m / 100)[picks].mean(axis=1) for p, m in means.items()}, examples=examples)


@pytest.mark.parametrize("raw", [{}, FACTS, STRICT, {"output_kind": "label", "train_examples": 0}])
def test_all_five_paths_are_always_ranked_with_finite_figures(raw: dict[str, Any]) -> None:
    given = advise(raw)
    assert sorted(entry.path for entry in given.ranking) == sorted(PATH_NAMES)
    for entry in given.ranking:
        assert 0 <= entry.probability <= 1
        assert -100 <= entry.interval[0] <= entry.expected_gain <= entry.interval[1] <= 100
        assert entry.cost
    told = [entry.certainty for entry in given.ranking]
    assert told == sorted(told, reverse=True) and given.certainty == told[0]
    assert max(entry.probability for entry in given.ranking) > 0


def test_nothing_known_is_insufficient_evidence_with_wide_intervals_and_a_next_step() -> None:
    given = advise({})
    assert given.path is None and given.provisional == "prompting"
    low, high = by_path(given)["finetuning"].interval
    assert low < 0 and high - low > 25
    assert "advisor diagnose" in given.next


def test_private_facts_in_documents_lead_to_retrieval() -> None:
    assert advise(FACTS).leading in ("rag", "rag+finetuning")


@pytest.mark.parametrize("tokens", [500, 200_000])
def test_documents_alone_lead_to_retrieval_however_few_they_are(tokens: int) -> None:
    learning = dict.fromkeys(("classifier", "finetuning", "rag+finetuning"), "too few examples to train on")
    given = advise({"documents_available": "yes", "corpus_tokens": tokens}, infeasible=learning)
    assert given.path == "rag"  # what is shown whole counts as rag, too


def test_strict_json_with_two_thousand_examples_leads_to_tuning() -> None:
    given = advise(STRICT)
    assert given.path == "finetuning" and given.provisional is None
    assert any(reason.rule == "stable-form-needs-tuning" and reason.source for reason in given.reasons)


def test_a_strong_base_makes_tuning_less_certain() -> None:
    strong = by_path(advise({**STRICT, "base_capability": "high"}))["finetuning"]
    assert strong.expected_gain < by_path(advise(STRICT))["finetuning"].expected_gain


@pytest.mark.parametrize(
    ("raw", "impossible"),
    [
        ({"documents_available": "no"}, {"rag", "rag+finetuning"}),
        ({"output_kind": "sql"}, {"classifier"}),
        ({"train_examples": 0}, {"classifier", "finetuning", "rag+finetuning"}),
        ({}, set()),
    ],
)
def test_an_impossible_path_is_last_with_probability_nought_and_the_reason(
    raw: dict[str, Any], impossible: set[str]
) -> None:
    given = advise(raw)
    assert {entry.path for entry in given.ranking if entry.note} == impossible
    assert {entry.path for entry in given.ranking[5 - len(impossible) :]} == impossible
    assert all(by_path(given)[path].probability == 0 for path in impossible)


def test_what_the_caller_rules_out_is_ruled_out() -> None:
    given = advise(STRICT, infeasible={"finetuning": "the endpoint can't be tuned"})
    assert given.leading == "prompting" and given.certainty == 1
    assert by_path(given)["finetuning"].note == "the endpoint can't be tuned"


def test_where_no_path_is_possible_none_is_recommended_and_the_cheapest_is_provisional() -> None:
    measured = scores({"prompting": 60, "baseline": 50}, 60)
    given = advise(STRICT, measured=measured, infeasible=dict.fromkeys(PATH_NAMES, "it gave no text too often"))
    assert (given.path, given.provisional, given.certainty) == (None, "prompting", 0)
    assert {entry.note for entry in given.ranking} >= {"it gave no text too often"}


def test_what_can_not_be_proven_is_not_said_to_be_next() -> None:
    measured = scores({"prompting": 90, "finetuning": 20, "baseline": 20}, 300)
    assert advise(STRICT, measured=measured).next == "build prompting and prove it on the sealed test"
    assert advise(STRICT, measured=replace(measured, proven=False)).next == "build prompting: measured, not proven"


def test_a_clear_measurement_decides_against_the_rules() -> None:
    means = {"baseline": 30.0, "prompting": 40.0, "rag": 41.0, "finetuning": 80.0, "rag+finetuning": 62.0}
    given = advise(FACTS, measured=scores(means, 200))
    assert given.path == "finetuning" and given.gain_over == "baseline"
    assert by_path(given)["finetuning"].expected_gain == pytest.approx(50, abs=8)
    assert any("against rag" in reason.text and reason.text.startswith("measured") for reason in given.reasons)


def test_more_examples_bring_the_belief_nearer_to_the_measurement() -> None:
    means = {"prompting": 70.0, "finetuning": 40.0}
    few, many = (by_path(advise(STRICT, measured=scores(means, n)))["finetuning"].expected_gain for n in (10, 1000))
    assert many == pytest.approx(-30, abs=4)
    assert few > many


def test_the_posterior_equals_the_textbook_one_for_independent_errors() -> None:
    # With a flat level, the difference d of two paths has posterior precision 1/v + 1/e, whatever the level.
    from advisor.decide.cases import fit

    model = fit(load_cases(), load_rules())
    answers = parse(STRICT)
    prior = model.belief(answers, answers)
    random = np.random.default_rng(5)
    measured = Measured(
        {p: 50 + shift + 4 * random.normal(size=2000) for p, shift in (("prompting", 0), ("finetuning", 6))}
    )
    moved = believed(model, Situation(answers, measured=measured))
    boot = measured.draws["finetuning"] - measured.draws["prompting"]
    ahead, v, e = prior[:, 3] - prior[:, 0], np.var(prior[:, 3] - prior[:, 0]), np.var(boot)
    expected = (ahead.mean() / v + boot.mean() / e) / (1 / v + 1 / e)
    assert (moved[:, 3] - moved[:, 0]).mean() == pytest.approx(expected, abs=0.5)
    assert np.std(moved[:, 3] - moved[:, 0]) == pytest.approx(math.sqrt(1 / (1 / v + 1 / e)), rel=0.1)


def test_an_uncertain_outlook_widens_the_interval_and_raises_the_gain() -> None:
    plain = scores({"prompting": 50.0, "finetuning": 60.0}, 400)
    more = Measured(plain.draws, {"finetuning": (8.0, 6.0)}, 400)
    sure, unsure = (by_path(advise(STRICT, measured=m))["finetuning"] for m in (plain, more))
    assert unsure.expected_gain > sure.expected_gain + 4
    assert unsure.interval[1] - unsure.interval[0] > sure.interval[1] - sure.interval[0]


def test_an_unsettled_measurement_says_how_many_examples_would_settle_it() -> None:
    random = np.random.default_rng(0)
    noisy = {"prompting": 50 + 6 * random.normal(size=1000), "finetuning": 47 + 6 * random.normal(size=1000)}
    given = advise({**STRICT, "base_capability": "high"}, measured=Measured(noisy, examples=40))
    assert given.path is None
    assert "more development examples would settle" in given.settles and given.next == given.settles
    needed = int(given.settles.split()[0])
    assert 1 <= needed < 1_000_000


def test_no_gain_is_larger_than_the_scale() -> None:
    given = advise(STRICT, measured=scores({"prompting": 99.0, "baseline": 1.0}, 48))
    assert all(-100 <= one.interval[0] <= one.expected_gain <= one.interval[1] <= 100 for one in given.ranking)


def test_a_baseline_alone_measures_no_path() -> None:
    alone = advise(FACTS, measured=Measured({"baseline": np.full(10, 30.0)}, examples=10))
    assert alone == advise(FACTS)


@pytest.mark.parametrize("raw", [{}, FACTS, STRICT, {"output_kind": "label", "train_examples": 300}])
def test_what_would_change_it_comes_true(raw: dict[str, Any]) -> None:
    given = advise(raw)
    assert raw in ({}, {"output_kind": "label", "train_examples": 300}) or given.would_change
    for change in given.would_change:
        price = {name: float(value) for name, value in change.when.items() if name not in KEYS}
        then = advise({**raw, **({} if price else change.when)}, by_model={"": ({}, usual(price))})
        assert then.path == change.path != given.leading
        assert by_path(then)[change.path].probability == change.probability


def test_json_holds_the_contract_and_nothing_that_json_lacks() -> None:
    told = json.loads(json.dumps(runfolder.plain(Recommendation, advise(FACTS)), allow_nan=False))
    assert {"path", "certainty", "ranking", "reasons", "would_change", "next", "provisional", "cases"} <= set(told)
    assert {"path", "probability", "expected_gain", "interval", "cost"} <= set(told["ranking"][0])
    assert {"verdict", "gap"} <= set(told) and set(told["would_change"][0]) == {"if", "path", "probability"}
    assert told["cases"][0]["source"] and told["cases"][0]["scores"]


def test_what_machines_do_for_a_path_appears_beside_the_words() -> None:
    cost = by_path(advise(FACTS, by_model={"": ({"rag": Work(12, 0.5, 90, 10, 2.0)}, usual())}))["rag"].cost
    assert (cost.build_seconds, cost.usd, cost.tokens_per_request) == (12, 0.5, 100) and cost.effort


def test_the_same_question_has_the_same_answer() -> None:
    assert advise(FACTS) == advise(FACTS)


def test_published_cases_bear_out_what_is_advised_and_how_surely() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
    from decide import calibration, cross_validate

    advice = cross_validate(load_cases())
    assert np.mean([one.hit for one in advice]) > 0.70
    brier, error, _ = calibration([one.stated[0] for one in advice], [one.case.study for one in advice])
    assert brier < 0.2 and error < 0.1
    sure = [one.hit for one in advice if one.given.path]
    assert np.mean(sure) > np.mean([one.hit for one in advice if not one.given.path])
