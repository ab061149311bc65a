"""Evaluating on rows that a person gives."""

import json
from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.measure.evaluation import evaluate


def test_rows_without_an_answer_want_what_the_task_says_where_there_is_none(tmp_path: Path) -> None:
    data = tmp_path / "new.jsonl"
    data.write_text('{"input": "Who?", "output": ""}\n')
    record = dict.fromkeys(
        ["name", "folder", "description", "instruction", "metric", "model", "model_fingerprint", "command", "machine"],
        "",
    )
    run = tmp_path / "run"
    run.mkdir()
    for abstain, told in (("", "output: is empty"), ("I don't know.", "no built system")):
        values = {**record, "fingerprint": "", "labels": [], "endpoint": None, "seed": 0, "versions": {}}
        (run / "task.json").write_text(json.dumps(values | {"abstain": abstain}))
        with pytest.raises(InputError, match=told):
            evaluate(run, data)
