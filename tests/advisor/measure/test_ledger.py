import hashlib
import itertools
import json

import pytest

from advisor.errors import InputError
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


def chained(tmp_path) -> list[dict]:
    """What the lines say, each of which holds the hash of the one before."""
    written = lines(tmp_path)
    for before, line in itertools.pairwise(written):
        assert json.loads(line)["previous"] == hashlib.sha256(before.encode()).hexdigest()
    return [json.loads(line) for line in written]


@pytest.mark.parametrize(
    "rest", [b'{"test": "12', b'{"test": "12\0\0\0\0', b"\0\0\0", b"{\xff", b'{"test": "12\n\n', b"3"]
)
def test_a_last_line_that_a_crash_cut_short_is_mended_with_a_note_and_counts_as_no_opening(tmp_path, rest):
    ledger = tmp_path / "ledger.jsonl"
    open_test(tmp_path / "run-a", rows(), "test", "s")
    ledger.write_bytes(ledger.read_bytes() + rest)
    assert is_open(tmp_path / "run-a") and not is_open(tmp_path / "run-b")
    assert ledger.read_bytes().endswith(rest)  # whoever only looks mends nothing
    open_test(tmp_path / "run-b", rows(), "test", "s")
    first, note, second = chained(tmp_path)
    assert note["note"] and note["cut"] == rest.strip().decode("utf-8", "replace")
    assert (first["run"], second["run"], second["opened_before"]) == ("run-a", "run-b", 1)
    assert open_test(tmp_path / "run-b", rows(), "test", "s") and len(lines(tmp_path)) == 3


def test_the_first_line_may_be_cut_short_and_a_whole_one_may_lack_its_end(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(b'{"te')
    open_test(tmp_path / "run-a", rows(), "test", "s")
    assert [entry.get("run") for entry in chained(tmp_path)] == [None, "run-a"]
    ledger.write_bytes(ledger.read_bytes().rstrip())
    open_test(tmp_path / "run-b", rows(), "test", "s")
    assert [entry.get("run") for entry in chained(tmp_path)] == [None, "run-a", "run-b"]


def test_broken_lines_before_the_last_are_told_and_nothing_is_written(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    for run in "abcd":
        open_test(tmp_path / run, rows(), "test", "s")
    a, b, c, d = ledger.read_bytes().splitlines()
    ledger.write_bytes(broken := b"\n".join([a, b[:20], b"3", d, c[:9]]))
    for look in (lambda: is_open(tmp_path / "a"), lambda: open_test(tmp_path / "e", rows(), "test", "s")):
        with pytest.raises(InputError) as caught:
            look()
        assert [(problem.where, problem.line) for problem in caught.value.problems] == [
            (str(ledger), 2),
            (str(ledger), 3),
        ]
    assert ledger.read_bytes() == broken


def test_a_ledger_that_is_a_link_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "ledger.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        open_test(tmp_path / "a", rows(), "test", "s")
    assert (tmp_path / "elsewhere").read_text() == ""
