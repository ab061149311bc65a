"""Answers that were computed before, on disk: found by a hash of everything that made them. Knows nothing of tasks."""

import sqlite3
import time
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock

from filelock import FileLock
from pydantic import TypeAdapter

from advisor.system import Prediction

WAIT = 60.0  # seconds for another process that is writing
AT_ONCE = 500  # keys in one query; SQLite's own limit is higher
_PREDICTION = TypeAdapter(Prediction)


class Store:
    """A SQLite file that any number of processes and threads may use at once. Only answers with a text are kept: a failure
    may pass. `computed` and `known` count the answers of this process that had to be computed, and those that were here."""

    def __init__(self, path: Path) -> None:
        self._path, self._one = path, Lock()
        self.computed = self.known = 0

    def get(self, keys: Sequence[str]) -> dict[str, Prediction]:
        """The answers known for these keys."""
        if not self._path.is_file():
            return {}
        answers: dict[str, Prediction] = {}
        with self._one:
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ", ".join("?" * len(some))
                for key, text in self._file.execute(f"SELECT key, answer FROM answers WHERE key IN ({marks})", some):
                    answers[key] = _PREDICTION.validate_json(text)
        return answers

    def put(self, key: str, answer: Prediction) -> None:
        """Keep an answer, whole or not at all."""
        if answer.text is None:
            return
        row = key, _PREDICTION.dump_json(answer).decode(), time.time()
        with self._one, self._file:
            self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def count(self, computed: int, known: int) -> None:
        """Note how many answers are computed, and how many were known."""
        self.computed, self.known = self.computed + computed, self.known + known

    @cached_property
    def _file(self) -> sqlite3.Connection:
        """The file, open as long as the store lives: opening and closing take longer than an answer."""
        file = sqlite3.connect(self._path, timeout=WAIT, check_same_thread=False)
        weakref.finalize(self, file.close)
        with FileLock(f"{self._path}.lock", WAIT):  # the journal's mode can't be set while another process writes
            file.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
            file.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing that was put
            file.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT, at REAL)")
        return file
