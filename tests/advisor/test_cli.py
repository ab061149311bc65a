"""The command line as a script sees it: exit codes, one JSON value, no traceback."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advisor.answers import KEYS
from advisor.cli import app
from advisor.rules import PATH_NAMES


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, [str(a) for a in arguments], **more)


def write_task(folder: Path, rows: list[dict], **settings) -> Path:
    folder.mkdir()
    (folder / "task.yaml").write_text(
        "\n".join(f"{k}: {v}" for k, v in {"name": "t", "examples": "train.jsonl", **settings}.items())
    )
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_recommend_from_flags_prints_one_json_value_with_all_five_paths(call):
    done = call("recommend", "--json", "--output-kind", "json", "--train-examples", "2k", "--tunes-same-model", "yes")
    value = json.loads(done.stdout)
    assert done.exit_code == (0 if value["path"] else 3)
    assert {"path", "certainty", "ranking", "reasons", "would_change"} <= value.keys()
    assert {entry["path"] for entry in value["ranking"]} == set(PATH_NAMES)


def test_nothing_known_is_insufficient_evidence(call):
    done = call("recommend", "--json", "--facts-change", "unknown", "--answers", _file({}))
    assert done.exit_code == 3
    assert json.loads(done.stdout)["path"] is None


def _file(value: object) -> Path:
    Path("answers.json").write_text(json.dumps(value))
    return Path("answers.json")


def test_a_batch_prints_a_line_for_a_line_and_passes_ids_through(call):
    Path("batch.jsonl").write_text('{"id": "a", "output_kind": "label"}\n\n{"output_kind": "sql"}\n')
    done = call("recommend", "--batch", "batch.jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert len(lines) == 2
    assert lines[0]["id"] == "a"


def test_every_bad_answer_is_named_at_once(call):
    done = call("recommend", "--output-kind", "poem", "--num-labels", "many")
    assert done.exit_code == 2
    assert "output_kind" in done.stderr and "num_labels" in done.stderr
    assert "Traceback" not in done.stderr


def test_recommend_without_anything_says_what_to_give(call):
    done = call("recommend")
    assert done.exit_code == 2
    assert "--answers" in done.stderr


def test_ask_without_a_terminal_names_the_flags(call):
    done = call("ask")
    assert done.exit_code == 2
    for name in KEYS:
        assert "--" + name.replace("_", "-") in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "nowhere"), "nowhere"),
        (("run", "task", "--path", "magic"), "magic"),
        (("run", "task", "--budget", "lots"), "budget"),
        (("profile", "task", "--model", "no/such/model/here"), "model"),
        (("report", "nowhere"), "nowhere"),
        (("chat", "nowhere"), "nowhere"),
        (("predict", "nowhere"), "nowhere"),
        (("evaluate", "nowhere", "nothing"), "nothing"),
    ],
)
def test_a_mistake_is_one_clear_message_and_exit_code_2(call, arguments, told):
    write_task(Path("task"), [{"input": f"{i}", "output": f"{i}"} for i in range(40)])
    done = call(*arguments, input="")
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert not Path("runs").exists()


def test_errors_under_json_are_one_value_too(call):
    done = call("profile", "nowhere", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["problems"]


def test_run_says_how_many_examples_are_needed(call):
    write_task(Path("task"), [{"input": "a", "output": "b"}])
    done = call("run", "task")
    assert done.exit_code == 2
    assert "30" in done.stderr


def test_stored_predictions_are_evaluated_and_a_low_score_exits_1(call):
    Path("data.jsonl").write_text(
        '{"id": "a", "input": "x", "output": "yes"}\n{"id": "b", "input": "y", "output": "no"}\n'
    )
    Path("made.jsonl").write_text('{"id": "a", "prediction": "yes"}\n{"id": "b", "prediction": "yes"}\n')
    done = call("evaluate", "made.jsonl", "data.jsonl", "--json", "--metric", "label_accuracy", "--min-score", "60")
    value = json.loads(done.stdout)
    assert value["score"] == 50.0
    assert value["labels"]["no"] == {"n": 1, "score": 0.0}
    assert done.exit_code == 1
    assert call("evaluate", "made.jsonl", "data.jsonl", "--min-score", "40").exit_code == 0
