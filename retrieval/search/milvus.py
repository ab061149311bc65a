"""The vectors of a segment in Milvus: a Milvus Lite file on this machine, or a server; the client is the same.

Each segment is a collection of its own, so that one is added or removed whole.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking
from retrieval.search.vectors import Matrix, Raw, Vectors

if TYPE_CHECKING:  # an extra: it may not be installed
    from pymilvus import MilvusClient

FILE = "milvus.json"
MOST = 16_384  # results of one query: Milvus gives no more


class MilvusUnavailable(Exception):
    """Milvus was asked for, and its client is not installed, or its server not there or not willing."""


class Milvus:
    """Vectors behind a Milvus client.

    where: the path of a Milvus Lite file (ending in `.db`), or an address such as `http://host:19530`.
    """

    def __init__(self, where: str) -> None:
        self.name = where
        self.client = _connect(where)

    def write(self, folder: Path, raw: Raw) -> None:
        """Make the collection; its name is written down first, so that what was left half-made can be removed."""
        name = f"segment_{uuid4().hex}"
        (folder / FILE).write_text(json.dumps({"collection": name, "rows": len(raw)}), encoding="utf-8")
        with _told(self.name):
            self._fill(name, raw)

    def _fill(self, name: str, raw: Raw) -> None:
        if not len(raw):
            return
        self.client.create_collection(
            name, dimension=raw.dimensions, metric_type="IP", id_type="int", auto_id=False, consistency_level="Strong"
        )
        at = 0
        for batch in raw.batches():
            for part in np.array_split(batch, -(-len(batch) // 4096)):  # a message holds 64 MB
                rows = [{"id": at + i, "vector": vector} for i, vector in enumerate(part)]
                self.client.insert(name, rows)
                at += len(part)
        self.client.flush(name)

    def open(self, folder: Path) -> Vectors:
        """Load the collection that the segment names."""
        named = json.loads((folder / FILE).read_text(encoding="utf-8"))
        name, rows = str(named["collection"]), int(named["rows"])
        with _told(self.name):
            if rows and not self.client.has_collection(name):
                raise ValueError(f"the collection '{name}' is not in '{self.name}'")
            if rows:
                self.client.load_collection(name)
        return MilvusVectors(self.client, self.name, name, rows)

    def remove(self, folder: Path) -> None:
        """Drop the collection."""
        if (folder / FILE).is_file():
            with _told(self.name):
                self.client.drop_collection(json.loads((folder / FILE).read_text(encoding="utf-8"))["collection"])


@dataclass(frozen=True)
class MilvusVectors:
    """A Milvus collection behind the protocol."""

    client: "MilvusClient"
    where: str
    collection: str
    rows: int

    def __len__(self) -> int:
        return self.rows

    def search(self, queries: Matrix, k: int, allowed: Allowed = None) -> Ranking:
        """As the protocol says; Milvus is told which rows it may find, as a list of those or of the others."""
        only = ""  # written out: Milvus Lite knows no filter templates
        if allowed is not None:
            most = allowed.mean() > 0.5
            only = f"id {'not in' if most else 'in'} {np.flatnonzero(allowed != most).tolist()}"
        with _told(self.where):
            answer = self.client.search(self.collection, data=list(queries), limit=min(k, MOST), filter=only)
        return _ranking(answer, k)

    def get(self, rows: NDArray[np.int64]) -> Matrix:
        """As the protocol says."""
        vectors: dict[int, Sequence[float]] = {}
        with _told(self.where):
            for part in np.array_split(rows, -(-len(rows) // 1000)):
                for row in self.client.get(self.collection, ids=part.tolist(), output_fields=["vector"]):
                    vectors[row["id"]] = row["vector"]
        return np.array([vectors[row] for row in rows.tolist()], np.float32)


def _ranking(answer: Sequence[Sequence[dict[str, Any]]], k: int) -> Ranking:
    rows = np.full((len(answer), k), -1, np.int64)
    scores = np.full((len(answer), k), -np.inf, np.float32)
    for i, hits in enumerate(answer):
        rows[i, : len(hits)] = [hit["id"] for hit in hits]
        scores[i, : len(hits)] = [hit["distance"] for hit in hits]
    return Ranking(rows, scores)


def _connect(where: str) -> "MilvusClient":
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise MilvusUnavailable("Milvus needs its client: pip install 'advisor[milvus]'") from error
    with _told(where):
        return MilvusClient(where)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Say where it was that the client failed."""
    from pymilvus import MilvusException

    try:
        yield
    except MilvusException as error:
        raise MilvusUnavailable(f"no Milvus at '{where}' ({error.message}): check that it runs and answers") from error
