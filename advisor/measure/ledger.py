"""The ledger: every opening of a sealed test, and every seal of a run folder, over all runs, each line chained to the one
before."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from advisor.errors import InputError, Problem
from advisor.system import digest
from advisor.task import Example

FILE = "ledger.jsonl"  # beside the runs
NOTE = "this line was cut short, and was mended"  # so that what it began to tell stays told


@dataclass(frozen=True)
class Opened:
    """How many `times` a sealed test was opened before a run opened it, and for how many `systems` other than the run's."""

    times: int = 0
    systems: int = 0


def opened_before(folder: Path, test: tuple[Example, ...], finalists: Mapping[str, str]) -> Opened:
    """What the ledger says of a test before the run in `folder` opens it for its finalists, by name the hashes of their
    systems; what it has written for them itself, if it goes on from there, does not count. Raises InputError where a line
    is broken, other than the last."""
    told = test_hash(test)
    known = [opening for opening in _openings(folder) if opening.get("test") == told]
    earlier = [one for one in known if (one["run"], finalists.get(one["finalist"])) != (folder.name, one["system"])]
    return Opened(len(earlier), len({one["system"] for one in earlier} - set(finalists.values())))


def open_test(folder: Path, test: tuple[Example, ...], finalist: str, system: str) -> str:
    """Write that the run in `folder` opens the test for a finalist, the hash of whose system is given; once for each.

    Every line holds the hash of the one before, so that none can be taken out unseen. Returns the line's own hash. A last
    line that a crash cut short is mended, with a note. Raises InputError where a line before it is broken.
    """
    content_hash = test_hash(test)
    entry = {"test": content_hash, "run": folder.name, "finalist": finalist, "system": system}
    with _locked(folder.parent / FILE) as file:
        lines = _mended(folder.parent / FILE, file)
        known = [json.loads(line) for line in lines]
        for line, opening in zip(lines, known, strict=True):
            if all(opening.get(key) == value for key, value in entry.items()):
                return _hash(line)[:16]
        before = sum(opening.get("test") == content_hash for opening in known)
        return _hash(_add(file, {**entry, "opened_before": before}, lines))[:16]


def seal(folder: Path, manifest: str) -> None:
    """Write that the files of the run in `folder` are those of a manifest, whose hash is given.

    Another line that follows holds the hash of this one; for as long as none does, it has a hash of its own: of its other
    fields. Raises InputError where a line is broken, other than the last.
    """
    with _locked(folder.parent / FILE) as file:
        lines = _mended(folder.parent / FILE, file)
        sealed = {"run": folder.name, "manifest": manifest, "previous": _hash(lines[-1]) if lines else ""}
        _add(file, {**sealed, "hash": own_hash(sealed)}, lines)


def own_hash(sealed: Mapping[str, Any]) -> str:
    """The hash that a line of a seal has of its other fields."""
    return _hash(json.dumps({name: value for name, value in sealed.items() if name != "hash"}).encode())


def is_open(folder: Path) -> bool:
    """Whether a run has opened its sealed test already. Raises InputError where a line is broken, other than the last."""
    return any(opening.get("run") == folder.name for opening in _openings(folder) if "test" in opening)


def _openings(folder: Path) -> list[dict[str, Any]]:
    """What the whole lines of the ledger beside a run's folder say. Raises InputError."""
    path = folder.parent / FILE
    lines, _ = _lines(path, path.read_bytes() if path.is_file() else b"")
    return [json.loads(line) for line in lines]


def _lines(path: Path, content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines, and the end of the file from a last line on that a crash cut short. Raises InputError."""
    lines = content.splitlines(keepends=True)
    broken = [at for at, line in enumerate(lines) if line.strip() and not _whole(line)]
    last = broken[-1] if broken and not b"".join(lines[broken[-1] + 1 :]).strip() else len(lines)
    do = "Put a copy from before in its place; or move it away, and openings that it told of count no more"
    what = "is no whole line of a ledger, so that it is not known which tests were opened"
    if damaged := [Problem(what, path, at + 1, do=do) for at in broken if at < last]:
        raise InputError(damaged)
    return [line.rstrip(b"\n") for line in lines[:last] if line.strip()], b"".join(lines[last:])


def _whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _mended(path: Path, file: IO[bytes]) -> list[bytes]:
    """The whole lines of a ledger, where the next is to be written; of a last one that a crash cut short, a note."""
    content = file.read()
    lines, torn = _lines(path, content)
    file.seek(len(content) - len(torn))
    if torn:
        lines.append(_add(file, {"note": NOTE, "cut": torn.strip().decode("utf-8", "replace")}, lines))
    elif content and not content.endswith(b"\n"):
        file.write(b"\n")
    return lines


def _add(file: IO[bytes], entry: Mapping[str, Any], lines: list[bytes]) -> bytes:
    """Write a line, chained to the last of those before it, in the place of whatever stands there."""
    line = json.dumps({**entry, "previous": _hash(lines[-1]) if lines else ""}).encode()
    file.write(line + b"\n")
    file.truncate()
    file.flush()
    os.fsync(file.fileno())
    return line


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def test_hash(test: tuple[Example, ...]) -> str:
    """What a test is known by in the ledger: a hash of its content."""
    return digest([(e.input, e.output, e.turns) for e in test])


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, for this process alone; it is made where there is none."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
