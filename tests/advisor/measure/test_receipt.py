"""What a finished run says holds, and whatever is changed in it is found."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.app.cli import app
from advisor.measure import sealing
from advisor.measure.ledger import own_hash
from advisor.measure.sealed import faults

from ..test_few_rows import a_task
from .conftest import Call, finished


@pytest.mark.parametrize(
    ("count", "kind", "documents", "test"),
    [
        (62, "labels", False, True),
        (24, "labels", False, False),
        (24, "json", True, True),
        (12, "json", False, True),
        (0, "facts", True, False),
    ],
)
def test_an_untouched_run_holds(call: Call, count: int, kind: str, documents: bool, test: bool) -> None:
    run = finished(call, count, kind, test=test, documents=documents)
    code, value = call("verify", run)
    assert (code, value["holds"], value["problems"]) == (0, True, [])
    checked = value["checked"]
    assert checked["files"] >= 8 and checked["ledger_lines"] >= 1
    assert checked["figures"] > (90 if test and count > 12 else 5)


def test_every_changed_byte_is_found(call: Call) -> None:
    run = finished(call)
    files = [*(run / name for name in sealing.hashes(run)), run / "manifest.json", run.parent / "ledger.jsonl"]
    rng = random.Random(7)
    for _ in range(100):
        path = rng.choice(files)
        before = path.read_bytes()
        if not before:
            continue
        at = rng.randrange(len(before))
        path.write_bytes(before[:at] + bytes([before[at] ^ rng.randrange(1, 256)]) + before[at + 1 :])
        code, value = call("verify", run)
        assert (code, value["holds"]) == (1, False) and value["problems"], f"{path}, byte {at}"
        path.write_bytes(before)
    assert call("verify", run)[0] == 0


def test_a_run_whose_rows_share_sources_holds_and_its_receipt_tells_them(call: Call) -> None:
    folder = a_task(60, "facts", test=True, documents=True)
    for name, first in (("train", 0), ("test", 200)):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        told = [{**row, "gold": [f"mill{first + i // 4}"]} for i, row in enumerate(rows)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, told)))
    run = Path(call("run", folder, "--path", "rag")[1]["run"])
    result = json.loads((run / "result.json").read_text())
    assert (result["clusters"], result["test_items"]) == (5, 20)
    assert "20 examples from 5 sources" in (run / "report.md").read_text()
    measured = json.loads((run / "diagnosis.json").read_text())
    assert len(set(measured["groups"].values())) == measured["examples"] / 4 > 1
    assert call("verify", run)[0] == 0
    for name, fields in (("receipt/receipt.json", {"clusters", "gain[0]"}), ("diagnosis.json", {"lo"})):
        before = (run / name).read_text()
        changed(run / name, forget_groups)
        sealed_anew(run)
        assert fields <= {one["field"] for one in call("verify", run)[1]["problems"]}
        (run / name).write_text(before)


def forget_groups(said: dict[str, Any]) -> None:
    said["groups"] = {}


def sealed_anew(run: Path) -> None:
    """Seal a run as it is now: whoever changes a figure may do so too."""
    (run / "manifest.json").unlink()
    sealing.seal(run, {})


def changed(path: Path, change: Callable[[Any], object]) -> None:
    """Change what a JSON file says."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


FORGED: dict[str, tuple[str, Callable[[Any], object]]] = {
    "test": ("result.json", lambda said: said.update(test=said["test"] + 1)),
    "gain[0]": ("result.json", lambda said: said["gain"].__setitem__(0, said["gain"][0] + 0.5)),
    "p_corrected.baseline": ("result.json", lambda said: said["p_corrected"].update(baseline=0.04)),
    "verdict": ("result.json", lambda said: said.update(verdict="worse")),
    "valid.test.label": ("result.json", lambda said: said["valid"]["test"].update(label=0.123)),
    "unscored.baseline": ("result.json", lambda said: said["unscored"].update(baseline=3)),
    "path": ("result.json", lambda said: said.update(path="rag+finetuning")),
    "clusters": ("result.json", lambda said: said.update(clusters=7)),
    "best_untuned": ("result.json", lambda said: said.update(best_untuned="finetuning")),
    "gain_over_best_untuned[1]": ("result.json", lambda said: said.update(gain_over_best_untuned=[1.0, 2.0, 3.0])),
    "ledger": ("result.json", lambda said: said.update(ledger="0" * 16)),
    "hi": ("diagnosis.json", lambda said: said["probes"][1].update(hi=99.5)),
    "gaps.none": ("diagnosis.json", lambda said: said["gaps"].update(none=0.99)),
    "certainty": ("recommendation.json", lambda said: said.update(certainty=0.99)),
}


@pytest.mark.parametrize("field", FORGED)
def test_a_figure_that_was_changed_and_sealed_is_found_by_computing_it_again(call: Call, field: str) -> None:
    run = finished(call, 24)
    name, change = FORGED[field]
    changed(run / name, change)
    assert call("report", run)[0] == 0
    sealed_anew(run)
    code, value = call("verify", run)
    assert code == 1
    assert (field, name) in {(one["field"], one["file"].partition(":")[0]) for one in value["problems"]}
    assert not any(one["field"] == "sha256" for one in value["problems"])


def test_a_score_that_was_changed_in_the_receipt_is_found_too(call: Call) -> None:
    run = finished(call, 24)
    path = run / "receipt" / "test.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(json.dumps({**json.loads(first), "score": 37.5, "statistics": [37.5, 1.0]}) + "\n" + "".join(rest))
    sealed_anew(run)
    problems = call("verify", run)[1]["problems"]
    assert {"file": "receipt/test.jsonl:1", "field": "score", "there": 37.5}.items() <= problems[0].items()
    assert any(one["file"] == "result.json" and one["field"] == "test" for one in problems)


def test_a_report_that_says_something_else_is_found(call: Call) -> None:
    run = finished(call, 24)
    page = run / "report.md"
    page.write_text(page.read_text().replace("points", "miles", 1))
    sealed_anew(run)
    [problem] = call("verify", run)[1]["problems"]
    assert problem["file"] == "report.md" and "miles" in problem["there"] and "points" in problem["should"]


def test_files_that_are_missing_or_were_added_are_told(call: Call) -> None:
    run = finished(call, 24)
    (run / "profile.json").unlink()
    (run / "artifact" / "more.bin").write_bytes(b"x")
    told = {one["file"]: one for one in call("verify", run)[1]["problems"] if one["field"] == "sha256"}
    assert told["profile.json"]["there"] is None and told["artifact/more.bin"]["should"] is None


def test_a_line_of_the_ledger_that_was_taken_out_is_told(call: Call) -> None:
    run = finished(call, 24)
    ledger = run.parent / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    for kept in (lines[1:], lines[:1] + lines[2:], lines[:-1], []):
        ledger.write_text("".join(kept))
        assert "ledger.jsonl" in {one["file"] for one in call("verify", run)[1]["problems"]}


def test_every_byte_of_the_ledger_counts(call: Call) -> None:
    run = finished(call, 24)
    ledger = run.parent / "ledger.jsonl"
    content = ledger.read_bytes()
    for at, byte in enumerate(content):
        for other in (byte ^ 1, 0x09):  # a tab for a space changes nothing of what the line says
            ledger.write_bytes(content[:at] + bytes([other]) + content[at + 1 :])
            assert other == byte or faults(run)[2], f"byte {at}"
    ledger.write_bytes(content)
    assert not faults(run)[2]


def test_a_line_of_the_ledger_that_was_changed_with_all_that_follow_is_told(call: Call) -> None:
    run = finished(call, 24)
    ledger = run.parent / "ledger.jsonl"
    first, *lines = map(json.loads, ledger.read_text().splitlines())
    written = [json.dumps({**first, "opened_before": 5})]
    for line in lines:
        line["previous"] = hashlib.sha256(written[-1].encode()).hexdigest()
        line |= {"hash": own_hash(line)} if "hash" in line else {}
        written.append(json.dumps(line))
    ledger.write_text("".join(f"{line}\n" for line in written))
    fields = [one["field"] for one in call("verify", run)[1]["problems"]]
    assert fields[:2] == ["ledger", "line 1 of this run"] and not any("previous" in one for one in fields)


def test_a_changed_line_of_another_run_breaks_the_chain(call: Call) -> None:
    finished(call, 24)
    second = Path(call("run", "task", "--seed", 1)[1]["run"])
    ledger = second.parent / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"opened_before": 0', '"opened_before": 9', 1))
    assert [one["field"] for one in call("verify", second)[1]["problems"]] == ["line 2: previous"]


def test_commands_that_write_into_a_finished_run_leave_it_whole(call: Call) -> None:
    run = finished(call, 24, documents=True)
    lines = (run.parent / "ledger.jsonl").read_text()
    for command in ("run", "profile", "diagnose", "recommend"):
        call(command, "task")
        assert call("verify", run)[1]["problems"] == [], command
    call("evaluate", run, "task/train.jsonl")
    assert call("verify", run)[0] == 0
    assert (run.parent / "ledger.jsonl").read_text() == lines  # nothing was written that had to be sealed
    for page in ("html", "md"):
        (run / f"report.{page}").write_text("")
        assert call("report", run, "--format", page)[0] == 0
        assert call("verify", run)[0] == 0
    assert call("run", "task", "--fresh")[0] in (0, 3)
    assert call("verify", run)[0] == 0


def test_a_run_whose_steps_are_done_anew_is_sealed_once_it_is_finished_again(call: Call) -> None:
    run = finished(call, 24)
    journal = run / "journal.jsonl"
    journal.write_text("".join(line for line in journal.read_text().splitlines(True) if '"diagnosis"' not in line))
    call("diagnose", "task")
    code, value = call("verify", run)
    assert code == 1 and "not finished" in next(p for p in value["problems"] if p["file"] == "manifest.json")["there"]
    call("run", "task")
    assert call("verify", run)[0] == 0


def test_a_seal_is_renewed_for_what_a_command_wrote_and_for_nothing_else(call: Call) -> None:
    run = finished(call, 24)
    (run / "journal.jsonl").write_text((run / "journal.jsonl").read_text() + "\n")
    (run / "report.md").write_text("")
    for command in (("report", run), ("run", "task")):
        call(*command)
        assert {one["file"] for one in call("verify", run)[1]["problems"]} == {"journal.jsonl"}


def test_other_runs_in_one_ledger_do_not_disturb(call: Call) -> None:
    first = finished(call, 24)
    second = Path(call("run", "task", "--seed", 1)[1]["run"])
    assert first != second and call("verify", first)[0] == call("verify", second)[0] == 0


def test_where_there_is_no_run_that_is_said_and_an_unfinished_one_does_not_hold(call: Call) -> None:
    Path("empty").mkdir()
    for where in ("empty", "nowhere"):
        assert call("verify", where)[0] == 2
    call("profile", a_task(24, "labels"))
    run = next(Path("runs").glob("task-*"))
    code, value = call("verify", run)
    assert code == 1 and {"result.json", "manifest.json"} <= {one["file"] for one in value["problems"]}


def test_scores_by_a_metric_of_ones_own_stand_unless_it_is_allowed(call: Call) -> None:
    folder = a_task(24, "labels", test=True)
    (folder / "own.py").write_text("def score(text, example):\n    return 100.0 * (text == example.output)\n")
    (folder / "task.yaml").write_text("instruction: Do it.\nmetric: own:score\n")
    run = Path(call("run", folder, "--allow-code")[1]["run"])
    few, many = call("verify", run)[1], call("verify", run, "--allow-code")[1]
    assert few["holds"] and many["holds"]
    assert "taken as they stand" in few["notes"][0] and not many["notes"]
    assert many["checked"]["figures"] > few["checked"]["figures"]


def test_it_loads_no_model_library(call: Call) -> None:
    run = finished(call, 24)
    code = (
        f"import sys; from advisor.app.cli import app; app(['verify', {str(run)!r}, '--quiet'], standalone_mode=False)"
    )
    heavy = ("torch", "transformers", "faiss", "sklearn", "sentence_transformers")
    code = f"import atexit, sys; atexit.register(lambda: print([m for m in {heavy} if m in sys.modules])); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_a_person_reads_what_holds_and_what_does_not(call: Call) -> None:
    run = finished(call, 24)
    assert "holds" in CliRunner().invoke(app, ["verify", str(run)]).stdout
    changed(run / "result.json", lambda said: said.update(verdict="worse"))
    done = CliRunner().invoke(app, ["verify", str(run)])
    assert done.exit_code == 1 and "does not hold" in done.stdout and "verdict" in done.stdout
