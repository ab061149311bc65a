"""Vectors that were made before, on disk: found by a hash of all that made them. Knows no model and no index.

The file may be deleted at any time: what is missing is made again.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Lock

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

LIMIT = 2_000_000  # vectors; 3 GB where they have 384 dimensions
WAIT = 60.0  # seconds for another process that is writing
AT_ONCE = 500  # keys in one query; SQLite's own limit is higher


def vector_key(*parts: str) -> bytes:
    """A hash of what made a vector: the embedder's fingerprint, whether it was a query, the text."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(content) + content)
    return digest.digest()


class VectorCache:
    """A SQLite file that any number of processes and threads may use at once; the oldest go beyond `limit` vectors.

    path: None keeps the vectors in memory. A file that is no database, or broken, is thrown away and begun again.
    """

    def __init__(self, path: Path | None = None, limit: int = LIMIT) -> None:
        self._path, self._limit, self._lock = path, limit, Lock()
        self._file = self._open()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """The vectors known for these keys."""
        known: dict[bytes, NDArray[np.float32]] = {}
        with self._lock:
            try:
                for start in range(0, len(keys), AT_ONCE):
                    some = keys[start : start + AT_ONCE]
                    marks = ", ".join("?" * len(some))
                    rows = self._file.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
                    known.update((name, np.frombuffer(vector, np.float32)) for name, vector in rows)
            except sqlite3.DatabaseError as error:
                self._begin_again(error)
        return known

    def put(self, keys: Iterable[bytes], vectors: NDArray[np.float32]) -> None:
        """Keep vectors (n, d), all of them or none."""
        rows = list(zip(keys, map(bytes, vectors.astype(np.float32)), strict=True))
        with self._lock:
            try:
                self._put(rows)
            except sqlite3.DatabaseError as error:
                self._begin_again(error)
                self._put(rows)

    def _put(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        with self._file as file:
            file.executemany("INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)", rows)
            file.execute("DELETE FROM vectors WHERE id <= (SELECT max(id) FROM vectors) - ?", (self._limit,))

    def _open(self) -> sqlite3.Connection:
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock", WAIT) if self._path else nullcontext():
            try:
                return _connect(self._path)
            except sqlite3.DatabaseError as error:
                return self._begin_again(error)

    def _begin_again(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        if self._path is None or isinstance(error, sqlite3.OperationalError):  # locked, full, not ours: not broken
            raise error
        for name in (self._path, *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm"))):
            with suppress(FileNotFoundError):
                name.unlink()
        self._file = _connect(self._path)
        return self._file


def _connect(path: Path | None) -> sqlite3.Connection:
    file = sqlite3.connect(path or ":memory:", timeout=WAIT, check_same_thread=False)
    file.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute("CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB UNIQUE, vector BLOB)")
    return file
