"""Runs that were done: what was forecast beside what was measured, and two of them side by side."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats
from typer.testing import CliRunner

from advisor import runfolder
from advisor.app.cli import app
from advisor.measure import receipt
from advisor.measure.history import PastRun, calibration
from advisor.measure.proof import Result
from advisor.score.metrics import resolve
from advisor.score.statistics import difference
from advisor.score.verdicts import verdict

from .conftest import Call, finished


def test_a_run_stands_there_with_its_forecast_and_what_was_measured(call: Call) -> None:
    run = finished(call, 62)
    code, value = call("runs")
    [past] = value["runs"]
    result = json.loads((run / "result.json").read_text())
    advice = json.loads((run / "recommendation.json").read_text())
    ranked = next(one for one in advice["ranking"] if one["path"] == result["path"])
    lo, hi = ranked["interval"]
    assert code == 0
    assert (past["run"], past["state"], past["task"], past["path"]) == (str(run), "finished", "task", result["path"])
    assert past["gain"] == result["gain"] and past["verdict"] == result["verdict"]
    assert past["forecast"] == [lo, ranked["expected_gain"], hi] and past["certainty"] == ranked["probability"]
    assert past["inside"] == (lo <= result["gain"][1] <= hi)
    assert past["at"].startswith("20") and past["seconds"] == pytest.approx(sum(result["seconds"].values()), abs=0.01)
    assert value["calibration"]["covered"]["of"] == 1


def test_what_is_no_finished_run_is_told_as_what_it_is(call: Call) -> None:
    assert call("runs")[1]["runs"] == []
    run = finished(call, 24, test=False)
    call("profile", "task", "--seed", 1)
    runs = Path("runs")
    for name in ("empty", "damaged", "answers-1", "older"):
        (runs / name).mkdir()
    (runs / "notes.txt").write_text("a file is no run")
    (runs / "link").symlink_to(run.resolve())
    (runs / "damaged" / "task.json").write_text("{")
    (runs / "answers-1" / "recommendation.json").write_text((run / "recommendation.json").read_text())
    (runs / "older" / "task.json").write_text((run / "task.json").read_text())
    (runs / "older" / "recommendation.json").write_text((run / "recommendation.json").read_text())
    (runs / "older" / "result.json").write_text('{"run": "runs/older"}')
    code, value = call("runs")
    states = {Path(one["run"]).name: (one["state"], one["why"]) for one in value["runs"]}
    unfinished = next(one for one in value["runs"] if one["state"] == "unfinished")
    assert code == 0 and unfinished["why"] == "done: profile"
    assert states[run.name] == ("finished", "")
    assert states["answers-1"][0] == "from answers"
    for name, why in (("empty", "task.json"), ("damaged", "can't be read"), ("older", "result.json"), ("link", "link")):
        assert states[name][0] == "foreign" and why in states[name][1]
    assert value["calibration"]["covered"] == {"count": 0, "of": 0, "interval": None}
    told = CliRunner().invoke(app, ["runs"]).stdout
    assert "unfinished" in told and "foreign" in told and "not proven" in told and "is not known" in told


def test_calibration_counts_what_forecasts_held_with_wilsons_interval() -> None:
    def past(inside: bool | None, over: float | None, certainty: float | None) -> PastRun:
        gain = None if over is None else (over - 3, over, over + 3)
        return PastRun("r", "finished", inside=inside, gain_over_runner_up=gain, certainty=certainty)

    given = [past(True, 5, 0.9), past(True, -1.9, 0.8), past(False, -2.1, 0.7), past(None, None, 0.1), past(True, 9, 1)]
    how = calibration(given)
    assert (how.covered.count, how.covered.of) == (3, 4) and (how.level.count, how.level.of) == (3, 4)
    wanted = stats.binomtest(3, 4).proportion_ci(method="wilson")
    assert how.covered.interval == pytest.approx((wanted.low, wanted.high))
    assert how.certainty == pytest.approx(0.85)
    none = calibration([past(None, None, 0.5)])
    assert (none.covered.of, none.covered.interval, none.certainty) == (0, None, None)


def test_two_runs_stand_side_by_side_with_the_paired_difference_on_the_rows_they_share(call: Call) -> None:
    first = finished(call, 62, "labels", "--path", "prompting")
    rows = (Path("task") / "test.jsonl").read_text().splitlines()
    (Path("task") / "test.jsonl").write_text(
        "\n".join([*reversed(rows[5:]), json.dumps({"input": "x", "output": "a"})])
    )
    second = Path(call("run", "task", "--path", "classifier")[1]["run"])
    code, value = call("runs", first, second)
    assert code == 0 and value["why"] == ""
    assert value["settings"]["flags.path"] == ["prompting", "classifier"]
    assert {"fingerprint", "system.kind"} <= value["settings"].keys() and "seed" not in value["settings"]
    one, two = (json.loads((run / "result.json").read_text()) for run in (first, second))
    assert value["scores"]["test"] == [one["test"], two["test"]]
    assert value["tokens"]["test"] == [one["tokens"]["test"], two["tokens"]["test"]]
    assert value["seconds"]["result"] == [one["seconds"]["result"], two["seconds"]["result"]]

    ours, theirs = (
        {example.input: score for example, score in zip(told.examples, told.scored("test"), strict=True)}
        for told in map(receipt.read, (first, second))
    )
    both = [asked for asked in ours if asked in theirs]
    scores = [[replace(table[asked], id=asked) for asked in both] for table in (theirs, ours)]
    gain = difference(resolve("label_accuracy"), *scores, seed=0)
    shared = value["shared"]
    assert shared["rows"] == len(both) == 15
    assert shared["gain"] == pytest.approx([gain.lo, gain.value, gain.hi])
    assert (shared["p"], shared["verdict"]) == (pytest.approx(gain.p), verdict(gain))
    told = CliRunner().invoke(app, ["runs", str(first), str(second)]).stdout
    assert "15 test rows" in told and "classifier" in told and "flags.path" in told


def test_runs_that_share_nothing_are_shown_without_a_difference_and_say_why(call: Call) -> None:
    first = finished(call, 24)
    test = Path("task") / "test.jsonl"
    test.write_text("\n".join(json.dumps({"input": f"other {i}", "output": "ab"[i % 2]}) for i in range(20)))
    second = Path(call("run", "task")[1]["run"])
    assert call("runs", first, second)[1]["why"] == "they share no test row"
    test.unlink()
    third = Path(call("run", "task")[1]["run"])
    value = call("runs", first, third)[1]
    assert (value["shared"], value["why"]) == (None, "not both have a sealed test")
    assert value["scores"]["test"][1] is None
    (first / "receipt" / "receipt.json").unlink()
    assert "no receipt" in call("runs", first, second)[1]["why"]


def test_rows_that_stand_in_a_test_twice_are_paired_one_by_one(call: Call) -> None:
    first = finished(call, 24)
    test = Path("task") / "test.jsonl"
    test.write_text(test.read_text() + "\n" + test.read_text().splitlines()[0])
    second = Path(call("run", "task")[1]["run"])
    assert runfolder.read(second / "result.json", Result).test_items == 21
    assert call("runs", first, second)[1]["shared"]["rows"] == 20
    assert call("runs", second, second)[1]["shared"]["rows"] == 21


def test_two_finished_runs_are_needed(call: Call) -> None:
    run = finished(call, 24)
    call("profile", a_folder := Path("task"), "--seed", 1)
    half = next(one for one in Path("runs").glob("task-*") if one != run)
    assert a_folder.is_dir()
    for given in ((run,), (run, run, run), (run, half), (run, "nowhere")):
        code, value = call("runs", *given)
        assert code == 2 and value["problems"]
