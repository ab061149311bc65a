from dataclasses import replace

import pytest

from advisor.measure import pacing, planning
from advisor.measure.diagnosis import Diagnosis, Probe
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Tuning
from advisor.task import Example, Split


@pytest.fixture
def wide(bench: Bench) -> Bench:
    """A bench with 600 rows to tune on, of which 100 are planned twice."""
    rows = tuple(Example(str(i), f"Where does the animal number {i} live?", "here") for i in range(600))
    return replace(bench, task=replace(bench.task, split=Split(rows)), purse=replace(bench.purse, rows=100, epochs=2))


def planned(bench: Bench, seconds: float, tokens_a_second: float) -> tuple[int, int]:
    short = Tuning((), round(60 * tokens_a_second), 0, 60.0)
    purse = pacing.building(bench, short, seconds)
    return purse.rows, purse.epochs


def test_a_full_tuning_is_planned_again_at_the_pace_of_the_short_one(wide: Bench):
    row = planning.per_row(wide.task, wide.runtime.model)
    fits = 200 * row / 1000  # seconds for what is planned, at 1,000 tokens a second
    assert planned(wide, fits, 1000) == planned(wide, fits * 1.2, 1000) == (100, 2)
    assert planned(wide, fits, 250) == (32, 1)
    assert planned(wide, fits / 4, 1000) == (32, 1)
    rows, epochs = planned(wide, fits * 4, 1000)
    assert 700 <= rows * epochs <= 800
    assert planned(wide, fits * 100, 1000) == (600, 3)


def test_a_full_tuning_is_never_smaller_than_the_short_one_that_it_goes_on_from(wide: Bench):
    tried = replace(wide, purse=replace(wide.purse, short=64))
    assert planned(tried, 1.0, 100) == (64, 1)
    assert planned(replace(tried, purse=replace(tried.purse, short=250)), 1.0, 100) == (100, 2)


def test_without_a_short_tuning_the_plan_stands(wide: Bench):
    assert pacing.building(wide, None, 1.0) == wide.purse
    assert pacing.building(wide, Tuning((), 0), 1.0) == wide.purse


def probe(name: str, path: str, gap: str, seconds: float) -> Probe:
    return Probe(name, path, gap, 50, 40, 60, 10, 0, seconds, 0, {}, {})


def test_of_a_test_too_large_for_the_time_left_a_part_is_run():
    probes = (probe("zero-shot", "prompting", "none", 10), probe("shots", "prompting", "instruction", 30),
              probe("passage", "rag", "knowledge", 20))  # fmt: skip
    told = Diagnosis("exact_match", 10, {}, probes, {}, {})
    test = tuple(Example(str(i), f"{i}", "x") for i in range(400))
    # A second for the baseline, three for the dearest prompt, two with a passage: six each.
    assert pacing.proving(told, ["rag", "prompting"], test, 2400) == 400
    assert pacing.proving(told, ["rag", "prompting"], test, 1200) == 200
    assert pacing.proving(told, ["rag", "prompting"], test, 10) == pacing.PROVEN
    assert pacing.proving(None, ["rag"], test, 0) == pacing.proving(None, ["rag"], test, -5) == 400
    some = pacing.part(test, 150, seed=3)
    assert len(some) == 150 and list(some) == sorted(some, key=lambda e: int(e.id)) and some != test[:150]
    assert some == pacing.part(test, 150, seed=3) != pacing.part(test, 150, seed=4)
    assert pacing.part(test, 400, seed=3) == test
