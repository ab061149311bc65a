"""A tuning done again with another seed, with paths that only look as if they tuned."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from advisor import runfolder
from advisor.measure import building, pacing, seeds
from advisor.measure.diagnosis import Diagnosis, Probe
from advisor.measure.seeds import Seeds
from advisor.paths import PATHS
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import TUNED, Tuning
from advisor.score.metric import Scored
from advisor.score.metrics import resolve
from advisor.system import Abstain, Context, System

from ..test_few_rows import a_task
from .conftest import Call


def test_a_score_is_over_what_all_gave_a_text_for() -> None:
    first = (Scored("a", 100.0, (100.0, 1.0)), Scored("b", 0.0, (0.0, 1.0)), Scored("c", 0.0, (0.0, 1.0)))
    other = (Scored("a", 0.0, (0.0, 1.0)), Scored("b", 0.0, (0.0, 1.0)), Scored("c", None))
    metric = resolve("exact_match")
    assert Seeds({"0": first, "1": other}).scores(metric) == {"0": 50.0, "1": 0.0}
    assert Seeds({"0": first, "1": tuple(replace(one, score=None) for one in first)}).scores(metric) == {}
    assert Seeds().scores(metric) == {}


def test_it_is_made_with_the_next_seed_apart_from_the_first_and_both_are_scored_on_development(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Bench] = []

    def again(other: Bench) -> System:
        made.append(other)
        return baseline(other)

    monkeypatch.setattr(seeds, "PATHS", {"finetuning": again})
    built = replace(baseline(bench), context=Context("retrieved", 1), abstain=Abstain("none", 2.0))
    told = seeds.repeated(bench, "finetuning", built)
    assert [(one.seed, one.folder("build/finetuning")) for one in made] == [(1, "build/finetuning/seed-1")]
    assert told.scores(bench.metric) == {"0": 100.0, "1": 0.0}
    assert {one.id for scored in told.scored.values() for one in scored} == {e.id for e in bench.task.split.compare}


def test_it_takes_what_the_first_took_and_what_probes_took_to_answer(bench: Bench) -> None:
    plain, tuned = (
        Probe(name, path, gap, 50, 40, 60, 10, 0, 10, 0, {}, {})
        for name, path, gap in (("zero-shot", "prompting", "none"), ("short tuning", "finetuning", "behaviour"))
    )
    told = Diagnosis("exact_match", 10, {}, (plain, tuned), {}, {})
    # Twenty examples to choose and to compare on, each answered twice by two systems of a second.
    assert seeds.takes(bench, "finetuning", Tuning((), 0, 0, 100.0), told) == pytest.approx(pacing.NOISE * 180)


@pytest.fixture
def tuning(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders in which prompting, which leaves there what a tuning leaves, was built."""
    folders: list[str] = []

    def made(bench: Bench) -> System:
        folders.append(bench.folder("build/prompting"))
        runfolder.write(bench.runtime.folder / folders[-1] / TUNED, Tuning, Tuning(((1, 50.0),), 10, 0, 3.0))
        return baseline(bench)

    for module in (building, seeds):
        monkeypatch.setattr(module, "PATHS", {**PATHS, "prompting": made})
    return folders


def test_a_budget_in_time_that_leaves_enough_buys_it_once_and_verify_computes_it_again(
    call: Call, tuning: list[str]
) -> None:
    folder = a_task(330, "labels", test=True)
    result = call("run", folder, "--path", "prompting", "--budget", "30m")[1]
    run = Path(result["run"])
    assert list(result["seeds"]) == ["0", "1"] and tuning == ["build/prompting", "build/prompting/seed-1"]
    assert "seeds" in result["seconds"] and "Two seeds: " in (run / "report.md").read_text()
    assert call("run", folder, "--path", "prompting", "--budget", "30m")[1] == result and len(tuning) == 2
    assert call("verify", run)[1]["problems"] == []
    path = run / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seeds": {"0": 1.0, "1": 99.0}}))
    assert "seeds.1" in {one["field"] for one in call("verify", run)[1]["problems"]}


@pytest.mark.parametrize(("count", "budget"), [(330, "16s"), (330, "900ktok"), (330, "30m,900ktok"), (62, "30m")])
def test_without_time_left_or_rows_to_score_on_there_is_none(
    call: Call, tuning: list[str], count: int, budget: str
) -> None:
    result = call("run", a_task(count, "labels", test=True), "--path", "prompting", "--budget", budget)[1]
    assert result["seeds"] == {} and tuning == ["build/prompting"]
