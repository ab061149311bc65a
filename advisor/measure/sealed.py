"""Whether a seal holds: every byte of a run folder, of its manifest, and of the run's lines in the ledger."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor import runfolder
from advisor.errors import InputError
from advisor.measure import ledger, receipt
from advisor.measure.ledger import own_hash
from advisor.measure.receipt import Receipt
from advisor.measure.sealing import Manifest, entry, hashes, lines_of

NOT_SEALED = "is not there: the run was not finished, or by a version that sealed nothing"


@dataclass(frozen=True)
class Wrong:
    """What does not hold: in which `file`, at which `field`, what is `there`, and what it `should` be (None or "" where
    that can't be said)."""

    file: str
    field: str
    there: Any
    should: Any


def faults(folder: Path) -> tuple[int, int, list[Wrong]]:
    """How many files and lines of the ledger were looked at, and what does not hold of them."""
    now = hashes(folder)
    content = _ledger(folder)
    own = lines_of(folder)
    wrong = [*_unchained(content)]
    path = folder / runfolder.MANIFEST
    if not path.is_file() or path.is_symlink():
        wrong.append(Wrong(runfolder.MANIFEST, "", NOT_SEALED, "the hashes of the run's files"))
        return len(now), len(content), wrong
    wrong += _unsealed(path, own)
    try:
        manifest = runfolder.read(path, Manifest)
    except InputError as error:
        told = [Wrong(runfolder.MANIFEST, "", problem.what, "") for problem in error.problems]
        return len(now), len(content), wrong + told
    wrong += _changed(now, manifest)
    wrong += _lines(own, manifest)
    with suppress(InputError):  # which is told where figures are computed
        wrong += _openings(own, receipt.read(folder))
    return len(now) + 1, len(content), wrong


def _ledger(folder: Path) -> list[bytes]:
    """The lines of the ledger beside a run folder."""
    path = folder.parent / ledger.FILE
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    lines = content.split(b"\n")
    return lines[:-1] if content.endswith(b"\n") else lines if content else []


def _unchained(lines: list[bytes]) -> Iterator[Wrong]:
    """Lines of the ledger that are broken, or do not hold the hash of the one before."""
    before = ""
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        said = entry(line)
        if said is None:
            yield Wrong(ledger.FILE, f"line {at}", "is no whole line of a ledger", "")
        elif said.get("previous") != before:
            yield Wrong(ledger.FILE, f"line {at}: previous", said.get("previous"), before)
        before = hashlib.sha256(line).hexdigest()


def _unsealed(path: Path, own: list[bytes]) -> Iterator[Wrong]:
    """Where the run's last line in the ledger is no seal, is not as it was written, or seals another manifest."""
    said = (entry(own[-1]) if own else None) or {}
    if "manifest" not in said:
        yield Wrong(ledger.FILE, "manifest", None, "a line that seals this run")
        return
    if own[-1] != json.dumps({**said, "hash": own_hash(said)}).encode():
        yield Wrong(ledger.FILE, "hash", said.get("hash"), own_hash(said))
    hashed = hashlib.sha256(path.read_bytes()).hexdigest()
    if said["manifest"] != hashed:
        yield Wrong(runfolder.MANIFEST, "", hashed, said["manifest"])


def _changed(now: dict[str, str], manifest: Manifest) -> Iterator[Wrong]:
    """Files that are not as the manifest tells of them."""
    for name in sorted({*now, *manifest.files}):
        there, should = now.get(name), manifest.files.get(name)
        if there != should:
            yield Wrong(name, "sha256", there, should)


def _lines(own: list[bytes], manifest: Manifest) -> Iterator[Wrong]:
    """Lines of the run in the ledger, before its seal, that are not as the manifest tells of them."""
    there = [hashlib.sha256(line).hexdigest() for line in own[:-1]]
    if len(there) != len(manifest.ledger):
        yield Wrong(ledger.FILE, "lines of this run", len(there), len(manifest.ledger))
    for at, (one, other) in enumerate(zip(there, manifest.ledger, strict=False), 1):
        if one != other:
            yield Wrong(ledger.FILE, f"line {at} of this run", one, other)


def _openings(own: list[bytes], told: Receipt) -> Iterator[Wrong]:
    """Finalists of the receipt whose opening of that very test the ledger does not tell."""
    for name in told.about.finalists:
        if opening(own, told, name) is None:
            yield Wrong(ledger.FILE, f"opening for {name}", None, told.about.test)


def opening(own: list[bytes], told: Receipt, finalist: str) -> str | None:
    """The hash, as a result has it, of the line that tells of the test's opening for a finalist; None where there is none."""
    system = told.about.finalists[finalist].system
    wanted = {"test": told.about.test, "finalist": finalist, "system": system}
    lines = (line for line in own if wanted.items() <= (entry(line) or {}).items())
    return next((hashlib.sha256(line).hexdigest()[:16] for line in lines), None)
