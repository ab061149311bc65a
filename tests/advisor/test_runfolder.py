import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from advisor import runfolder
from advisor.errors import InputError


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
