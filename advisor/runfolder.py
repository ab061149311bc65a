"""The run folder: steps that are done once and read back as what they are, files that are whole or not there, a journal."""

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from advisor import texts
from advisor.errors import CannotError, InputError, Problem, printable

PROGRESS = "progress.jsonl"
RUNS, LOCK = Path("runs"), ".lock"
MANIFEST = "manifest.json"  # the seal of a finished run: it is broken by a step that is done anew
AGAIN = "Delete it, and run the command that made this run folder again"
Value = TypeVar("Value")


def opened(name: str, runs: Path = RUNS) -> Path:
    """The run folder of that name, made if need be. Raises InputError when it cannot be written."""
    folder = runs / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = "Make the current directory writable, or run in another one"
        raise InputError(Problem(f"the run folder can't be written ({error.strerror})", folder, do=advice)) from error
    _refuse_links(runs.iterdir())
    check_links(folder)
    return folder


def check_links(folder: Path) -> None:
    """Raises InputError where a run folder holds symbolic links: what is read and written there would lie elsewhere."""
    _refuse_links(Path(parent, name) for parent, *inner in os.walk(folder) for names in inner for name in names)


def _refuse_links(paths: Iterable[Path]) -> None:
    do = "Put what it points to in its place, or remove it"
    if links := [Problem("is a link, which no run makes", path, do=do) for path in paths if path.is_symlink()]:
        raise InputError(links)


def within(folder: Path, name: str) -> Path:
    """What a file of a run folder names in it, or in `runs`. Raises InputError where that lies elsewhere."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(Problem(f"names {name}, which lies elsewhere", folder, do=AGAIN))
    return path


def alone(lock: Path, wait: Callable[[str], None] | None = None) -> FileLock:
    """Be the only process that holds a lock until it is released; a process that has ended, however it did, holds none.

    Within one process it may be held more than once. Where another process holds it, raises CannotError that says which;
    with `wait`, tells that and waits.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock.absolute(), is_singleton=True, thread_local=False)
    try:
        held.acquire(timeout=0)
    except Timeout:
        told, _ = texts.read_text(_holder(lock))
        holder = printable(told) or "another process"
        if wait is None:
            what = f"{lock.parent} is in use by {holder}"
            raise CannotError(f"{what}. Wait for it, or end it; the same command then goes on from there") from None
        wait(holder)
        held.acquire()
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    whole(_holder(lock), f"process {os.getpid()} on {socket.gethostname()}, since {at}")
    return held


def _holder(lock: Path) -> Path:
    """The file that says who holds a lock: libraries may empty the lock itself."""
    return lock.with_name(f"{lock.name}.txt")


def step(
    folder: Path, name: str, key: str, kind: type[Value], work: Callable[[], Value], *, shared: bool = False
) -> Value:
    """The value of `work`, of the type `kind`, kept in `name`.json: done once for a `key`, and read back as what it is.

    `shared`: it is also taken over from another run in which it was done with the same key.
    """
    path = folder / f"{name}.json"
    if _done(folder, name, key):
        return read(path, kind)
    (folder / MANIFEST).unlink(missing_ok=True)
    if shared:
        for other in sorted(folder.parent.glob("*/journal.jsonl")):
            if other.parent != folder and _done(other.parent, name, key):
                shutil.copyfile(other.parent / path.name, partial := path.with_suffix(".partial"))
                partial.replace(path)
                record(folder, name, key, taken_over=other.parent.name)
                return read(path, kind)
    since = time.perf_counter()
    write(path, kind, work())
    record(folder, name, key, seconds=round(time.perf_counter() - since, 2))
    return read(path, kind)


def forget(folder: Path) -> None:
    """Let nothing that was done here count as done; the ledger of sealed tests, which lies outside, stays."""
    (folder / "journal.jsonl").unlink(missing_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for checkpoint in folder.rglob("checkpoint.pt"):
        checkpoint.unlink()


def seconds(folder: Path) -> dict[str, float]:
    """How long each finished step took, in seconds, in the run in which it was done."""
    return {line["step"]: float(line.get("seconds", 0.0)) for line in _journal(folder)}


def times(folder: Path) -> dict[str, str]:
    """When each finished step was done, as ISO 8601 has it; "" where the journal does not say."""
    return {str(line.get("step")): str(line.get("at", "")) for line in _journal(folder)}


def record(folder: Path, name: str, key: str, **more: Any) -> None:
    """Add a line to the journal: that a step is done."""
    line = {"step": name, "key": key, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **more}
    path = folder / "journal.jsonl"
    torn = path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def plain(kind: Any, value: object) -> Any:
    """A value of the type `kind` as JSON has it: dataclasses as objects, tuples as lists."""
    return _adapter(kind).dump_python(value, mode="json", by_alias=True)


def write(path: Path, kind: Any, value: object) -> None:
    """Write a value of the type `kind` as JSON, whole or not at all."""
    whole(path, json.dumps(plain(kind, value), indent=1, ensure_ascii=False) + "\n")


def progress(folder: Path, **told: object) -> None:
    """Append what just went on to a run folder's progress, which is watched and never relied on."""
    with (folder / PROGRESS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"time": round(time.time(), 1), **told}, ensure_ascii=False) + "\n")


def whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    with partial.open("x", encoding="utf-8") as file:  # a link that lies there already is not written through
        file.write(text)
    partial.replace(path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of the one at `path` when the block ends: whole or not at all, and
    with nothing of what lay there."""
    partial, old = path.with_name(f"{path.name}.partial"), path.with_name(f"{path.name}.old")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    yield partial
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    partial.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def read(path: Path, kind: type[Value]) -> Value:
    """The value that `write` wrote. Raises InputError where it is damaged, of another version, or not there."""
    place = Problem("", path, do=AGAIN)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(replace(place, what=f"can't be read: {error}")) from error
    return parsed(text, kind, place)


def parsed(text: str, kind: type[Value], place: Problem) -> Value:
    """The value of the type `kind` in a JSON text. Raises InputError with a problem at that place."""
    try:
        of_kind: Any = kind
        value: Value = _adapter(of_kind).validate_python(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"holds what no run of this version wrote: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InputError(replace(place, what=what)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(replace(place, what=f"can't be read: {error}")) from error
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _done(folder: Path, name: str, key: str) -> bool:
    lines = [line for line in _journal(folder) if line.get("step") == name]
    return bool(lines) and lines[-1].get("key") == key and (folder / f"{name}.json").is_file()


def _journal(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of the journal, without one that a kill cut short."""
    path = folder / "journal.jsonl"
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (line for _, line in texts.json_lines(text, path, []))
