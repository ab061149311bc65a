from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.data.splitting import split
from advisor.decide.gaps import BOTH
from advisor.errors import CannotError, InputError, Problem
from advisor.measure import probing
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.score.metrics import resolve
from advisor.system import Prediction, Request, System, Usage
from advisor.task import Example, Split, Task

from ..conftest import Reader

KINDS = ("apple", "birch", "cedar", "daisy", "elder", "fern")


class Copier(Reader):
    """A model that says what the last example in its prompt says, and nothing where the prompt has too many words."""

    most = 10_000

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request)
            shown = [turn.text for turn in request.turns if turn.role == "assistant"]
            words = sum(self.count([turn.text for turn in request.turns]))
            if words > self.most:
                yield i, Prediction(None, f"{words} words are too many")
            else:
                yield i, Prediction(shown[-1] if shown else "?", usage=Usage(words, 1))


@pytest.fixture
def few(keeper: Runtime, bench: Bench) -> Bench:
    """24 rows without documents: six kinds of question, each asked four times in nearly the same words, with an answer of
    its own: whoever has seen one of a kind knows the other three."""
    rows = tuple(
        Example(f"{kind}{n}", f"Is the {kind}, I mean {kind}, good for anything{'!' * n}", kind.upper())
        for kind in KINDS
        for n in range(4)
    )
    task = Task("few", Path(), split=split(rows), labels=tuple(kind.upper() for kind in KINDS))
    runtime = replace(keeper, model=Copier(), pool=task.split.train)
    purse = replace(bench.purse, measure=96, choose=64, short=48, rows=24, epochs=2, folds=5)
    return Bench(task, runtime, resolve("exact_match"), purse, seed=0)


def test_a_diagnosis_tells_what_was_found_and_what_became_of_it(bench: Bench):
    told = probing.diagnose(bench)
    assert (told.recall[0].answer, told.recall[0].gold) == (1.0, 1.0)
    used = {one.system: one for one in told.use}
    assert used["one passage"].right_with == 1.0 and used["one passage"].right_without is None
    assert used["all documents"].there == 1.0 and used["all documents"].right_with == 0.0
    assert used["oracle context"].there == 1.0 and used["one passage"].tokens == 12


class Rambling(Reader):
    """Of what it is asked for, every third answer is cut off."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, made in super().generate(requests):
            yield i, replace(made, cut=i % 3 == 0)


def test_a_diagnosis_tells_what_was_cut_off(bench: Bench):
    told = probing.diagnose(replace(bench, runtime=replace(bench.runtime, model=Rambling())))
    assert {len(one.cut) for one in told.probes if one.path != "classifier"} == {4}
    assert "cut off" in told.notes[-1] and "zero-shot 4" in told.notes[-1]


def test_where_rows_are_few_each_is_answered_by_what_was_made_without_it_and_its_like(few: Bench):
    told = probing.diagnose(few)
    assert (told.examples, told.folds) == (24, 4)
    scores = {probe.name: (probe.value, probe.n) for probe in told.probes}
    assert scores == dict.fromkeys(("zero-shot", "fixed shots", "similar shots", "classifier"), (0.0, 24))
    assert any("one of 4" in note and "learns from all rows" in note for note in told.notes)
    apart = Split(few.task.split.train, few.task.split.train, few.task.split.train)
    leaking = probing.diagnose(replace(few, task=replace(few.task, split=apart)))
    assert {probe.name: probe.value for probe in leaking.probes}["similar shots"] == 100.0


@pytest.mark.parametrize(("folds", "trainings"), [(4, 4), (2, 2), (0, 0)])
def test_a_short_tuning_answers_only_what_it_has_not_learned(few: Bench, monkeypatch, folds: int, trainings: int):
    learned: dict[str, set[str]] = {}

    def tuned(bench: Bench, path: str, stage: str, evaluations: int) -> System:
        folder = bench.folder(f"{stage}/{path}")
        learned[folder] = {row.output for row in bench.task.split.train[: bench.purse.rows]}
        return replace(baseline(bench), instruction=folder)

    monkeypatch.setattr(probing, "tuned", tuned)
    monkeypatch.setattr(probing, "tunes", lambda model: True)
    told = probing.diagnose(replace(few, purse=replace(few.purse, folds=folds, measure=6 * folds or 24)))
    assert len(learned) == trainings
    outputs = {row.input: row.output for row in few.task.split.train}
    asked = few.runtime.model.asked  # type: ignore[attr-defined]
    answered = [(r.turns[0].text, outputs[r.turns[-1].text]) for r in asked if r.turns[0].text in learned]
    assert len(answered) == 6 * trainings
    assert all(output not in learned[folder] for folder, output in answered)
    assert any("short tuning was not measured" in note for note in told.notes) is (trainings == 0)
    assert {probe.name for probe in told.probes} >= ({"short tuning"} if trainings else set())
    if trainings:
        assert told.probes[-1].n == 6 * trainings and told.outlook["finetuning"][0] == 0  # as long as the full one


class Held(Reader):
    """A model that says the first of the labels that it is held to, else "?"."""

    can = frozenset({"generate", "constrain"})

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        yield from ((i, Prediction((one.decoding.labels or ("?",))[0])) for i, one in enumerate(requests))


def test_a_short_tuning_is_done_once_for_each_fold_and_tried_in_both_decodings(few: Bench, monkeypatch):
    folders: list[str] = []

    def tuned(bench: Bench, path: str, stage: str, evaluations: int) -> System:
        folders.append(bench.folder(f"{stage}/{path}"))
        return replace(baseline(bench), instruction=folders[-1])

    monkeypatch.setattr(probing, "tuned", tuned)
    monkeypatch.setattr(probing, "tunes", lambda model: True)
    told = probing.diagnose(replace(few, runtime=replace(few.runtime, model=Held())))
    assert folders == [f"probes/finetuning/fold-{fold}" for fold in range(4)]
    tunings = [probe for probe in told.probes if probe.path == "finetuning"]
    assert {probe.name: (probe.value, probe.valid["label"]) for probe in tunings} == {
        "short tuning": (0.0, 0.0),
        "short tuning, constrained": (pytest.approx(100 / 6), 1.0),
    }


def test_where_the_purse_is_brief_only_the_arms_that_tell_most_are_tried(few: Bench, bench: Bench):
    model = Copier()
    model.can = frozenset({"generate", "constrain"})  # type: ignore[misc]
    brief = replace(few, purse=replace(few.purse, brief=True), runtime=replace(few.runtime, model=model))
    whole = set(probing.probed(replace(brief, purse=few.purse)))
    assert {"similar shots", "fixed shots", "constrained"} < whole
    assert set(probing.probed(brief)) == {"zero-shot", "similar shots, constrained", "classifier"}
    assert "the budget is short" in " ".join(probing.diagnose(brief).notes)
    found = set(probing.probed(replace(bench, purse=replace(bench.purse, brief=True))))
    assert found == {"zero-shot", "retrieved context", "one passage"} | (
        found & {"similar shots", "one passage, fixed shots"}
    )


def test_a_system_whose_prompt_does_not_fit_drops_out_and_the_others_go_on(few: Bench):
    few.runtime.model.most = 40  # type: ignore[attr-defined]
    told = probing.diagnose(few)
    assert [probe.name for probe in told.probes] == ["zero-shot", "classifier"]
    notes = [note for note in told.notes if "dropped out" in note]
    assert [note.split(" dropped")[0] for note in notes] == ["fixed shots", "similar shots"]
    assert "words are too many" in notes[0]
    assert told.ruled_out == {}


def test_where_even_the_plain_prompt_does_not_fit_the_run_says_so(few: Bench):
    few.runtime.model.most = 5  # type: ignore[attr-defined]
    with pytest.raises(CannotError, match=r"nothing can be measured: no example got an answer.*words are too many"):
        probing.diagnose(few)


def test_where_the_shortest_prompt_is_too_long_too_often_no_path_that_asks_the_model_is_left(few: Bench):
    split = few.task.split
    rows = tuple(replace(row, input=f"{row.input} {'long ' * 60}") if "fern" in row.id else row for row in split.train)
    split = replace(split, train=rows, choose=rows, compare=rows)
    few.runtime.model.most = 60  # type: ignore[attr-defined]
    told = probing.diagnose(replace(few, task=replace(few.task, split=split)))
    assert {probe.name: probe.unscored for probe in told.probes}["zero-shot"] == 4
    assert set(told.ruled_out) == {"prompting", "rag", "finetuning", "rag+finetuning"}
    assert "shortest prompt" in told.ruled_out["finetuning"] and "zero-shot gave no" in told.ruled_out["prompting"]


def test_rows_that_can_not_be_learned_from_cost_the_tuning_and_not_the_run(few: Bench, monkeypatch):
    def refused(*given: object, **more: object) -> System:
        raise InputError(Problem("no token to learn", "train.jsonl", 3))

    monkeypatch.setattr(probing, "tuned", refused)
    monkeypatch.setattr(probing, "tunes", lambda model: True)
    told = probing.diagnose(few)
    assert "finetuning" in told.ruled_out and "train.jsonl:3" in told.ruled_out["finetuning"]
    assert "short tuning" not in {probe.name for probe in told.probes}


def test_a_path_that_gives_no_text_too_often_is_ruled_out_with_the_reason(bench: Bench, monkeypatch):
    whole = type(bench.runtime.model).generate

    def generate(self: Reader, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, made in whole(self, requests):
            shown = "[1]" in requests[i].turns[-1].text
            yield i, Prediction(None, "timed out") if shown and i % 5 == 0 else made

    monkeypatch.setattr(type(bench.runtime.model), "generate", generate)
    told = probing.diagnose(bench)
    probes = {probe.name: probe for probe in told.probes}
    assert (probes["one passage"].n, probes["one passage"].unscored) == (8, 2) and probes["one passage"].misses
    assert "one passage gave no text for 2 of 10 examples" in " ".join(told.notes)
    assert told.ruled_out == {}  # all documents stand in the system turn, and there is always an answer
    measured = told.measured(bench.metric, 0)
    assert measured.draws["rag"].mean() < 15  # scored by what it always answers with, not by the best of the rest
    fewer = replace(bench, purse=replace(bench.purse, room=0))
    assert "gave no text" in probing.diagnose(fewer).ruled_out["rag"]


def test_an_example_that_lacks_facts_and_manner_is_shown_for_both() -> None:
    rows = [Example(str(i), f"question {i}", "x") for i in range(3)]
    shown = probing._shown(rows, {"0": "behaviour", "1": BOTH, "2": "knowledge"}, {})
    assert {gap: one.id for gap, one in shown.items()} == {"behaviour": "0", "knowledge": "1"}
