"""A whole run with the real models on a small part of a shipped example: killed on the way, resumed, loaded back."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
# A budget in tokens buys the same rows and examples on every machine, however fast it is.
RUN = ("run", "booking", "--path", "finetuning", "--budget", "60ktok", "--json", "--quiet")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "advisor", *arguments]


def lines(path: Path, count: int) -> str:
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[:count]) + "\n"


def answers(folder: Path) -> dict[str, float]:
    """When each answer in the store was computed."""
    try:
        with closing(sqlite3.connect(f"file:{folder}/runs/answers.sqlite?mode=ro", uri=True)) as file:
            return dict(file.execute("SELECT key, at FROM answers"))
    except sqlite3.OperationalError:  # not there yet
        return {}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, dict]:
    """A folder with a finished run of 190 examples, and what the run printed."""
    folder = tmp_path_factory.mktemp("work")
    source, task = EXAMPLES / "restaurant-booking", folder / "booking"
    task.mkdir()
    for name, count in (("train.jsonl", 190), ("test.jsonl", 60)):
        (task / name).write_text(lines(source / name, count), encoding="utf-8")
    for name in ("task.yaml", "schema.json"):
        (task / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    asked = command(*RUN)
    killed = subprocess.Popen(asked, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    since = time.monotonic()
    while len(answers(folder)) < 60 and killed.poll() is None and time.monotonic() - since < 300:
        time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = answers(folder)
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    after = answers(folder)
    kept = sum(after[key] == at for key, at in before.items())
    assert len(before) >= 60 and kept >= 30  # what was done is not done again, but for the batch that was cut off
    return folder, json.loads(done.stdout)


def test_a_run_killed_on_the_way_goes_on_and_proves_a_gain(finished):
    folder, result = finished
    assert result["path"] == "finetuning" and result["forced"]
    lo, gain, hi = result["gain"]
    assert 0 < lo < gain < hi and result["verdict"] == "better"
    assert result["test"] - result["baseline"] == pytest.approx(gain, abs=1e-6)
    assert result["test_items"] == 60 and result["trained_tokens"] > 0
    assert result["forgetting"]["divergence"] > 0
    written = {path.name for path in (folder / result["run"]).iterdir()}
    names = {"task.json", "profile.json", "diagnosis.json", "recommendation.json", "result.json", "journal.jsonl"}
    assert names | {"report.md", "report.html", "artifact"} <= written


def test_every_system_is_told_by_the_share_of_its_outputs_that_a_program_can_read(finished):
    folder, result = finished
    assert result["opened_before"] == {"times": 0, "systems": 0}
    assert {"baseline", "test"} <= result["valid"].keys()
    assert all(0 <= one["schema"] <= one["json"] <= 1 for one in result["valid"].values())
    diagnosis = json.loads((folder / result["run"] / "diagnosis.json").read_text(encoding="utf-8"))
    probes = {probe["name"]: probe["valid"] for probe in diagnosis["probes"]}
    held = [valid["schema"] for name, valid in probes.items() if name.endswith("constrained")]
    assert held and min(held) > probes["zero-shot"]["schema"]
    assert "JSON by the schema" in (folder / result["run"] / "report.md").read_text(encoding="utf-8")


def test_the_ledger_holds_one_line_for_each_finalist(finished):
    folder, result = finished
    lines = map(json.loads, (folder / "runs" / "ledger.jsonl").read_text().splitlines())
    entries = [line for line in lines if "finalist" in line]
    assert len(entries) == (3 if result["runner_up"] else 2)
    assert len({(e["run"], e["finalist"]) for e in entries}) == len(entries)


def test_the_same_command_again_answers_at_once_and_the_same(finished):
    folder, result = finished
    asked = command(*RUN)
    again = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == result


def test_the_built_system_is_loaded_back_by_predict_evaluate_and_chat(finished):
    folder, result = finished
    run = result["run"]
    row = json.loads(lines(folder / "booking" / "test.jsonl", 1))
    predicted = subprocess.run(
        command("predict", run, "--quiet"),
        cwd=folder,
        input=json.dumps({"input": row["input"]}),
        capture_output=True,
        text=True,
    )
    assert predicted.returncode == 0, predicted.stderr
    text = json.loads(predicted.stdout)["prediction"]
    chatted = subprocess.run(
        command("chat", run, "--quiet"), cwd=folder, input=row["input"] + "\n\n", capture_output=True, text=True
    )
    assert "".join(chatted.stdout.split()) == "".join(text.split())
    evaluated = subprocess.run(
        command("evaluate", run, "booking/test.jsonl", "--json", "--quiet"), cwd=folder, capture_output=True, text=True
    )
    assert json.loads(evaluated.stdout)["score"] == pytest.approx(result["test"], abs=3)  # batches differ, bf16 rounds


def test_the_adapter_loads_with_plain_peft(finished):
    from peft import PeftModel

    import trainers

    folder, result = finished
    model = PeftModel.from_pretrained(trainers.load("smollm2").model, folder / result["run"] / "artifact" / "adapter")
    assert "q_proj" in str(model.peft_config["default"].target_modules)
