"""The folder of an index: its segments, the order of their rows, and `meta.json`, which alone says what belongs to it.

All but `meta.json` is written under names that were never used before, and `meta.json` is replaced at last: whoever
reads, or is cut off, finds the old index or the new one. One process writes at a time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from filelock import FileLock

from retrieval.index import segments
from retrieval.index.segments import Damaged, Rows, Segment
from retrieval.index.stores import is_file
from retrieval.index.updating import Making
from retrieval.search.searching import SearchSettings
from retrieval.search.vectors import VectorStore

META, LOCK = "meta.json", ".lock"
FORMAT = 2  # goes up when files are written otherwise, or the same document gives other passages or words


class IndexMismatch(ValueError):
    """A saved index that cannot be used: of another embedder, or damaged."""


class IndexDamaged(IndexMismatch):
    """A saved index whose files are missing or changed."""


@dataclass(frozen=True)
class Meta:
    """What `meta.json` says. `segments` and `order` are names with the hash of what lies there.

    vectors: the vector store's name; a Milvus Lite file by its path from the folder, so that both can be moved.
    """

    embedder: str
    fingerprint: str
    vectors: str
    budget: int
    settings: SearchSettings
    segments: dict[str, str]
    order: tuple[str, str]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only process that writes to `folder`; waits for others."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK):
        yield


def read_meta(folder: Path, embedder: str) -> Meta:
    """Read `meta.json`. Raises `IndexMismatch` if the index in `folder` was made by another embedder, or is damaged."""
    try:
        values: dict[str, Any] = json.loads((folder / META).read_bytes())
        if (written := values.pop("format")) != FORMAT:
            raise ValueError(f"of another version of this program: format {written}, not {FORMAT}")
        settings = SearchSettings(**values.pop("settings"))
        meta = Meta(**values | {"settings": settings, "order": tuple(values["order"])})
        names = [*meta.segments, meta.order[0]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise IndexDamaged(f"no whole index in '{folder}' ({error}): build it again") from error
    if any(Path(name).name != name or name in ("", "..") for name in names):
        raise IndexDamaged(f"the index in '{folder}' names files outside of it: build it again")
    if meta.embedder != embedder:
        raise IndexMismatch(
            f"the index in '{folder}' was made by another embedder ({meta.embedder}, not {embedder}): "
            "load the embedder that made it, or delete the folder and build the index again"
        )
    return meta


def open_segment(folder: Path, name: str, meta: Meta, store: VectorStore) -> Segment:
    """Open one of the segments. Raises `Damaged`."""
    if segments.checked(folder / name) != meta.segments[name]:
        raise Damaged(f"'{folder / name}' was changed after it was written")
    return segments.load_segment(folder / name, store)


def vectors_in(folder: Path, meta: Meta) -> str:
    """Where the vectors are, as `stores.store` takes it."""
    return placed(str(folder / meta.vectors) if is_file(meta.vectors) else meta.vectors)


def placed(where: str) -> str:
    """The name of a store, of which there is one for a place: a file by its whole path."""
    return os.path.abspath(where) if is_file(where) else where


def read_order(folder: Path, meta: Meta) -> Rows:
    """The row of each passage. Raises `Damaged`."""
    name, expected = meta.order
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise Damaged(f"'{folder}' is not whole ({error})") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise Damaged(f"'{folder / name}' was changed after it was written")
    return np.frombuffer(content, np.int64)


def salvage(folder: Path, embedder: str, store: VectorStore) -> tuple[list[Segment], Rows, Meta | None, str]:
    """The segments in `folder` that can be used, their living rows, what the folder says of itself, and its damage.

    Raises `IndexMismatch` if another embedder made it.
    """
    nothing = np.zeros(0, np.int64)
    if not (folder / META).exists():  # nothing yet, or what a build left that was cut off
        return [], nothing, None, ""
    try:
        meta = read_meta(folder, embedder)
    except IndexDamaged as error:
        return [], nothing, None, str(error).removesuffix(": build it again")
    if (where := vectors_in(folder, meta)) != placed(store.name):
        return [], nothing, None, f"its vectors were in '{where}', not in '{store.name}'"
    sound, damage = [], []
    for name in meta.segments:
        try:
            sound.append(open_segment(folder, name, meta, store))
        except Damaged as error:
            damage.append(str(error))
    rows = np.arange(sum(len(part.passages) for part in sound))  # of what is left of a damaged index
    try:
        rows = rows if damage else read_order(folder, meta)
    except Damaged as error:
        damage = [str(error)]
    return sound, rows, meta, "; ".join(damage)


def write_index(
    folder: Path, parts: Sequence[Segment], rows: Rows, making: Making, fingerprint: str, settings: SearchSettings
) -> None:
    """Put an index in the place of what was in `folder`, and remove what no longer belongs there."""
    for part in parts:
        if part.folder.parent != folder:
            shutil.rmtree(folder / part.name, ignore_errors=True)
            shutil.copytree(part.folder, folder / part.name, copy_function=_linked)
    store = making.store
    content = rows.tobytes()
    order = f"order-{uuid4().hex}", hashlib.sha256(content).hexdigest()
    (folder / order[0]).write_bytes(content)
    sums = {part.name: segments.listed(folder / part.name) for part in parts}
    where = os.path.relpath(store.name, folder) if is_file(store.name) else store.name
    meta = Meta(making.embedder.fingerprint, fingerprint, where, making.budget, settings, sums, order)
    partial = folder / f".{META}"
    partial.write_text(json.dumps({"format": FORMAT, **asdict(meta)}, indent=1), encoding="utf-8")
    os.replace(partial, folder / META)
    for path in folder.iterdir():
        if path.name not in {META, LOCK, order[0], *sums}:
            _remove(path, store)


def _linked(source: str, target: str) -> None:
    """A segment is never written again, so that a second name for its files is as good as a copy."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


def _remove(path: Path, store: VectorStore) -> None:
    if path.is_dir():
        store.remove(path)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
