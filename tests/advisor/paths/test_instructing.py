"""An instruction is chosen on the examples to choose on, and what is compared afterwards says it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.measure.probing import diagnose
from advisor.paths.arms import predictions
from advisor.paths.finetuning import reading
from advisor.paths.instructing import choose
from advisor.paths.prompting import baseline, prompted, prompting, retrieving
from advisor.runtime.bench import Bench
from advisor.runtime.instructions import LISTED, OWN
from advisor.system import Prediction, Request, System, Usage
from advisor.task import Split

from .conftest import CLEAR, HALF, VAGUE, Told, rows


def asked(bench: Bench) -> list[str]:
    """What the model was asked, each request's last turn."""
    return [request.turns[-1].text for request in bench.runtime.model.asked]  # type: ignore[attr-defined]


def test_the_best_of_three_instructions_is_chosen_on_the_examples_to_choose_on_alone(several: Bench):
    chosen = choose(several)
    assert [(one.text, one.by, one.score) for one in chosen.tried] == [
        (VAGUE, OWN, 0.0), (HALF, LISTED, 50.0), (CLEAR, LISTED, 100.0),
    ]  # fmt: skip
    assert chosen.chosen.text == CLEAR and chosen.own.text == VAGUE and not chosen.note
    assert len(asked(several)) == 3 * 40 and all(text.startswith("choose") for text in asked(several))


def test_of_many_the_worse_half_leaves_each_round_and_the_answers_stay_within_the_purse(several: Bench):
    many = (*(f"Guess {n}." for n in range(6)), CLEAR)
    tight = replace(several, task=replace(several.task, instructions=many), purse=replace(several.purse, tries=200))
    chosen = choose(tight)
    assert chosen.chosen.text == CLEAR and len(asked(tight)) <= 200
    counts = [len(one.scored) for one in chosen.tried]
    assert counts[0] == counts[-1] == max(counts) > min(counts)  # the task's own is asked all that the best is


def test_of_equals_the_tasks_own_stays_and_nothing_changes(several: Bench):
    same = replace(
        several,
        task=replace(several.task, instruction=CLEAR, instructions=("Name the burrow, always. Now.", f" {CLEAR} ")),
    )
    chosen = choose(same)
    assert [one.text for one in chosen.tried] == [CLEAR, "Name the burrow, always. Now."]
    assert chosen.place == 0 and same.saying(chosen) is same and "chosen instruction" not in prompted(same)


def test_what_is_chosen_is_said_by_every_arm_and_the_baseline_stays_the_tasks_own(several: Bench):
    said = several.saying(choose(several))
    assert reading(said).instruction == prompting(said).instruction == CLEAR
    assert {arm(said).instruction for arm in retrieving(said).values()} == {CLEAR}
    assert baseline(said.plain).instruction == prompted(said)["zero-shot"](said).instruction == VAGUE
    probes = {probe.name: probe for probe in diagnose(said).probes}
    assert (probes["zero-shot"].value, probes["chosen instruction"].value) == (0.0, 100.0)
    assert probes["zero-shot"].gap == "none" and probes["chosen instruction"].gap == "instruction"


@pytest.mark.parametrize(
    ("tries", "count", "why"),
    [(3 * 2 * 8 - 1, 40, "the budget covers too few answers"), (240, 7, "there are too few examples to choose on")],
)
def test_where_too_little_can_be_asked_nothing_is_compared_and_that_is_said(several: Bench, tries, count, why):
    split = replace(several.task.split, choose=several.task.split.choose[:count])
    short = replace(several, task=replace(several.task, split=split), purse=replace(several.purse, tries=tries))
    chosen = choose(short)
    assert chosen.note == f"3 instructions were not compared: {why}"
    assert [one.by for one in chosen.tried] == [OWN] and short.saying(chosen) is short and not asked(short)


class Odd(Told):
    """A model for which one instruction is right of even rows, and another one of odd rows."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            number, said = int(request.turns[-1].text.split()[1].strip(":")), request.turns[0].text
            knows = number % 2 == (0 if HALF in said else 1) and VAGUE not in said
            yield i, Prediction(f"burrow{number % 10}" if knows else "?", usage=Usage(10, 2))


def test_where_rows_are_few_each_fold_goes_by_the_rows_of_the_others(several: Bench):
    few = rows("row", 20)  # the even ones lie in fold 0, the odd ones in fold 1
    folded = replace(
        several,
        task=replace(several.task, split=Split(few, few, few, folds=(0, 1) * 10)),
        runtime=replace(several.runtime, model=Odd()),
    )
    said = folded.saying(choose(folded))
    assert {fold: part.task.instruction for fold, part in said.parts.items()} == {0: CLEAR, 1: HALF}
    made = predictions(said, prompted(said)["chosen instruction"], few, "all")
    assert [one.text for one in made] == ["?"] * 20  # what a fold's own rows would choose would be right of all
    merged = replace(said, task=replace(said.task, split=replace(said.task.split, folds=(1, 0) * 10)))
    assert {fold: part.task.instruction for fold, part in merged.parts.items()} == {0: HALF, 1: CLEAR}
    assert isinstance(baseline(said), System) and said.plain.task.instruction == VAGUE
