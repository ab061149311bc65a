"""What several tests of this room need: a task of its own documents, an embedder without weights, a model that looks up."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.runtime.bench import Bench, Purse
from advisor.runtime.finder import Search, over_documents
from advisor.runtime.runtime import Runtime
from advisor.runtime.store import Store
from advisor.score.metrics import resolve
from advisor.system import Prediction, Request, Usage
from advisor.task import Example, Split, Task
from retrieval import Document
from trainers import Speed

ASKED = {
    "train": "Say where sleeps",
    "choose": "And where sleeps",
    "compare": "Where sleeps",
    "test": "So where sleeps",
}
ANIMALS = ("otter", "badger", "heron", "marten", "lynx", "plover", "stoat", "curlew", "adder", "weasel")


class Words:
    """An embedder by words alone: the cosine of two texts is about the share of words that they have in common."""

    fingerprint = "words"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        made = np.zeros((len(texts), 512), np.float32)
        for row, text in zip(made, texts, strict=True):
            for word in text.lower().replace("?", "").replace(".", "").split():
                row[zlib.crc32(word.encode()) % 512] += 1
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


class Reader:
    """A model that gives the last word of the first passage that it is shown, and notes what it is asked."""

    name = "reader"
    can = frozenset({"generate"})
    fingerprint = "reader"
    context = 4000

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request)
            shown = [line for line in request.turns[-1].text.splitlines() if line.startswith("[1]")]
            yield i, Prediction(shown[0].split()[-1].strip(".") if shown else "?", usage=Usage(10, 2))

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        return [range(len(requests))]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def measure(self) -> Speed:
        return Speed(1000.0, 100.0, 100.0)


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of the test's own: nobody has agreed to anything."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("ADVISOR_CONFIG", str(folder))
    return folder


@pytest.fixture
def zoo() -> Task:
    """Where each animal sleeps: ten documents, and four questions about each, one for each side of the split."""
    documents = tuple(Document(name, f"The {name} sleeps in burrow{i}.") for i, name in enumerate(ANIMALS))
    train, choose, compare, test = (
        tuple(
            Example(f"{name}, {side}", f"{asked} the {name}?", f"burrow{i}", gold=(name,))
            for i, name in enumerate(ANIMALS)
        )
        for side, asked in ASKED.items()
    )
    split = Split(train, choose, compare, test)
    return Task("zoo", Path(), metric="exact_match", split=split, documents=documents)


@pytest.fixture
def keeper(zoo: Task, tmp_path: Path) -> Runtime:
    """A runtime for that task."""
    folder = tmp_path / "runs" / "zoo"
    folder.mkdir(parents=True)
    finder = over_documents(zoo.documents, folder, zoo.retrieval, Search(), Words())
    return Runtime(Reader(), folder, Store(folder.parent / "answers.sqlite"), Words(), finder, zoo.split.train)


@pytest.fixture
def purse() -> Purse:
    """What a budget buys for that task, with room for all of its documents in a prompt."""
    return Purse(10, 10, short=0, rows=0, epochs=0, max_tokens=8, speed=Speed(1000.0, 100.0, 100.0), room=500)


@pytest.fixture
def bench(zoo: Task, keeper: Runtime, purse: Purse) -> Bench:
    """The task with all that it takes to measure on it."""
    return Bench(zoo, keeper, resolve("exact_match"), purse, seed=0)
