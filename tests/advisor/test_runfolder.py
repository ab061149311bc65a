import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from advisor import runfolder
from advisor.errors import CannotError, InputError

ROOT = Path(__file__).parent.parent.parent


def test_a_step_is_done_once_for_a_key(tmp_path):
    calls = []
    for key in ("k", "k", "other"):
        value = runfolder.step(tmp_path, "profile", key, dict[str, int], lambda: calls.append(1) or {"n": len(calls)})
    assert len(calls) == 2
    assert value == {"n": 2}


def test_a_step_that_failed_leaves_nothing_and_is_tried_again(tmp_path):
    with pytest.raises(ZeroDivisionError):
        runfolder.step(tmp_path, "profile", "k", float, lambda: 1 / 0)
    assert not list(tmp_path.glob("profile*"))
    assert runfolder.step(tmp_path, "profile", "k", int, lambda: 1) == 1


def test_a_kill_between_file_and_journal_does_the_step_again(tmp_path):
    runfolder.write(tmp_path / "profile.json", str, "half of a run that was killed")
    assert runfolder.step(tmp_path, "profile", "k", str, lambda: "whole") == "whole"


def test_a_line_of_the_journal_that_a_kill_cut_short_is_passed_over(tmp_path):
    runfolder.step(tmp_path, "profile", "k", int, lambda: 1)
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"step": "diag')
    assert runfolder.step(tmp_path, "profile", "k", int, lambda: 2) == 1


def test_a_shared_step_is_taken_over_from_another_run_with_the_same_key(tmp_path):
    one, other = runfolder.opened("a", tmp_path), runfolder.opened("b", tmp_path)
    runfolder.step(one, "profile", "k", str, lambda: "first")
    assert runfolder.step(other, "profile", "k", str, lambda: "second", shared=True) == "first"
    assert runfolder.step(other, "diagnosis", "k", str, lambda: "second", shared=True) == "second"
    assert json.loads((other / "journal.jsonl").read_text().splitlines()[0])["taken_over"] == "a"


def test_a_run_folder_that_cannot_be_written_is_the_persons_to_mend(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="can't be written"):
        runfolder.opened("a", tmp_path / "runs")


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "profile.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        runfolder.read(tmp_path / "profile.json", dict[str, int])
    assert "profile.json" in str(caught.value) and "Delete it" in str(caught.value)


def test_what_is_forgotten_is_done_again(tmp_path):
    calls = []
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "checkpoint.pt").write_text("half of a training")
    for _ in range(2):
        runfolder.step(tmp_path, "profile", "k", bool, lambda: not calls.append(1))
        runfolder.forget(tmp_path)
    assert len(calls) == 2 and not list(tmp_path.rglob("checkpoint.pt"))


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Value:
    pairs: tuple[tuple[str, float], ...]
    inner: Inner | None = None
    table: Mapping[str, tuple[Inner, ...]] = field(default_factory=dict)


@pytest.mark.parametrize(
    "value", [Value(()), Value((("a", 1.0), ("b", float("inf"))), Inner("x"), {"k": (Inner("y"),)})]
)
def test_a_step_comes_back_as_what_it_is(tmp_path, value):
    for _ in range(2):
        assert runfolder.step(tmp_path, "value", "k", Value, lambda: value) == value


def test_a_file_of_another_form_is_named_with_the_field(tmp_path):
    (tmp_path / "value.json").write_text('{"pairs": [["a", "one"]]}')
    with pytest.raises(InputError, match=r"value\.json: .*pairs\.0\.1"):
        runfolder.read(tmp_path / "value.json", Value)


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    place = tmp_path / "artifact"
    for name in ("old", "new"):
        with runfolder.whole_folder(place) as folder:
            (folder / name).touch()
    assert [path.name for path in place.iterdir()] == ["new"]
    with pytest.raises(ZeroDivisionError), runfolder.whole_folder(place) as folder:
        (folder / "half").write_text(str(1 / 0))
    assert [path.name for path in place.iterdir()] == ["new"]
    with runfolder.whole_folder(place) as folder:
        assert not list(folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_after_a_line_that_was_cut_short_the_next_one_is_whole(tmp_path):
    runfolder.step(tmp_path, "profile", "k", int, lambda: 1)
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"step": "diag')
    runfolder.step(tmp_path, "diagnosis", "k", int, lambda: 2)
    assert runfolder.step(tmp_path, "diagnosis", "k", int, lambda: 3) == 2


# Two at once

HOLD = "import sys, pathlib; from advisor import runfolder; held = runfolder.alone(pathlib.Path(sys.argv[1])); print('held'); input()"


@contextmanager
def holding(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def test_who_holds_a_lock_is_told_and_one_that_was_killed_holds_none(tmp_path):
    with holding(tmp_path / ".lock") as other:
        with pytest.raises(CannotError) as refused:
            runfolder.alone(tmp_path / ".lock")
        assert refused.value.exit_code == 1
        told = str(refused.value)
        assert f"in use by process {other.pid} on {socket.gethostname()}, since 2" in told and "\n" not in told
        other.kill()
        other.wait()
        runfolder.alone(tmp_path / ".lock").release()


def test_who_waits_is_told_for_whom_and_goes_on_when_they_end(tmp_path):
    told: list[str] = []
    with holding(tmp_path / "deep" / "a.lock") as other:
        threading.Timer(0.3, other.kill).start()
        runfolder.alone(tmp_path / "deep" / "a.lock", told.append).release()
    assert len(told) == 1 and str(other.pid) in told[0]


def test_one_process_may_hold_a_lock_twice_and_gives_it_back_at_last(tmp_path):
    first, second = runfolder.alone(tmp_path / "a"), runfolder.alone(tmp_path / "a")
    first.release()
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", WAIT, str(tmp_path / "a")], cwd=ROOT, timeout=3)
    second.release()
    subprocess.run([sys.executable, "-c", WAIT, str(tmp_path / "a")], cwd=ROOT, timeout=60, check=True)


WAIT = "import sys, pathlib; from advisor import runfolder; runfolder.alone(pathlib.Path(sys.argv[1]), print)"

# A run folder that somebody sent


def test_links_in_a_run_folder_are_refused_all_at_once(tmp_path):
    folder = runfolder.opened("a", tmp_path / "runs")
    (tmp_path / "secret").write_text("secret")
    (folder / "deep").mkdir()
    for link in (folder / "journal.jsonl", folder / "deep" / "artifact", tmp_path / "runs" / "ledger.jsonl"):
        link.symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="is a link") as refused:
        runfolder.check_links(folder)
    assert len(refused.value.problems) == 2
    with pytest.raises(InputError, match=r"ledger\.jsonl"):
        runfolder.opened("b", tmp_path / "runs")


def test_what_lies_outside_a_run_folder_is_not_of_it(tmp_path):
    folder = runfolder.opened("a", tmp_path / "runs")
    assert runfolder.within(folder, "build/adapter") == folder / "build" / "adapter"
    for name in ("../b/adapter", "/etc", "build/../../../x"):
        with pytest.raises(InputError, match="lies elsewhere"):
            runfolder.within(folder, name)


def test_a_file_is_not_written_through_a_link_that_lies_in_its_way(tmp_path):
    (tmp_path / "mine").write_text("mine")
    for name in ("report.md", "report.md.partial"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
    runfolder.whole(tmp_path / "report.md", "new")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "report.md").read_text() == "new" and not (tmp_path / "report.md").is_symlink()
