"""The command line as a script sees it: exit codes, one JSON value, no traceback."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advisor import flow
from advisor.answers import KEYS
from advisor.app.cli import app
from advisor.runtime.settings import Settings, parse_budget
from advisor.system import PATH_NAMES


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


def test_with_a_row_a_prompt_is_built_and_how_many_rows_would_do_to_measure_is_said(call):
    write_task(Path("task"), [{"input": "a", "output": "b"}], instruction="Say it.")
    done = call("run", "task", "--json")
    value = json.loads(done.stdout)
    assert done.exit_code == (3 if value["provisional"] else 0)
    assert value["path"] == "prompting" and value["test"] is value["gain"] is value["baseline"] is None
    report = (Path(value["run"]) / "report.md").read_text()
    assert "not measured" in report and "16 would do to measure, 100 to set a test aside" in report
    assert call("run", "task", "--path", "finetuning").exit_code == 2


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


@pytest.mark.parametrize(("answered", "score", "code"), [(0, None, 1), (2, 100.0, 1), (19, 100.0, 0), (20, 100.0, 0)])
def test_a_gate_that_could_not_score_does_not_open(call, answered, score, code):
    Path("data.jsonl").write_text("".join(f'{{"input": "{i}", "output": "a"}}\n' for i in range(20)))
    made = [{"id": i, "prediction": "a" if i <= answered else None} for i in range(1, 21)]
    Path("made.jsonl").write_text("\n".join(map(json.dumps, made)))
    done = call("evaluate", "made.jsonl", "data.jsonl", "--json", "--min-score", "40")
    assert (json.loads(done.stdout)["score"], done.exit_code) == (score, code)
    assert call("evaluate", "made.jsonl", "data.jsonl").exit_code == 0


def test_predictions_are_compared_as_their_rows_ask_where_no_metric_is_named(call):
    words = ("food", "noise", "price")
    sets = [[words[i % 3]] if i % 2 else [words[i % 3], words[(i + 1) % 3]] for i in range(24)]
    rows = [{"id": str(i), "input": "x", "output": own} for i, own in enumerate(sets)]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = [{"id": str(i), "prediction": own[::-1] if i else []} for i, own in enumerate(sets)]
    Path("made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    value = json.loads(call("evaluate", "made.jsonl", "data.jsonl", "--json").stdout)
    # 34 labels of 34 given and 36 wanted
    assert value["metric"] == "set_f1" and value["score"] == pytest.approx(200 * 34 / 70)
    assert value["labels"]["food"] == {"n": 12, "score": pytest.approx(100 * 11 / 12)}


def test_numbers_are_evaluated_within_a_tolerance_with_their_error(call):
    Path("data.jsonl").write_text("".join(f'{{"id": "{i}", "input": "x", "output": {i}.5}}\n' for i in range(4)))
    texts = ("0.6", "1.9", "none", "3.50")
    Path("made.jsonl").write_text(
        "".join(json.dumps({"id": str(i), "prediction": text}) + "\n" for i, text in enumerate(texts))
    )
    value = json.loads(call("evaluate", "made.jsonl", "data.jsonl", "--json").stdout)
    assert (value["metric"], value["score"]) == ("number", 25)
    assert value["beside"] == {"mean absolute error": pytest.approx(0.5 / 3), "without a number": 1}
    done = call("evaluate", "made.jsonl", "data.jsonl", "--metric", "number within 0.1")
    assert "50.0" in done.stdout and "mean absolute error 0.167 · without a number 1" in done.stdout
    done = call("evaluate", "made.jsonl", "data.jsonl", "--metric", "number within some")
    assert done.exit_code == 2 and "number within 5%" in done.stderr


@pytest.mark.parametrize(
    ("missing", "score", "code"),
    [(10, "0", 1), (10, "40", 1), (1, "90", 0), (1, "91", 1), (4, "50", 0), (4, "75", 1), (0, "100", 0)],
)
def test_a_gate_does_not_pass_on_what_is_missing(call, missing: int, score: str, code: int):
    Path("data.jsonl").write_text("".join(json.dumps({"input": str(i), "output": "yes"}) + "\n" for i in range(10)))
    made = [{"id": i, "prediction": None if i <= missing else "yes"} for i in range(1, 11)]
    Path("made.jsonl").write_text("\n".join(map(json.dumps, made)))
    done = call("evaluate", "made.jsonl", "data.jsonl", "--min-score", score)
    assert done.exit_code == code
    assert (f"{missing} of 10 rows have no answer" in done.stderr) == bool(missing and code)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("profile",), "Missing argument"),
        (("profile", "task", "--seed", "x"), "--seed"),
        (("profile", "task", "--nope"), "--nope"),
        (("prophesy",), "prophesy"),
        (("profile", "a\0b"), "TASK"),
    ],
)
def test_a_mistake_in_the_flags_is_told_like_any_other(call, arguments, told):
    done = call(*arguments, "--json")
    (problem,) = json.loads(done.stdout)["problems"]
    assert done.exit_code == 2
    assert told in problem["what"] and problem["do"]
    assert done.stderr.startswith("error: ")


def test_what_a_metric_prints_does_not_stand_among_the_results(call):
    write_task(Path("task"), [{"input": "a", "output": "b"}], metric="score:f")
    Path("task/score.py").write_text("print('hello')\nraise RuntimeError('boom')\n")
    assert "--allow-code" in call("profile", "task", "--json").stdout
    done = call("profile", "task", "--json", "--allow-code")
    assert "boom" in json.loads(done.stdout)["error"]
    assert "hello" in done.stderr


def test_runs_that_can_not_be_written_are_told(call):
    write_task(Path("task"), [{"input": "a", "output": "b"}])
    Path("runs").write_text("a file, not a folder")
    done = call("profile", "task")
    assert done.exit_code == 2
    assert "runs" in done.stderr


def test_a_path_that_can_not_be_built_is_refused_before_anything_is_measured(call):
    write_task(Path("task"), [{"input": f"{i} {'a' * i}", "output": "yes"} for i in range(40)])
    done = call("run", "task", "--path", "rag")
    assert done.exit_code == 2
    assert "no documents" in done.stderr
    assert not Path("runs").exists()


def test_a_model_that_the_hub_does_not_have_joins_the_list(call, monkeypatch):
    def asked(self, name, **more):
        raise LookupError(f"404: {name}")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", asked)
    write_task(Path("task"), [{"input": "a"}], model="nobody/nothing-of-the-kind")
    done = call("profile", "task", "--json")
    assert done.exit_code == 2
    assert [one["field"] for one in json.loads(done.stdout)["problems"]] == ["output", "model"]
    assert call("profile", "task", "--model", "nobody/nothing-of-the-kind").exit_code == 2
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "files",
    [
        {"recommendation.json": "{", "artifact/system.json": "{"},
        {"recommendation.json": "[]", "artifact/system.json": "[]"},
        {"recommendation.json": '{"ranking": ["a"]}', "artifact/system.json": '{"kind": "system"}'},
        {"result.json": "", "artifact/system.json": '{"kind": "classifier"}', "task.json": "{}"},
    ],
)
def test_half_a_run_is_a_mistake_and_no_crash(call, files):
    for name, content in files.items():
        path = Path("half") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    Path("data.jsonl").write_text('{"input": "a", "output": "b"}\n')
    for arguments in (("report", "half"), ("predict", "half"), ("chat", "half"), ("evaluate", "half", "data.jsonl")):
        done = call(*arguments, input="")
        assert done.exit_code == 2, (arguments, done.output)
        assert "half" in done.stderr


@pytest.mark.parametrize(
    ("made", "data", "told"),
    [
        ("{\n", "{\n", ["made.jsonl:1", "data.jsonl:1"]),
        ("", '{"input": "x", "output": "y"}\n', ["made.jsonl"]),
        ('{"id": "1", "prediction": "a"}\n', "", ["data.jsonl"]),
        ('{"id": 1, "prediction": "a"}\n{"id": "1"}\n', '{"input": "x", "output": "y"}\n', ["made.jsonl:2"]),
        ('{"id": 9, "prediction": "a"}\n', '{"input": "x", "output": "y"}\n', ["made.jsonl:1"]),
        ('{"id": 1, "prediction": "a"}\n', '{"id": 1, "input": "x", "output": "y"}\n' * 2, ["data.jsonl:2"]),
    ],
)
def test_wrong_predictions_and_data_are_told_together(call, made, data, told):
    Path("made.jsonl").write_text(made)
    Path("data.jsonl").write_text(data)
    done = call("evaluate", "made.jsonl", "data.jsonl")
    assert done.exit_code == 2
    assert all(place in done.stderr for place in told), done.stderr


def test_a_prediction_that_failed_is_unscored_and_a_score_out_of_range_is_no_threshold(call):
    Path("data.jsonl").write_text('{"input": "x", "output": "a"}\n{"input": "y", "output": "a"}\n')
    Path("made.jsonl").write_text('{"id": 1, "prediction": null, "error": "too long"}\n{"id": 2, "prediction": "a"}\n')
    value = json.loads(call("evaluate", "made.jsonl", "data.jsonl", "--json").stdout)
    assert (value["n"], value["unscored"]) == (1, 1)
    for score in ("nan", "101"):
        assert call("evaluate", "made.jsonl", "data.jsonl", "--min-score", score).exit_code == 2


def test_random_answers_always_give_a_whole_ranking(call):
    draw = random.Random(0)
    rows = []
    for number in range(12):
        given = {name: draw.choice([*key.choices, None]) for name, key in KEYS.items() if key.choices}
        given |= {name: draw.choice([0, 3, 5000, "2k", None]) for name, key in KEYS.items() if key.kind == "number"}
        given["description"] = draw.choice(["Replies to guests", None])
        rows.append({"id": number, **{name: given[name] for name in draw.sample(list(given), number)}})
    Path("batch.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = call("recommend", "--batch", "batch.jsonl")
    values = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert [value["id"] for value in values] == list(range(12))
    for value in values:
        assert {entry["path"] for entry in value["ranking"]} == set(PATH_NAMES)
        assert all(0 <= entry["probability"] <= 1 for entry in value["ranking"])
        assert (value["path"] is None) == (value["certainty"] < value["enough"])


def test_two_commands_do_not_work_in_one_run_folder_at_once(call):
    write_task(Path("task"), [{"input": f"{i} {'a' * i}", "output": "yes"} for i in range(40)],
               model="http://127.0.0.1:9/v1#tiny")  # fmt: skip
    command = [sys.executable, "-m", "advisor", "diagnose", "task", "--dry-run", "--budget", "900ktok"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    [folder] = Path("runs").glob("t-*")
    mine = flow.opened(Path("task"), Settings(budget=parse_budget("900ktok")))
    assert mine.folder == folder
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{folder} is in use by process {os.getpid()} on " in done.stderr and "since" in done.stderr
    del mine
    assert subprocess.run(command, capture_output=True).returncode == 0
