import json
from pathlib import Path

import pytest

from advisor.measure.validity import validity
from advisor.system import Prediction
from advisor.task import Example, Split, Task


def task(*outputs: str, **parts) -> Task:
    rows = tuple(Example(str(i), f"question {i}", output) for i, output in enumerate(outputs))
    return Task("t", Path(), split=Split(train=rows), **parts)


def shares(task: Task, *texts: str | None) -> dict[str, float]:
    return validity(task, [Prediction(text) for text in texts])


def test_json_is_what_a_program_can_parse_and_follows_the_schema_where_there_is_one() -> None:
    given = ('{"n": 1}', '{"n": "one"}', "```json\n{}\n```", None)
    asks = task('{"n": 1}', '{"n": 2}')
    assert shares(asks, *given) == {"json": pytest.approx(2 / 3)}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    strict = task('{"n": 1}', schema=schema)
    assert shares(strict, *given) == {"json": pytest.approx(2 / 3), "schema": pytest.approx(1 / 3)}


def test_a_label_is_one_of_the_tasks_else_of_the_training_rows() -> None:
    named = task("alarm", labels=("alarm", "lamp"))
    assert shares(named, "alarm\n", "lamp", "Alarm", "music") == {"label": 0.5}
    seen = task(*["alarm", "lamp"] * 10)
    assert shares(seen, "alarm", "radio") == {"label": 0.5}


def test_nothing_is_asked_of_free_text_or_of_none() -> None:
    assert shares(task("A long answer in free words.", "Another one of no form at all."), "x") == {}
    assert shares(task('{"n": 1}'), None) == {}


def test_a_row_of_several_labels_holds_none_but_the_tasks_in_the_form_of_the_rows() -> None:
    sets = [["a", "b"], ["b"], ["c"], ["b", "a"], ["c", "a"]] * 6
    arrays, lists = task(*map(json.dumps, sets)), task(*map("; ".join, sets))
    assert shares(arrays, '["c"]', '["a","b"]', '["d"]', "a") == {"labels": 0.5}
    assert shares(lists, "c", "b;a", "a; d", "d") == {"labels": 0.5}
