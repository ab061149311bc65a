"""The race on arms whose worth is known: what it drops, when it ends, and that what it says holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import DroppedOut
from advisor.measure import race as module
from advisor.measure.race import ROUND, Entry, Raced, race
from advisor.runtime.bench import Bench
from advisor.score.metric import Scored
from advisor.system import Prediction, Usage
from advisor.task import Example, Split

PATHS = ("prompting", "prompting", "rag", "finetuning", "rag+finetuning", "classifier")
WORLDS = 60
Worth = Mapping[str, float]


@pytest.fixture
def long(bench: Bench, tmp_path: Path) -> Bench:
    """A bench with 400 development examples, on which arms are asked whose answers cost a second each."""
    rows = tuple(Example(str(i), f"question {i}", "yes") for i in range(400))
    task = replace(bench.task, split=Split((), (), rows), documents=())
    runtime = replace(bench.runtime, folder=tmp_path)
    return replace(bench, task=task, runtime=runtime, purse=replace(bench.purse, measure=400))


def run(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    worth: Worth,
    seed: int = 0,
    failing: str = "",
    floor: float = 0.0,
    **short: float,
) -> Raced:
    """A race of arms that are right on so many per cent of examples, hard ones for one being hard for the others too."""
    random = np.random.default_rng(seed)
    luck = dict(zip((e.id for e in bench.comparing), random.random((len(bench.comparing), 2)), strict=True))
    own = {name: dict(zip(luck, random.random(len(luck)), strict=True)) for name in worth}

    def scores(
        bench: Bench, arm: str, part: Sequence[Example], name: str
    ) -> tuple[tuple[Scored, ...], list[Prediction]]:
        if name == failing:
            raise DroppedOut("too long")
        right = [(luck[e.id][0] if luck[e.id][1] < 0.5 else own[name][e.id]) < worth[name] / 100 for e in part]
        made = [Prediction("yes" if one else "no", usage=Usage(1, 1, 1.0)) for one in right]
        return tuple(Scored(e.id, 100.0 * one, (100.0 * one, 1.0)) for e, one in zip(part, right, strict=True)), made

    monkeypatch.setattr(module, "scores", scores)
    entries = {name: Entry(path, "", name, bench) for name, path in zip(worth, PATHS, strict=False)}  # type: ignore[arg-type]
    outlook = {name: (gain, 5.0) for name, gain in short.items()}
    right = [100.0 * (random.random() < floor / 100) for _ in bench.comparing]
    floors = {"floor": [Scored(e.id, one, (one, 1.0)) for e, one in zip(bench.comparing, right, strict=True)]}
    return race(bench, entries, next(iter(worth)), lambda scored: outlook, floors)


def test_the_first_round_is_answered_by_all_and_the_hopeless_leave_after_it(long: Bench, monkeypatch):
    told = run(long, monkeypatch, {"plain": 10, "shots": 60, "passages": 62, "tuned": 15})
    first, *others = told.rounds
    assert first.examples == ROUND and len(first.arms) == 4 and set(first.left) == {"tuned"}
    assert all("tuned" not in one.arms and "plain" in one.arms for one in others)
    assert {name: len(one.made) for name, one in told.answers.items()}["tuned"] == ROUND
    assert [one.examples for one in told.rounds] == sorted({one.examples for one in told.rounds})


def test_an_arm_that_was_only_made_in_short_is_judged_by_what_is_expected_of_it_in_full(long: Bench, monkeypatch):
    worth = {"plain": 10, "shots": 60, "passages": 62, "tuned": 15}
    assert "tuned" in run(long, monkeypatch, worth).rounds[0].left
    assert "tuned" not in run(long, monkeypatch, worth, tuned=50.0).rounds[0].left


def test_where_rows_are_few_rounds_are_whole_folds(long: Bench, monkeypatch):
    rows = long.task.split.compare[:250]
    folds = tuple(at // 31 for at in range(250))  # of 31 rows, and a last one of two
    asked = replace(long.task, split=Split(rows[::-1], rows, rows, folds=folds[::-1]))
    told = run(replace(long, task=asked), monkeypatch, {"plain": 50, "shots": 50, "passages": 50})
    assert [one.examples for one in told.rounds] == [31, 62, 124, 250]
    two = Split(rows[:32], rows[:32], rows[:32], folds=(0,) * 16 + (1,) * 16)
    few = replace(long, task=replace(long.task, split=two))
    assert run(few, monkeypatch, {"plain": 5, "shots": 95, "passages": 10}).rounds[0].examples == 32


def test_it_ends_when_one_path_is_left(long: Bench, monkeypatch):
    told = run(long, monkeypatch, {"plain": 10, "shots": 95, "passages": 20})
    assert len(told.rounds) == 1 and told.rounds[0].examples == ROUND


def test_it_goes_on_until_it_is_told_whether_the_best_is_above_the_floor(long: Bench, monkeypatch):
    worth = {"plain": 10, "shots": 50, "passages": 5}
    assert len(run(long, monkeypatch, worth, floor=10).rounds) == 1
    assert len(run(long, monkeypatch, worth, floor=95).rounds) == 1
    assert len(run(long, monkeypatch, worth, floor=42).rounds) > 1


def test_what_the_purse_does_not_cover_is_not_begun(long: Bench, monkeypatch):
    worth = {"plain": 50, "shots": 50, "passages": 50}
    for seconds, examples in ((0, 32), (3 * 64, 64), (3 * 127, 64), (3 * 128, 128), (10_000, 400)):
        told = run(replace(long, purse=replace(long.purse, racing=float(seconds))), monkeypatch, worth)
        assert told.rounds[-1].examples == examples, seconds
        assert sum(one.seconds for one in told.rounds) == 3 * examples


def test_a_budget_in_tokens_goes_by_tokens_and_not_by_the_clock(long: Bench, monkeypatch):
    counted = replace(long, purse=replace(long.purse, racing=1e9, counted=True))
    told = run(counted, monkeypatch, {"plain": 50, "shots": 50, "passages": 50})
    usual = 1 / module.USUAL.prefill + 1 / module.USUAL.decode
    assert told.rounds[0].seconds == pytest.approx(3 * ROUND * usual, abs=0.01)


def test_an_arm_that_can_not_be_asked_drops_out_and_the_others_go_on(long: Bench, monkeypatch):
    told = run(long, monkeypatch, {"plain": 10, "shots": 60, "passages": 60}, failing="shots")
    assert dict(told.dropped) == {"shots": "too long"} and "shots" not in told.answers and told.rounds


def test_rounds_are_written_down_as_they_end(long: Bench, monkeypatch):
    told = run(long, monkeypatch, {"plain": 10, "shots": 60, "passages": 62})
    lines = [json.loads(line) for line in (long.runtime.folder / "progress.jsonl").read_text().splitlines()]
    assert [(one["round"], one["examples"]) for one in lines] == [
        (n, one.examples) for n, one in enumerate(told.rounds, 1)
    ]
    assert set(lines[0]["scores"]) == {"plain", "shots", "passages"}


@pytest.mark.parametrize("worlds", ["all tie", "one better by 5", "spread"])
def test_an_arm_more_than_five_points_better_than_what_stays_is_hardly_ever_dropped(long: Bench, monkeypatch, worlds):
    random, lost, best_lost = np.random.default_rng(3), 0, 0
    for seed in range(WORLDS):
        level = random.uniform(20, 80)
        means = {
            "all tie": np.full(6, level),
            "one better by 5": level + 5 * (np.arange(6) == seed % 6),
            "spread": np.clip(level + 12 * random.normal(size=6), 1, 99),
        }[worlds]
        names = ("plain", "shots", "passages", "tuned", "both", "head")
        worth = dict(zip(names, means, strict=True))
        told = run(long, monkeypatch, worth, seed)
        left = set(worth) - set(told.stayed)
        staying = max(worth[name] for name in told.stayed)
        lost += any(worth[name] > staying + 5 for name in left)
        best_lost += any(worth[name] > staying + 2 for name in left)
    assert lost <= 0.02 * WORLDS and best_lost <= 0.1 * WORLDS
