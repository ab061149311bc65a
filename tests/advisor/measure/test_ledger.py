import hashlib
import itertools
import json

from advisor.measure.ledger import is_open, open_test
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
