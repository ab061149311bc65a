"""The path without a language model, on an embedder of words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from advisor import runfolder
from advisor.data.kinds import default_metric
from advisor.paths import infeasible
from advisor.paths.classifier import classifier, has_labels
from advisor.paths.prompting import constrained
from advisor.runtime.bench import Bench
from advisor.score.metrics import resolve
from advisor.system import Classifier
from advisor.task import Example, Split, Task

from ..conftest import Reader

SAYS = {"food": "the soup was cold", "noise": "music blared", "wait": "an hour at the door", "price": "far too dear"}


class Held(Reader):
    """A model that can be held to a form."""

    can = frozenset({"generate", "constrain"})


def complaints(written: str) -> tuple[Example, ...]:
    """Complaints about one or two things, the things written as a JSON array or with something between, in any order."""
    rows = []
    for i in range(96):
        names = list(SAYS)[i % 4 :: 2 + i % 2][: 1 + i // 4 % 2][:: (-1) ** (i // 8)]
        output = json.dumps(names) if written == "" else written.join(names)
        rows.append(Example(str(i), " and ".join(SAYS[name] for name in names), output, row=i))
    return tuple(rows)


def of(bench: Bench, rows: tuple[Example, ...]) -> Bench:
    """The bench for a task of these rows alone."""
    task = Task("t", Path(), metric="", split=Split(rows[:64], rows[64:], rows[64:]))
    task = replace(task, metric=default_metric(task, rows))
    return replace(bench, task=task, metric=resolve(task.metric))


@pytest.mark.parametrize("written", ["", ", ", ";", "、"])
def test_several_labels_a_row_are_predicted_in_the_form_of_the_task(bench: Bench, written: str) -> None:
    bench = of(bench, complaints(written))
    assert has_labels(bench.task) and "classifier" not in infeasible(bench.task, bench.runtime.model)
    built = classifier(bench)
    made = bench.runtime.predict(built, bench.task.split.compare)
    scores = [bench.metric.score(one.text or "", e) for one, e in zip(made, bench.task.split.compare, strict=True)]
    assert bench.metric.name == "set_f1" and scores == [100] * len(scores)
    both = next(one.text for one in made if one.text and "food" in one.text and "wait" in one.text)
    assert both == ('["food","wait"]' if written == "" else f"food{written}wait")
    assert made[0].scores.keys() == set(SAYS)


def test_what_was_built_is_read_back_with_what_stands_between_labels(bench: Bench, tmp_path: Path) -> None:
    built = classifier(of(bench, complaints("; ")))
    runfolder.write(tmp_path / "system.json", Classifier, built)
    assert runfolder.read(tmp_path / "system.json", Classifier) == built
    assert built.between == "; "


def test_one_label_a_row_is_predicted_as_it_is(bench: Bench) -> None:
    rows = tuple(Example(str(i), SAYS[name], f"about: {name}, say", row=i) for i, name in enumerate(list(SAYS) * 24))
    bench = of(bench, rows)
    built = classifier(bench)
    assert bench.metric.name == "label_accuracy" and built.between is None
    made = bench.runtime.predict(built, bench.task.split.compare)
    assert [one.text for one in made] == [row.output for row in bench.task.split.compare]


def test_numbers_have_no_labels(bench: Bench) -> None:
    rows = tuple(Example(str(i), f"{i} rooms", str(7 * i), row=i) for i in range(96))
    assert "classifier" in infeasible(of(bench, rows).task, bench.runtime.model)


def test_sets_in_json_are_held_to_their_schema_and_sets_in_text_to_nothing(bench: Bench) -> None:
    bench = replace(bench, runtime=replace(bench.runtime, model=Held()))
    held = constrained(of(bench, complaints("")))
    assert held and held.schema == {
        "type": "array",
        "items": {"type": "string", "enum": ["food", "noise", "price", "wait"]},
        "uniqueItems": True,
        "minItems": 1,
        "maxItems": 4,
    }
    assert constrained(of(bench, complaints(", "))) is None
    single = of(bench, complaints(""))
    task = replace(single.task, metric="json_field_f1")
    assert (other := constrained(replace(single, task=task))) and other.schema and "maxItems" not in other.schema
