"""Passages and questions to fill an index with: fifty thousand real ones, and as many as asked that are made from them."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval import Document, load_embedder, read

SENTENCE = re.compile(r"(?<=[.!?])\s+")
SHORTEST, LONGEST = 20, 400  # characters; a longer text might be split
PEER, NOISE = 0.5, 0.1  # of another passage's vector, and of random direction, in a vector that is made
VECTORS, TEXTS, ASKED = "vectors.f32", "texts.json", "asked.npy"


def real(data: Path, count: int) -> list[str]:
    """`count` different texts: documents of the tasks, their sentences, then inputs and outputs of training rows."""
    found: dict[str, None] = {}
    for text in _texts(data):
        if len(text) >= SHORTEST:
            found[text[:LONGEST]] = None
        if len(found) == count:
            return list(found)
    raise ValueError(f"only {len(found)} passages in {data}, not {count}")


def questions(data: Path, count: int) -> list[str]:
    """`count` inputs of test rows, in turn from the tasks that have documents."""
    asked = [_column(corpus.parent / "test.jsonl", "input") for corpus in sorted(data.glob("*/corpus.jsonl"))]
    mixed = dict.fromkeys(text for row in zip(*map(list, asked), strict=False) for text in row)
    return list(mixed)[:count]


def prepare(data: Path, folder: Path, base: int, count: int, asked: int) -> None:
    """Write what `Corpus` reads: vectors of `count` passages, `base` of them encoded, and those of the questions."""
    texts, queries = real(data, base), questions(data, asked)
    embedder = load_embedder(cache=folder / "encoded.sqlite")
    np.save(folder / ASKED, embedder(queries, query=True))
    (folder / TEXTS).write_text(json.dumps([texts, queries]), encoding="utf-8")
    vectors = embedder(texts)
    with (folder / VECTORS).open("wb") as file:
        for n, start in enumerate(range(0, count, base)):
            made = vectors if n == 0 else _perturbed(vectors, np.random.default_rng(n))
            file.write(made[: count - start].data)


class Corpus:
    """Documents of one passage each. From `first` on their texts and vectors are those of later numbers.

    A text is a real one with three words of another at its end.
    """

    def __init__(self, folder: Path, numbers: Sequence[int]) -> None:
        self.texts: list[str] = json.loads((folder / TEXTS).read_text(encoding="utf-8"))[0]
        self._ends = [" " + " ".join(text.split()[:3]) for text in self.texts]
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Document]:
        texts, ends, size = self.texts, self._ends, len(self.texts)
        for n in self._numbers:
            copy, i = divmod(n, size)
            yield Document(str(n), texts[i] if copy == 0 else texts[i] + ends[(i + 7919 * copy) % size])


class Stored:
    """An embedder that reads vectors from the files of `prepare`: of documents in the order in which they come."""

    fingerprint = "stored"

    def __init__(self, folder: Path, first: int = 0) -> None:
        """Start at the vector `first`."""
        vectors = np.load(folder / ASKED)
        queries = json.loads((folder / TEXTS).read_text(encoding="utf-8"))[1]
        self.queries: dict[str, NDArray[np.float32]] = dict(zip(queries, vectors, strict=True))
        self._size = vectors.shape[1]
        self._file = (folder / VECTORS).open("rb")
        self._file.seek(4 * self._size * first)

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Vectors (n, d)."""
        if query:
            return np.stack([self.queries[text] for text in texts])
        return np.fromfile(self._file, np.float32, len(texts) * self._size).reshape(len(texts), self._size)


def _perturbed(vectors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    noise = rng.standard_normal(vectors.shape, np.float32) / np.float32(np.sqrt(vectors.shape[1]))
    mixed = vectors + np.float32(PEER) * vectors[rng.permutation(len(vectors))] + np.float32(NOISE) * noise
    unit: NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit


def _texts(data: Path) -> Iterator[str]:
    documents = [document for corpus in sorted(data.glob("*/corpus.jsonl")) for document in read(corpus)[0]]
    yield from (f"{document.title}\n{document.text}".strip() for document in documents)
    yield from (sentence.strip() for document in documents for sentence in SENTENCE.split(document.text))
    for rows in sorted(data.glob("*/train.jsonl")):
        for name in ("input", "output"):
            yield from _column(rows, name)
    for rows in sorted(data.glob("*/train.jsonl")):
        for line in rows.read_text(encoding="utf-8").splitlines():
            yield from json.loads(line).get("accepted", ())


def _column(rows: Path, name: str) -> Iterator[str]:
    for line in rows.read_text(encoding="utf-8").splitlines():
        yield str(json.loads(line)[name])
