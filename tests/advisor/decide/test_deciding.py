"""What is recommended in situations whose right advice is common knowledge, and what a floor and a price do to it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from advisor.answers import parse
from advisor.decide.belief import Measured
from advisor.decide.recommendation import Recommendation, recommend
from advisor.decide.rules import load_rules
from advisor.show.headline import headline
from advisor.system import PATH_NAMES

BEHAVIOUR = {"needs_private_or_fresh_facts": "no", "tunes_same_model": "yes"}
FACTS = {"needs_private_or_fresh_facts": "yes", "documents_available": "yes", "output_kind": "long_answer"}


def advise(raw: dict[str, Any], **given: Any) -> Recommendation:
    return recommend(parse(raw), {}, load_rules(), **given)


def sure_of(given: Recommendation, path: str) -> float:
    return given.of(path).probability


@pytest.mark.parametrize(
    ("raw", "first"),
    [
        ({**BEHAVIOUR, "output_kind": "json", "train_examples": 900, "base_capability": "low"}, {"finetuning"}),
        ({**BEHAVIOUR, "output_kind": "style", "train_examples": 800, "documents_available": "yes"}, {"finetuning"}),
        ({**BEHAVIOUR, "output_kind": "sql", "train_examples": 0, "documents_available": "yes"}, {"prompting"}),
        ({**BEHAVIOUR, "output_kind": "label", "train_examples": 800, "num_labels": 8}, {"classifier"}),
        ({**FACTS, "train_examples": 0}, {"rag"}),
        ({**FACTS, "train_examples": 15, "style_matters": "yes"}, {"rag"}),
        ({**FACTS, "train_examples": 2000, "style_matters": "yes"}, {"rag+finetuning", "rag"}),
        ({"needs_private_or_fresh_facts": "no", "base_capability": "high", "output_kind": "long_answer",
          "strict_format": "no", "style_matters": "no", "train_examples": 400}, {"prompting"}),
    ],
)  # fmt: skip
def test_common_knowledge_is_advised(raw: dict[str, Any], first: set[str]) -> None:
    assert advise(raw).leading in first


def test_at_a_few_requests_a_day_no_tuning_is_earned_back_and_at_very_many_it_is() -> None:
    raw = {**BEHAVIOUR, "output_kind": "json", "train_examples": 700, "base_capability": "medium"}
    few, many = (advise({**raw, "requests_per_day": n}) for n in (2, 1e6))
    assert (few.path, many.path) == ("prompting", "finetuning")
    assert sure_of(few, "finetuning") == sure_of(many, "finetuning")  # quality is not what requests change
    assert any("requests a day" in reason.text for reason in few.reasons)


def test_unclean_examples_lower_tuning_at_any_count_and_are_to_be_cleaned_first() -> None:
    raw = {**BEHAVIOUR, "output_kind": "style"}
    unclean, clean = (
        advise({**raw, "train_examples": n, "examples_clean": said}) for n, said in ((6000, "no"), (300, "yes"))
    )
    assert sure_of(unclean, "finetuning") < sure_of(clean, "finetuning") - 0.05
    assert "clean" in unclean.next


def test_where_facts_are_needed_and_no_documents_are_there_nothing_is_sure_and_documents_are_next() -> None:
    given = advise({**FACTS, "documents_available": "no", "train_examples": 5000, "facts_change": "often"})
    assert given.path is None and given.certainty <= 0.5 and "documents" in given.next


def test_what_nobody_said_is_there_does_not_win() -> None:
    given = advise({"needs_private_or_fresh_facts": "yes", "output_kind": "short_answer"})
    assert given.path is None
    assert any(dict(one.when) == {"documents_available": "yes"} and one.path == "rag" for one in given.would_change)


def test_what_follows_is_marked_as_inferred() -> None:
    given = advise({"output_kind": "json", "train_examples": 100})
    assert given.answers["strict_format"] == "yes" and given.origin["strict_format"].startswith("inferred")
    assert given.origin["output_kind"] == "said"


def test_reasons_for_the_path_come_before_those_against_it() -> None:
    given = advise({**BEHAVIOUR, "output_kind": "json", "train_examples": 900, "base_capability": "low"})
    sides = [reason.side for reason in given.reasons]
    assert sides == sorted(sides, key=["for", "against"].index)
    assert all(r.weight > 0 for r in given.reasons if r.rule and r.side == "for" and not r.text.startswith(PATH_NAMES))


def test_cases_shown_are_of_a_like_task_each_study_once_and_tried_the_path() -> None:
    raw = {**BEHAVIOUR, "output_kind": "long_answer", "style_matters": "yes", "train_examples": 600}
    given = advise({**raw, "description": "Answering complaints of customers of our web shop"})
    assert "complaints" in given.cases[0].task
    assert len({case.title for case in given.cases}) == len(given.cases)
    assert all(given.leading in case.scores for case in given.cases)


def measured(floor: float, **means: float) -> Measured:
    random = np.random.default_rng(0)
    drawn = {path: np.clip(random.normal(mean, 3, 2000), 0, 100) for path, mean in means.items()}
    return Measured(drawn, examples=100, floors={"the commonest output": random.normal(floor, 2, 2000)})


def test_what_is_built_provisionally_is_not_expected_to_lose_more_than_the_smallest_gain() -> None:
    raw = {**BEHAVIOUR, "output_kind": "json", "train_examples": 200, "documents_available": "no"}
    for tuned, provisional in ((50, "finetuning"), (42, "prompting")):
        told = measured(0, prompting=50, finetuning=tuned)
        given = advise(raw, measured=replace(told, outlook={"finetuning": (3.0, 16.0)}))
        assert (given.verdict, given.provisional) == ("insufficient evidence", provisional)


def test_what_was_not_measured_is_not_recommended_where_others_were() -> None:
    raw = {**BEHAVIOUR, "output_kind": "json", "train_examples": 64, "documents_available": "no"}
    given = advise(raw, measured=measured(0, prompting=45))
    assert given.leading == "finetuning" and given.certainty > given.enough
    assert (given.path, given.verdict, given.provisional) == (None, "insufficient evidence", "prompting")
    assert "larger --budget" in given.next and "did not cover measuring" in headline(given, None)


def test_no_path_is_recommended_that_is_not_surely_above_the_floor() -> None:
    raw = {**BEHAVIOUR, "output_kind": "label", "train_examples": 200, "documents_available": "no"}
    below = advise(raw, measured=measured(92, prompting=60, classifier=91, finetuning=88))
    assert (below.verdict, below.path, below.provisional) == ("nothing", None, None)
    assert "the commonest output, which scores 92" in below.ranking[0].note and "labels" in below.next.replace(
        "wanted outputs", "labels"
    )
    above = advise(raw, measured=measured(60, prompting=62, classifier=91, finetuning=70))
    assert (above.verdict, above.path) == ("recommended", "classifier")
    assert "not surely above" in above.of("prompting").note


def test_where_the_passage_found_is_as_good_it_is_to_be_handed_out() -> None:
    copied = measured(94, prompting=40, rag=60, **{"rag+finetuning": 95})
    told = Measured(copied.draws, examples=100, floors={"copying the context": copied.floors["the commonest output"]})
    given = advise({**FACTS, "train_examples": 500}, measured=told)
    assert given.verdict == "nothing" and "hand out the first passage" in given.next


def test_a_floor_that_nearly_wins_is_said() -> None:
    raw = {**BEHAVIOUR, "output_kind": "label", "train_examples": 200, "documents_available": "no"}
    given = advise(raw, measured=measured(82, prompting=30, classifier=91, finetuning=50))
    assert any("no work at all, scores 82" in one.text and one.side == "against" for one in given.reasons)


def test_a_choice_against_the_order_of_scores_is_explained() -> None:
    raw = {**BEHAVIOUR, "output_kind": "json", "train_examples": 700, "documents_available": "no"}
    drawn = measured(5, prompting=40, finetuning=28)
    short = Measured(drawn.draws, {"finetuning": (47.0, 8.0)}, 64, rows=(64, 691))
    given = advise(raw, measured=short)
    assert given.path == "finetuning"
    why = given.reasons[0].text
    assert "tried in short on 64 rows" in why and "with all 691 rows" in why and "(40)" in why
    assert "of the prompts that were tried: your own instruction, with and without examples" in why
    entry = given.of("finetuning")
    assert (
        entry.measured == pytest.approx(28, abs=1) and entry.forecast and entry.forecast[1] == pytest.approx(72, abs=5)
    )
    assert entry.cheaper == "prompting" and entry.gain_over_cheaper and entry.gain_over_cheaper[1] > 20


def test_where_tuning_beat_prompting_it_is_said_of_which_prompts() -> None:
    raw = {**BEHAVIOUR, "output_kind": "json", "train_examples": 700, "documents_available": "no"}
    several = replace(measured(5, prompting=40, finetuning=70), instructions=3)
    told = [one.text for one in advise(raw, measured=several).reasons if "against" in one.text]
    [over] = [text for text in told if "against prompting" in text]
    assert over.endswith(
        "prompting is the best of the prompts that were tried: 3 instructions, with and without examples"
    )
    assert not any("that were tried" in text for text in told if text != over)
