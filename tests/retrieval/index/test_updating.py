"""Which segments an update writes, keeps and merges."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pytest

from retrieval import Document, Index
from retrieval.index import updating


class Hashing:
    """An embedder that needs no model: a vector is a hash of its text."""

    fingerprint = "hashing"

    def __init__(self) -> None:
        self.encoded = 0

    def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        """Return unit vectors (n, 32)."""
        self.encoded += len(texts) * (not query)
        digests = b"".join(hashlib.blake2b(text.encode(), digest_size=32).digest() for text in texts)
        drawn = np.frombuffer(digests, np.uint8).reshape(-1, 32).astype(np.float32) - 127.5
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def documents(numbers: Iterable[int]) -> list[Document]:
    return [Document(str(n), f"text number {n} of word{n % 7}") for n in numbers]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "SMALL", 10)
    monkeypatch.setattr(updating, "BATCH", 7)


def sizes(index: Index) -> list[int]:
    return [len(segment.passages) for segment in index.segments]


def test_a_small_change_of_a_large_index_writes_a_small_segment() -> None:
    embedder = Hashing()
    first = Index.build(documents(range(1000)), embedder)
    second = first.update(documents(range(5, 1005)))
    assert sizes(second) == [1000, 5] and second.segments[0] is first.segments[0]
    assert embedder.encoded == 1005 and len(second.passages) == 1000


def test_many_removed_passages_are_written_away_without_encoding() -> None:
    embedder = Hashing()
    first = Index.build(documents(range(100)), embedder)
    assert sizes(first.update(documents(range(25, 100)))) == [100]
    assert sizes(first.update(documents(range(26, 100)))) == [74]
    assert sizes(first.update([])) == []
    assert embedder.encoded == 100


def test_many_updates_leave_few_segments_and_find_what_a_new_index_finds() -> None:
    embedder = Hashing()
    index = Index.build(documents(range(300)), embedder)
    rng = np.random.default_rng(0)
    for start in range(40):
        numbers = np.concatenate([np.arange(3 * start, 300), 300 + rng.permutation(6 * start + 1)])
        index = index.update(documents(numbers.tolist()))
        assert len(sizes(index)) <= 6
    new = Index.build(documents(numbers.tolist()), Hashing())
    asked = [document.text for document in documents(range(100, 400, 30))] + ["word3"]
    assert index.passages == new.passages and index.fingerprint == new.fingerprint
    assert index.search(asked, 20) == new.search(asked, 20)


def test_documents_that_come_back_or_come_twice_are_one() -> None:
    embedder = Hashing()
    index = Index.build(documents([1, 2, 1, 3]), embedder)
    assert [passage.id for passage in index.passages] == ["1", "2", "3"]
    back = index.update(documents([2, 3])).update(documents([3, 1, 2]))
    assert [passage.id for passage in back.passages] == ["3", "1", "2"]


def test_what_an_embedder_that_fails_leaves_is_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("index")

    class Failing(Hashing):
        def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
            if self.encoded >= 14:
                raise KeyboardInterrupt
            return super().__call__(texts, query=query)

    with pytest.raises(KeyboardInterrupt):
        Index.open(folder, documents(range(100)), Failing())
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []
    _, changes = Index.open(folder, documents(range(100)), Hashing())
    assert changes.added == 100 and not changes.repaired
