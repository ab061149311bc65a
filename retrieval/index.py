"""The index of passages that is built, searched, saved and loaded; knows an embedder only as something to call."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from retrieval.chunking import Passage, split
from retrieval.dense import dense, flat
from retrieval.documents import Document
from retrieval.embedder import Embedder
from retrieval.rerank import Reader
from retrieval.searching import SearchSettings, matching, searching, seen, worded
from retrieval.sparse import sparse

PASSAGES, VECTORS, META = "passages.jsonl", "vectors.faiss", "meta.json"


class IndexMismatch(ValueError):
    """A saved index that cannot be used: of another embedder, or damaged."""


@dataclass(frozen=True)
class Hit:
    """A passage found; the score is a probability-like share from 0 to 1, to compare within one query only."""

    passage: Passage
    score: float


class Index:
    """Passages searched by words (BM25) and by meaning (vectors), fused. Make one with `build` or `load`."""

    def __init__(
        self, passages: Sequence[Passage], vectors: Any, embedder: Embedder, settings: SearchSettings | None = None
    ) -> None:
        """Put together what `build` and `load` have: passages and a FAISS index of their vectors, in the same order."""
        self.passages = tuple(passages)
        self.settings = settings or SearchSettings()
        self._vectors = vectors
        self._embedder = embedder.fingerprint
        # words are indexed again at load: it takes a tenth of a second for 5,500 short passages
        self._words = sparse([worded(passage) for passage in passages])
        self._meaning = dense(vectors, embedder)

    @classmethod
    def build(cls, documents: Iterable[Document], embedder: Embedder, settings: SearchSettings | None = None) -> Self:
        """Split `documents` into passages and index them; `settings` say how the index is searched by default."""
        passages = split(documents)
        return cls(passages, flat(embedder([seen(passage) for passage in passages])), embedder, settings)

    @property
    def fingerprint(self) -> str:
        """A hash of the passages and the embedder: equal ones find the same."""
        return hashlib.sha256(_lines(self.passages) + self._embedder.encode()).hexdigest()[:16]

    def search(
        self,
        queries: Sequence[str],
        k: int,
        settings: SearchSettings | None = None,
        where: Mapping[str, str] | None = None,
        reader: Reader | None = None,
    ) -> list[list[Hit]]:
        """The `k` best passages for each query, best first, equal ones in the order of the documents.

        Several may be of one document; there are fewer than `k` only where the index holds fewer.

        settings: how to search; by default as the index was told when it was built.
        where: only passages with these facts (`matching`).
        reader: judges the best ones again, as the settings say: a `cross_encoder`, or the task's own model.
        """
        k = min(k, len(self.passages))
        if k < 1 or not queries:
            return [[] for _ in queries]
        allowed = matching(self.passages, where) if where else None
        search = searching(self._words, self._meaning, self.passages, settings or self.settings, reader)
        found = search(queries, k, allowed)
        return [
            [Hit(self.passages[at], float(score)) for at, score in zip(row, scores, strict=True) if at >= 0]
            for row, scores in zip(found.positions, found.scores, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the index to `folder`, in the place of what was there: whole or, if it fails, not at all."""
        import faiss

        files = {PASSAGES: _lines(self.passages), VECTORS: faiss.serialize_index(self._vectors).tobytes()}
        meta = {
            "embedder": self._embedder,
            "fingerprint": self.fingerprint,
            "settings": asdict(self.settings),
            "sha256": _hashes(files),
        }
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial, old = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "old"))
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir()
        for name, content in (files | {META: json.dumps(meta, indent=1).encode()}).items():
            (partial / name).write_bytes(content)
        if folder.exists():
            os.replace(folder, old)  # a folder cannot be renamed over one that has files
        os.replace(partial, folder)
        shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> Self:
        """Read what `save` wrote.

        Raises `IndexMismatch` if another embedder made its vectors or its files are missing or changed.
        """
        import faiss
        import numpy as np

        try:
            meta = json.loads((folder / META).read_bytes())
            files = {name: (folder / name).read_bytes() for name in (PASSAGES, VECTORS)}
            sound, made_by = meta["sha256"] == _hashes(files), meta["embedder"]
            settings = SearchSettings(**meta["settings"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise IndexMismatch(f"no whole index in '{folder}' ({error}): build it again") from error
        if not sound:
            raise IndexMismatch(f"the index in '{folder}' was changed after it was written: build it again")
        if made_by != embedder.fingerprint:
            raise IndexMismatch(
                f"the index in '{folder}' was made by another embedder ({made_by}, not {embedder.fingerprint}): "
                "load the embedder that made it, or build the index again"
            )
        passages = [Passage(**json.loads(line)) for line in files[PASSAGES].splitlines()]
        return cls(passages, faiss.deserialize_index(np.frombuffer(files[VECTORS], np.uint8)), embedder, settings)


def _lines(passages: Sequence[Passage]) -> bytes:
    return "".join(json.dumps(asdict(passage), ensure_ascii=False) + "\n" for passage in passages).encode()


def _hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
