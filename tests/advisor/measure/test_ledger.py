import hashlib
import itertools
import json

from advisor.measure.ledger import Opened, is_open, open_test, opened_before
from advisor.task import Example


def rows(text: str = "q") -> tuple[Example, ...]:
    return (Example("1", text, "a"),)


def lines(tmp_path) -> list[str]:
    return (tmp_path / "ledger.jsonl").read_text().splitlines()


def test_every_opening_of_a_test_is_written_once_and_chained_to_the_one_before(tmp_path):
    run, other = tmp_path / "run-a", tmp_path / "run-b"
    first = open_test(run, rows(), "baseline", "s1")
    open_test(run, rows(), "test", "s2")
    open_test(other, rows(), "test", "s2")
    assert is_open(run) and not is_open(tmp_path / "run-c")
    assert open_test(run, rows(), "baseline", "s1") == first  # a resumed run opens nothing anew
    written = lines(tmp_path)
    assert len(written) == 3
    assert [json.loads(line)["opened_before"] for line in written] == [0, 1, 2]
    for before, line in itertools.pairwise(written):
        assert json.loads(line)["previous"] == hashlib.sha256(before.encode()).hexdigest()


def test_another_test_set_is_another_entry(tmp_path):
    open_test(tmp_path / "run", rows(), "test", "s")
    open_test(tmp_path / "run", rows("other"), "test", "s")
    assert len({json.loads(line)["test"] for line in lines(tmp_path)}) == 2


def test_earlier_openings_are_those_for_other_systems_and_by_other_runs(tmp_path):
    run, other = tmp_path / "run-a", tmp_path / "run-b"
    ours = {"baseline": "plain", "test": "tuned"}
    assert opened_before(run, rows(), ours) == Opened(0, 0)
    for name, system in (("baseline", "plain"), ("runner_up", "shots"), ("test", "prompt")):
        open_test(other, rows(), name, system)
    open_test(other, rows("another test"), "test", "prompt")
    assert opened_before(run, rows(), ours) == Opened(3, 2)  # the baseline is ours too
    for name, system in ours.items():
        open_test(run, rows(), name, system)
    assert opened_before(run, rows(), ours) == Opened(3, 2)  # a resumed run has not opened it before itself
    assert opened_before(run, rows(), {**ours, "test": "tuned anew"}) == Opened(4, 3)
