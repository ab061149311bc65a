"""How a tuned system decodes, by a model that gives what its decoding asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from advisor.paths.finetuning import decoded
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.score.metrics import resolve
from advisor.system import Prediction, Request
from advisor.task import Example

from ..conftest import Reader

LABELS = resolve("label_accuracy")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


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
