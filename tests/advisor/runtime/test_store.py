import multiprocessing
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from advisor.runtime.store import Store
from advisor.system import Prediction, Usage

ANSWER = Prediction("Lyon", passages=("d1#0",), scores={"Lyon": 0.5}, usage=Usage(3, 1, 0.2))


def test_what_was_put_is_found_again_and_nothing_else(tmp_path: Path):
    store = Store(tmp_path / "answers.sqlite")
    assert store.get(["a"]) == {}
    store.put("a", ANSWER)
    assert Store(tmp_path / "answers.sqlite").get(["a", "b"]) == {"a": ANSWER}


def test_a_failure_is_not_kept(tmp_path: Path):
    store = Store(tmp_path / "answers.sqlite")
    store.put("a", Prediction(None, "the server was busy"))
    assert store.get(["a"]) == {}


def test_more_keys_than_fit_one_query_are_all_found(tmp_path: Path):
    store = Store(tmp_path / "answers.sqlite")
    for i in (0, 700, 1200):
        store.put(str(i), ANSWER)
    assert set(store.get([str(i) for i in range(1201)])) == {"0", "700", "1200"}


def write(path: Path, name: str) -> None:
    store = Store(path)
    for i in range(40):
        store.put(f"{name}{i}", ANSWER)


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path):
    path = tmp_path / "answers.sqlite"
    start = multiprocessing.get_context("spawn").Process
    both = [start(target=write, args=(path, name)) for name in "ab"]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert len(Store(path).get([f"{name}{i}" for name in "ab" for i in range(40)])) == 80


def test_threads_share_a_store(tmp_path: Path):
    store = Store(tmp_path / "answers.sqlite")
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def use(name: str) -> int:
        for i in range(300):
            store.put(f"{name}{i}", ANSWER)
        return len(store.get([f"{name}{i}" for i in range(300)]))

    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(use, "abcdefgh")) == [300] * 8
    finally:
        sys.setswitchinterval(usual)


def write_and_die(path: Path) -> None:
    write(path, "a")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_loses_nothing_that_was_put(tmp_path: Path):
    path = tmp_path / "answers.sqlite"
    process = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    store = Store(path)
    assert len(store.get([f"a{i}" for i in range(40)])) == 40
    store.put("b", ANSWER)
    assert store.get(["b"]) == {"b": ANSWER}


def test_the_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[Path] = []
    plain: Callable[..., sqlite3.Connection] = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **how: opened.append(path) or plain(path, **how))
    write(tmp_path / "answers.sqlite", "a")
    assert len(opened) == 1
