"""What the sealed test says, by systems that need no weights."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.measure.ledger import Opened
from advisor.measure.proof import Chosen, Finalists, Result, prove
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.system import Context, Prediction, Request
from trainers.rendering import Turn

from ..conftest import Reader

WAYS = (
    "could you lead me to our", "who dug a bed for that", "hunters ask about some", "please find my poor little",
    "in winter, what holds a", "beyond rivers lies which", "tell us again of your", "does anyone know this",
    "every evening it hides:", "photographs wanted of one",
)  # fmt: skip


def proven(bench: Bench, k: int = 1) -> Result:
    """The reader with `k` passages beside the baseline, which always says "?"."""
    plain = baseline(bench)
    reading = replace(plain, context=Context("retrieved", k))
    return prove(bench, Chosen("rag", False, True, None), Finalists(plain, None, reading))


def beside(bench: Bench, run: str) -> Bench:
    """The same bench in another run folder."""
    folder = bench.runtime.folder.parent / run
    folder.mkdir()
    return replace(bench, runtime=replace(bench.runtime, folder=folder))


def near(bench: Bench, count: int, said: tuple[Turn, ...] = ()) -> Bench:
    """The bench with so many test rows that ask, perhaps after what was `said`, what a training row asks, their answers
    unlike the documents'; the others ask in words of their own."""
    split, test = bench.task.split, []
    for i, (row, same, way) in enumerate(zip(split.test, split.train, WAYS, strict=True)):
        alike = replace(row, input=same.input, output="elsewhere", turns=said)
        test.append(alike if i < count else replace(row, input=f"{way} {row.gold[0]}?"))
    return replace(bench, task=replace(bench.task, split=replace(split, test=tuple(test))))


def test_the_clean_part_has_a_gain_with_its_interval(bench: Bench):
    assert proven(near(bench, 0)).clean is None
    result = proven(beside(near(bench, 4), "other"))
    assert result.test == 60.0 and result.clean
    assert (result.clean.items, result.clean.test) == (6, 100.0)
    assert result.clean.gain and result.clean.gain[1] == 100.0 and 0 < result.clean.gain[0] < result.clean.gain[2]


def test_where_a_training_row_is_near_every_test_row_there_is_no_clean_part(bench: Bench):
    clean = proven(near(bench, 10)).clean
    assert clean and (clean.items, clean.test, clean.gain) == (0, None, None)


def test_nearness_looks_at_what_was_said_before(bench: Bench):
    said = (Turn("user", "I have a large and rather old dog, and no car."), Turn("assistant", "Good to know."))
    assert proven(near(bench, 4, said)).clean is None


def test_openings_for_other_systems_before_this_run_are_counted(bench: Bench):
    first = proven(bench)
    assert first.opened_before == Opened(0, 0)
    assert proven(bench).opened_before == Opened(0, 0)  # the same run again
    assert proven(beside(bench, "same"), k=1).opened_before == Opened(2, 0)
    assert proven(beside(bench, "other"), k=2).opened_before == Opened(4, 1)


def test_no_form_is_asked_of_short_answers(bench: Bench):
    split = replace(bench.task.split, choose=())  # each answer twice, not so often that it could be a label
    short = replace(bench, task=replace(bench.task, split=split))
    assert proven(short).valid == {"baseline": {}, "test": {}}


def test_where_no_text_was_given_there_is_no_gain_and_no_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    def silent(self: Reader, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        yield from ((i, Prediction(None, "timed out")) for i, _ in enumerate(requests))

    monkeypatch.setattr(Reader, "generate", silent)
    result = proven(near(bench, 4))
    assert (result.baseline, result.test, result.gain, result.verdict) == (None, None, None, "not known yet")
    assert result.unscored == {"baseline": 10, "test": 10} and result.intervals == {}
    assert result.clean and (result.clean.items, result.clean.test, result.clean.gain) == (6, None, None)


def test_without_a_test_nothing_is_opened(bench: Bench):
    result = proven(replace(bench, task=replace(bench.task, split=replace(bench.task.split, test=()))))
    assert (result.test, result.gain, result.verdict, result.clean, result.ledger) == (None, None, None, None, "")
    assert (result.test_items, result.rows, result.opened_before) == (0, 30, Opened())
    assert not (bench.runtime.folder.parent / "ledger.jsonl").exists()
