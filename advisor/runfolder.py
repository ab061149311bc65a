"""The run folder: steps that are done once, files that are whole or not there, a journal of what happened when."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from advisor.errors import InputError, Problem

RUNS = Path("runs")


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
    return folder


def step(folder: Path, name: str, key: str, work: Callable[[], Any], *, shared: bool = False) -> Any:
    """The JSON value in `name`.json: `work`'s, done once for a `key`.

    A step that is done is read back. `shared`: it is also taken over from another run in which it was done with the same key.
    """
    path = folder / f"{name}.json"
    if _done(folder, name, key):
        return read(path)
    if shared:
        for other in sorted(folder.parent.glob("*/journal.jsonl")):
            if other.parent != folder and _done(other.parent, name, key):
                shutil.copyfile(other.parent / path.name, partial := path.with_suffix(".partial"))
                partial.replace(path)
                record(folder, name, key, taken_over=other.parent.name)
                return read(path)
    since = time.perf_counter()
    write(path, work())
    record(folder, name, key, seconds=round(time.perf_counter() - since, 2))
    return read(path)


def forget(folder: Path) -> None:
    """Let nothing that was done here count as done; the ledger of sealed tests, which lies outside, stays."""
    (folder / "journal.jsonl").unlink(missing_ok=True)
    for checkpoint in folder.rglob("checkpoint.pt"):
        checkpoint.unlink()


def seconds(folder: Path) -> dict[str, float]:
    """How long each finished step took, in seconds, in the run in which it was done."""
    return {line["step"]: float(line.get("seconds", 0.0)) for line in _journal(folder)}


def record(folder: Path, name: str, key: str, **more: Any) -> None:
    """Add a line to the journal: that a step is done."""
    line = {"step": name, "key": key, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **more}
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def write(path: Path, value: Any) -> None:
    """Write a JSON value, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(json.dumps(value, indent=1, ensure_ascii=False, default=_plain) + "\n", encoding="utf-8")
    partial.replace(path)


def read(path: Path) -> Any:
    """A JSON value that `write` wrote. Raises InputError where it is damaged, or not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        do = "Delete it, and run the command that made this run folder again"
        raise InputError(Problem(f"can't be read: {error}", path, do=do)) from error


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "keys"):
        return dict(value)
    return str(value)


def _done(folder: Path, name: str, key: str) -> bool:
    lines = [line for line in _journal(folder) if line.get("step") == name]
    return bool(lines) and lines[-1].get("key") == key and (folder / f"{name}.json").is_file()


def _journal(folder: Path) -> Iterator[dict[str, Any]]:
    path = folder / "journal.jsonl"
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # a line cut short by a kill
            continue
