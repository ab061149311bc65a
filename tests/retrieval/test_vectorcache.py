"""The cache of vectors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.vectorcache import VectorCache, vector_key

ONE, TWO = vector_key("model", "document", "one"), vector_key("model", "document", "two")


def vectors(*values: float) -> np.ndarray:
    return np.array([[value, 1] for value in values], np.float32)


@pytest.mark.parametrize("file", [None, "folder/cache.sqlite"])
def test_what_was_put_is_found(tmp_path: Path, file: str | None) -> None:
    cache = VectorCache(tmp_path / file if file else None)
    cache.put([ONE, TWO], vectors(1, 2))
    assert {name: vector.tolist() for name, vector in cache.get([TWO, ONE, b"other"]).items()} == {
        ONE: [1, 1],
        TWO: [2, 1],
    }
    if file:
        assert VectorCache(tmp_path / file).get([ONE])[ONE].tolist() == [1, 1]


def test_all_that_makes_a_vector_is_in_its_key() -> None:
    assert (
        len(
            {
                ONE,
                TWO,
                vector_key("model", "query", "one"),
                vector_key("other", "document", "one"),
                vector_key("modeld", "ocument", "one"),
            }
        )
        == 5
    )


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "cache", limit=2)
    for n in range(4):
        cache.put([bytes([n])], vectors(n))
    assert sorted(cache.get([bytes([n]) for n in range(4)])) == [b"\x02", b"\x03"]


@pytest.mark.parametrize("content", [b"no database at all" * 100, "cut"])
def test_a_broken_file_is_begun_again(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "cache"
    if content == "cut":
        cache = VectorCache(path)
        for n in range(20):
            cache.put([bytes([n, i]) for i in range(100)], np.full((100, 384), n, np.float32))
        del cache  # closes the file
        content = path.read_bytes()
        content = content[:8192] + bytes(len(content) - 16384)
    assert isinstance(content, bytes)
    path.write_bytes(content)
    cache = VectorCache(path)
    cache.get([bytes([n, 1]) for n in range(20)])
    cache.put([ONE], vectors(1))
    assert cache.get([ONE])[ONE].tolist() == [1, 1]


FILL = """
import sys
from pathlib import Path
import numpy as np
from retrieval.vectorcache import VectorCache

cache, start = VectorCache(Path(sys.argv[1])), int(sys.argv[2])
for n in range(start, start + 300):
    cache.put([b"%d" % n], np.full((1, 2), n, np.float32))
"""


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path / "cache")]
    writers = [subprocess.Popen([*command, start]) for start in ("0", "200")]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(VectorCache(tmp_path / "cache").get([b"%d" % n for n in range(500)])) == 500
