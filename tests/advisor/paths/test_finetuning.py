"""What a tuning is handed, and how a tuned system decodes, by a model that gives what its decoding asks for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from advisor.paths.finetuning import decoded, tuned
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.score.metrics import resolve
from advisor.system import Prediction, Request, System
from advisor.task import Example, Split

from ..conftest import Reader

LABELS = resolve("label_accuracy")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What a tuning is handed; nothing is trained."""
    kept = SimpleNamespace()

    def tune(
        self: Runtime,
        system: System,
        rows: Sequence[Example],
        rate: Callable[[Sequence[str | None]], float],
        choose: Sequence[Example],
        settings: Any,
        folder: str,
        short: str,
    ) -> System:
        vars(kept).update(rows=rows, rate=rate, choose=choose, settings=settings, folder=folder, short=short)
        return system

    monkeypatch.setattr(Runtime, "tune", tune)
    return kept


def test_checkpoints_are_chosen_on_examples_set_aside_and_none_by_what_it_did_not_answer(
    bench: Bench, handed: SimpleNamespace
):
    purse = replace(bench.purse, rows=4, epochs=3)
    tuned(replace(bench, purse=purse), "finetuning", "build")
    split = bench.task.split
    assert (handed.rows, handed.choose) == (split.train[:4], split.choose)
    assert (handed.settings.epochs, handed.settings.evaluations, handed.folder) == (3, 4, "build/finetuning")
    assert handed.short == "probes/finetuning"
    right = [row.output for row in split.choose]
    assert handed.rate([*right[:4], *["wrong"] * 6]) == pytest.approx(40)
    assert handed.rate([*right[:1], *[None] * 9]) == pytest.approx(10)
    assert handed.rate([None] * 10) == 0


def test_where_all_rows_train_the_last_checkpoint_is_kept(bench: Bench, handed: SimpleNamespace):
    rows = bench.task.split.train
    split = Split(rows, rows, rows, folds=(0, 1) * 5)
    few = replace(bench, task=replace(bench.task, split=split), purse=replace(bench.purse, rows=10, epochs=3))
    tuned(few, "finetuning", "build")
    assert (handed.rows, handed.choose, handed.settings.evaluations) == (rows, (), 1)
    tuned(few.parts[1], "rag+finetuning", "probes")
    assert (handed.rows, handed.choose, handed.folder) == (rows[::2], (), "probes/rag+finetuning/fold-1")


class Gives(Reader):
    """A model that always gives one text where it decodes freely, and another where it is held to a form."""

    can = frozenset({"generate", "constrain"})

    def __init__(self, free: str, held: str) -> None:
        super().__init__()
        self.texts = {"free": free, "constrained": held}

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        """One text for each request."""
        self.asked += requests
        yield from ((i, Prediction(self.texts[one.decoding.kind])) for i, one in enumerate(requests))


def choosing(bench: Bench, free: str, held: str, **task: Any) -> Bench:
    """The bench of a task whose outputs are JSON, with such a model."""
    rows = tuple(Example(str(i), f"question {i}", '{"n": 1}') for i in range(8))
    split = replace(bench.task.split, train=rows, choose=rows)
    asked = replace(bench.task, split=split, metric="json_field_f1", documents=(), **task)
    runtime = replace(bench.runtime, model=Gives(free, held))
    return replace(bench, task=asked, runtime=runtime, metric=resolve("json_field_f1"))


@pytest.mark.parametrize(
    ("free", "held", "task", "kind"),
    [
        ('{"n": 1', '{"n": 1}', {}, "constrained"),
        ('{"n": 1}', '{"n": 2}', {"schema": SCHEMA}, "free"),
        ('{"n": 1}', '{"n": 1}', {"schema": SCHEMA}, "constrained"),  # what the task itself asks for does no harm
        ('{"n": 1}', '{"n": 1}', {}, "free"),  # a form that is only guessed may leave something out
    ],
)
def test_a_tuned_system_is_held_to_the_form_where_that_scores_better(
    bench: Bench, free: str, held: str, task: dict[str, Any], kind: str
):
    asked = choosing(bench, free, held, **task)
    chosen = decoded(asked, baseline(asked))
    assert chosen.decoding.kind == kind


def test_labels_are_a_form_too(bench: Bench):
    asked = choosing(bench, "alarm, I think", "alarm", labels=("alarm", "lamp"))
    rows = tuple(replace(row, output="alarm") for row in asked.task.split.choose)
    asked = replace(asked, task=replace(asked.task, split=replace(asked.task.split, choose=rows)), metric=LABELS)
    assert decoded(asked, baseline(asked)).decoding.labels == ("alarm", "lamp")


def test_without_a_form_or_examples_to_choose_on_nothing_is_asked(bench: Bench):
    asked = choosing(bench, "", "")
    unchosen = replace(asked, purse=replace(asked.purse, choose=0))
    short = replace(bench, runtime=asked.runtime)
    for one in (unchosen, short):
        assert decoded(one, baseline(one)).decoding.kind == "free"
    assert asked.runtime.model.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("task", "kind"), [({"schema": SCHEMA}, "constrained"), ({}, "free")])
def test_where_all_rows_train_only_a_form_that_the_task_names_holds(bench: Bench, task: dict[str, Any], kind: str):
    asked = choosing(bench, '{"n": 1}', '{"n": 2}', **task)
    rows = asked.task.split.train
    folded = replace(asked, task=replace(asked.task, split=Split(rows, rows, rows, folds=(0, 1) * 4)))
    assert decoded(folded, baseline(folded)).decoding.kind == kind
    assert asked.runtime.model.asked == []  # type: ignore[attr-defined]
