"""The ledger of sealed tests: every opening, over all runs, each line chained to the one before."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from advisor import texts
from advisor.system import digest
from advisor.task import Example

FILE = "ledger.jsonl"  # beside the runs


@dataclass(frozen=True)
class Opened:
    """How many `times` a sealed test was opened before a run opened it, and for how many `systems` other than the run's."""

    times: int = 0
    systems: int = 0


def opened_before(folder: Path, test: tuple[Example, ...], finalists: Mapping[str, str]) -> Opened:
    """What the ledger says of a test before the run in `folder` opens it for its finalists, by name the hashes of their
    systems; what it has written for them itself, if it goes on from there, does not count."""
    content, ledger = _content(test), folder.parent / FILE
    text = ledger.read_text(encoding="utf-8") if ledger.is_file() else ""
    lines = [line for _, line in texts.json_lines(text, ledger, []) if line["test"] == content]
    earlier = [
        line for line in lines if (line["run"], finalists.get(line["finalist"])) != (folder.name, line["system"])
    ]
    return Opened(len(earlier), len({line["system"] for line in earlier} - set(finalists.values())))


def open_test(folder: Path, test: tuple[Example, ...], finalist: str, system: str) -> str:
    """Write that the run in `folder` opens the test for a finalist, the hash of whose system is given; once for each.

    Every line holds the hash of the one before, so that none can be taken out unseen. Returns the line's own hash.
    """
    content = _content(test)
    entry = {"test": content, "run": folder.name, "finalist": finalist, "system": system}
    with _locked(folder.parent / FILE) as file:
        lines = [line for line in file.read().splitlines() if line]
        for line in lines:
            known = json.loads(line)
            if all(known.get(key) == value for key, value in entry.items()):
                return hashlib.sha256(line.encode()).hexdigest()[:16]
        before = hashlib.sha256(lines[-1].encode()).hexdigest() if lines else ""
        line = json.dumps({**entry, "opened_before": sum(content in line for line in lines), "previous": before})
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def is_open(folder: Path) -> bool:
    """Whether a run has opened its sealed test already."""
    ledger = folder.parent / FILE
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.is_file() else []
    return any(json.loads(line)["run"] == folder.name for line in lines if line)


def _content(test: tuple[Example, ...]) -> str:
    return digest([(e.input, e.output, e.turns) for e in test])


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file
