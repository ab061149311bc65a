"""Answers that were computed before, on disk: found by a hash of everything that made them. Knows nothing of tasks."""

import json
import sqlite3
import time
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from threading import Lock

from advisor.system import Prediction, prediction_from

WAIT = 60.0  # seconds for another process that is writing
AT_ONCE = 500  # keys in one query; SQLite's own limit is higher


class Store:
    """A SQLite file that any number of processes and threads may use at once. Only answers with a text are kept: a failure
    may pass."""

    def __init__(self, path: Path) -> None:
        self._path, self._one = path, Lock()

    def get(self, keys: Sequence[str]) -> dict[str, Prediction]:
        """The answers known for these keys."""
        if not self._path.is_file():
            return {}
        found: dict[str, Prediction] = {}
        with self._one:
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ", ".join("?" * len(some))
                for key, text in self._file.execute(f"SELECT key, answer FROM answers WHERE key IN ({marks})", some):
                    found[key] = prediction_from(json.loads(text))
        return found

    def put(self, key: str, answer: Prediction) -> None:
        """Keep an answer, whole or not at all."""
        if answer.text is None:
            return
        row = key, json.dumps(asdict(answer), ensure_ascii=False), time.time()
        with self._one, self._file:
            self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    @cached_property
    def _file(self) -> sqlite3.Connection:
        """The file, open as long as the store lives: opening and closing take longer than an answer."""
        file = sqlite3.connect(self._path, timeout=WAIT, check_same_thread=False)
        weakref.finalize(self, file.close)
        file.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
        file.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing that was put
        file.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT, at REAL)")
        return file
