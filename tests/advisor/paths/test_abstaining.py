from dataclasses import replace

import pytest

from advisor.measure.figures import Answered, answers_given
from advisor.paths import abstaining
from advisor.paths.abstaining import threshold, trade
from advisor.paths.prompting import fixed_shots
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.score import metrics
from advisor.score.metric import score_all
from advisor.system import Abstain, Context, ModelRef, System
from advisor.task import Example, Split, Task

SYSTEM = System(ModelRef("reader", "reader"), context=Context("retrieved", 1))


def test_the_threshold_is_the_highest_that_withholds_one_right_answer_in_twenty():
    supports = [i / 100 for i in range(40)]
    right = [True] * 40
    assert threshold(supports, right) == 0.02
    assert trade(0.02, supports, right, []).withheld == pytest.approx(0.05)
    assert trade(0.03, supports, right, []).withheld > 0.05


def test_where_no_answer_was_right_nothing_is_withheld():
    assert trade(threshold([0.1, 0.9], [False, False]), [0.1, 0.9], [False, False], []).answered == 1.0


def test_a_trade_counts_answers_errors_and_refusals():
    found = trade(0.5, [0.2, 0.4, 0.6, 0.8], [True, False, False, True], [0.3, 0.7])
    assert (found.answered, found.wrong, found.withheld, found.refused) == (0.5, 0.5, 0.5, 0.5)


def test_what_the_documents_answer_is_answered_and_what_was_taken_out_is_not(zoo: Task, keeper: Runtime, bench: Bench):
    fitted = abstaining.fit(replace(bench, task=replace(zoo, abstain="No idea.")), SYSTEM)
    chosen = next(one for one in fitted.trades if one.below == fitted.below)
    assert chosen.answered == 1.0 and chosen.wrong == 0.0 and chosen.refused == 1.0

    system = replace(SYSTEM, abstain=Abstain(fitted.text, fitted.below))
    asked = [zoo.split.test[0], Example("x", "Where sleeps the unicorn?", "No idea.")]
    known, unknown = keeper.predict(system, asked)
    assert known.text == "burrow0" and not known.abstained
    assert unknown.text == "No idea." and unknown.abstained and unknown.passages
    assert unknown.scores["support"] < fitted.below <= known.scores["support"]


def test_nothing_is_asked_of_the_model_where_it_abstains(zoo: Task, keeper: Runtime):
    system = replace(SYSTEM, abstain=Abstain("No idea.", 1.1))
    made = keeper.predict(system, zoo.split.test)
    assert {one.text for one in made} == {"No idea."} and keeper.model.asked == []  # type: ignore[attr-defined]


def test_an_abstention_is_scored_as_its_text_and_counted_beside(zoo: Task, keeper: Runtime):
    metric = metrics.resolve("exact_match")
    rows = [zoo.split.test[0], Example("x", "Who?", "No idea."), Example("y", "What else?", "burrow9")]
    made = keeper.predict(replace(SYSTEM, abstain=Abstain("No idea.", 0.5)), rows)
    scored = score_all(metric, [one.text for one in made], rows)
    assert [one.score for one in scored] == [100.0, 100.0, 0.0]
    assert answers_given(metric, scored, made, 0) == Answered(1, 1 / 3, 100.0, 1)


def test_without_examples_to_set_it_on_there_is_always_an_answer(zoo: Task, keeper: Runtime, bench: Bench):
    alone = replace(bench, task=replace(zoo, abstain="No idea.", split=Split()))
    fitted = abstaining.fit(alone, SYSTEM)
    assert (fitted.questions, fitted.trades) == (0, ())
    made = keeper.predict(replace(SYSTEM, abstain=Abstain(fitted.text, fitted.below)), [Example("x", "Who?", "")])
    assert not made[0].abstained


def test_where_rows_are_few_no_example_is_asked_about_that_its_prompt_shows(zoo: Task, bench: Bench):
    rows = zoo.split.train
    task = replace(zoo, abstain="No idea.", split=Split(rows, rows, rows, folds=(0, 1) * 5))
    few = replace(bench, task=task, runtime=replace(bench.runtime, pool=rows))
    abstaining.fit(few, replace(SYSTEM, shots=fixed_shots(task, 0)))
    asked = few.runtime.model.asked  # type: ignore[attr-defined]
    assert len(asked) == 10
    for request in asked:
        *shown, last = [turn.text.splitlines()[-1] for turn in request.turns if turn.role == "user"]
        assert shown and last not in shown
