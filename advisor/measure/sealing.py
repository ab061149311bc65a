"""The seal of a finished run: a manifest of the hashes of its files, whose own hash stands in the ledger.

A command that writes into a sealed folder renews the seal for what it wrote, and for nothing else: a file that somebody
changed by hand stays told as changed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor import runfolder
from advisor.measure import ledger

ASIDE = (runfolder.MANIFEST, runfolder.LOCK, f"{runfolder.LOCK}.txt", runfolder.PROGRESS)  # at the root of a run folder


@dataclass(frozen=True)
class Manifest:
    """The SHA-256 of every file of a run, by its path in the run folder, and of the run's lines in the ledger before the
    one that seals it."""

    run: str
    files: Mapping[str, str]
    ledger: tuple[str, ...]


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in a run folder by its path there, without those `ASIDE`; "link" for a link."""
    return {str(path.relative_to(folder)): _hash(path) for path in sorted(_files(folder))}


def found(folder: Path) -> dict[str, str]:
    """What a command finds before it writes: the `hashes` in a sealed folder, nothing in one that has no seal to renew."""
    return hashes(folder) if (folder / runfolder.MANIFEST).is_file() else {}


def seal(folder: Path, before: Mapping[str, str]) -> None:
    """Seal a run folder; where it is sealed, for what was written since all was as it was `found` before.

    Raises InputError where the manifest, or a line of the ledger, is broken.
    """
    path = folder / runfolder.MANIFEST
    old = runfolder.read(path, Manifest) if path.is_file() else Manifest("", {}, ())
    now, lines = hashes(folder), lines_of(folder)
    left = {name: told for name, told in old.files.items() if name in now or name not in before}
    wrote = {name: one for name, one in now.items() if not old.run or one != before.get(name)}
    files = left | wrote
    last = json.loads(lines[-1]).get("manifest") if lines else None
    if old.run and files == old.files and last == _hash(path):
        return
    told = (*old.ledger, *(hashlib.sha256(line).hexdigest() for line in lines[len(old.ledger) :]))
    runfolder.write(path, Manifest, Manifest(folder.name, dict(sorted(files.items())), told))
    ledger.seal(folder, _hash(path))


def renew(folder: Path, before: Mapping[str, str]) -> None:
    """The same where the folder is sealed; nothing elsewhere."""
    if (folder / runfolder.MANIFEST).is_file():
        seal(folder, before)


def lines_of(folder: Path) -> list[bytes]:
    """The lines of the ledger that tell of the run in a folder, as they stand there, without those that are no JSON."""
    path = folder.parent / ledger.FILE
    lines = path.read_bytes().split(b"\n") if path.is_file() and not path.is_symlink() else []
    return [line for line in lines if (entry(line) or {}).get("run") == folder.name]


def entry(line: bytes) -> dict[str, object] | None:
    """What a line of the ledger says; None where it is broken."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _files(folder: Path) -> Iterator[Path]:
    """Every file, and every link, which none is followed through."""
    for parent, folders, names in os.walk(folder):
        paths = [Path(parent, name) for name in names]
        yield from (path for path in paths if str(path.relative_to(folder)) not in ASIDE)
        yield from (path for name in folders if (path := Path(parent, name)).is_symlink())


def _hash(path: Path) -> str:
    if path.is_symlink():
        return "link"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
