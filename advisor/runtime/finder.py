"""The documents of a run, indexed and searched: what a context shows beside an example. Owns the index, knows no model."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import retrieval
from advisor.errors import CannotError, OutsideError
from advisor.system import PASSAGES, Context
from advisor.task import Example, Retrieval
from retrieval.chunking import BUDGET, Passage, split
from retrieval.ranking import Reranker
from retrieval.watching import Watch

TIMED, TYPICAL = 32, 700  # passages that are timed, and their characters
FOUND = 25  # passages found for a query, however few are shown, so that it is searched and read again once
MOST = 5  # passages shown, where the task does not say how many: each is read with every request
VECTORS = "vectors.sqlite"  # beside the runs: what one has encoded no other encodes again


class Finder:
    """Finds passages for one run folder.

    documents: what is searched; without any, the index in the run's artifact is. how: what the task says of searching.
    """

    changes = ""  # what became of the index when it was opened, in words

    def __init__(self, folder: Path, documents: Sequence[retrieval.Document], how: Retrieval, watch: Watch) -> None:
        self.folder, self.how, self.watch = folder, how, watch
        self.settings: retrieval.SearchSettings | None = None
        self.reader: Callable[[], Reranker | None] = lambda: None
        self.k, self.budget = how.k or PASSAGES, BUDGET
        self._documents = tuple(documents)
        self._fitted: Path | None = None
        self._found: dict[str, list[Passage]] = {}

    @cached_property
    def embedder(self) -> retrieval.Embedder:
        """The one embedder of the process, unless one was fitted to the documents."""
        return self.load(self.how.embedder)

    @cached_property
    def searched_by(self) -> retrieval.Embedder:
        """The embedder that the documents are searched with."""
        taken = self.folder / "artifact" / "embedder"
        fitted = self._fitted if self._documents else taken if taken.is_dir() else None
        return self.load(str(fitted)) if fitted else self.embedder

    def pieces(self) -> int:
        """How many passages the documents make."""
        return len(split(self._documents))

    @cached_property
    def rate(self) -> float:
        """Passages that are encoded in a second, from one short timing."""
        texts = [f"{document.title} {document.text}"[:TYPICAL] for document in self._documents[:TIMED]]
        self.embedder(texts[:1])  # loaded
        since = time.perf_counter()
        self.embedder([f"{time.time_ns()} {text}" for text in texts])  # such as no cache knows
        return len(texts) / (time.perf_counter() - since)

    def load(self, name: str) -> retrieval.Embedder:
        """An embedder by name or folder. Raises OutsideError."""
        try:
            return retrieval.load_embedder(name, self.folder.parent / VECTORS)
        except retrieval.EmbedderUnavailable as error:
            raise OutsideError(str(error)) from error

    @cached_property
    def index(self) -> retrieval.Index:
        """The index over the documents, built, updated or repaired as it needs; without documents that of the artifact.

        Raises CannotError for an artifact that does not fit its embedder, OutsideError where Milvus can't be had.
        """
        try:
            if not self._documents:
                return retrieval.Index.load(self.folder / "artifact" / "index", self.searched_by)
            return self._opened(self.folder / ("index" if self._fitted is None else "fitted-index"))
        except retrieval.IndexMismatch as error:
            raise CannotError(str(error)) from error
        except retrieval.MilvusUnavailable as error:
            raise OutsideError(str(error)) from error

    def _opened(self, folder: Path) -> retrieval.Index:
        """The index in the run folder; one that another embedder made is no loss, and built again."""
        how: dict[str, Any] = {
            "settings": self.settings,
            "vectors": self._where,
            "watch": self.watch,
            "budget": self.budget,
        }
        try:
            index, changes = retrieval.Index.open(folder, self._documents, self.searched_by, **how)
        except retrieval.IndexMismatch:
            shutil.rmtree(folder)
            index, changes = retrieval.Index.open(folder, self._documents, self.searched_by, **how)
        self.changes = str(changes)
        return index

    @property
    def _where(self) -> str:
        return str(self.folder / self.how.index) if self.how.index.endswith(".db") else self.how.index

    def use(
        self, settings: retrieval.SearchSettings, k: int = PASSAGES, budget: int = BUDGET, fitted: Path | None = None
    ) -> None:
        """Search in this way from now on, among passages of at most `budget` tokens, with the embedder in the folder
        `fitted` where there is one; show `k` passages, unless the task says how many."""
        self.settings, self.k, self.budget, self._fitted = settings, self.how.k or min(k, MOST), budget, fitted
        for name in ("index", "searched_by", "_by_document"):
            self.__dict__.pop(name, None)
        self._found.clear()

    def save(self, artifact: Path) -> None:
        """Put what finding passages takes into the folder of an artifact."""
        self.index.save(artifact / "index")
        if self._fitted:
            shutil.copytree(self._fitted, artifact / "embedder", dirs_exist_ok=True)

    def passages(self, context: Context, examples: Sequence[Example]) -> list[list[Passage]]:
        """What a context shows beside each example."""
        if context.kind in ("none", "all"):
            shown = list(self.index.passages) if context.kind == "all" else []
            return [shown for _ in examples]
        found = self.search([example.input for example in examples], context.k)
        if context.kind == "retrieved":
            return found
        return [self.oracle(e, context.k) or row for e, row in zip(examples, found, strict=True)]

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """The `k` best passages for each query, `FOUND` at most; each query is searched once."""
        new = [query for query in dict.fromkeys(queries) if query not in self._found]
        found = self.index.search(new, FOUND, reranker=self._watched(len(new))) if new else []
        for query, hits in zip(new, found, strict=True):
            self._found[query] = [hit.passage for hit in hits]
        return [self._found[query][:k] for query in queries]

    def _watched(self, total: int) -> Reranker | None:
        """The reader, saying for how many of `total` queries it has read."""
        reader, done = self.reader(), count(1)
        if reader is None:
            return None

        def read(query: str, texts: Sequence[str]) -> Sequence[float]:
            scores = reader(query, texts)
            self.watch("read again what was found", next(done), total)
            return scores

        return read

    def support(self, examples: Sequence[Example], passages: Sequence[Sequence[Passage]]) -> list[float]:
        """The cosine of each example's input with the nearest of its passages, -1 where it has none."""
        asked = self.searched_by([example.input for example in examples], query=True)
        shown = [self.searched_by([passage.titled for passage in some]) for some in passages]
        return [float((near @ one).max(initial=-1.0)) for one, near in zip(asked, shown, strict=True)]

    def oracle(self, example: Example, k: int) -> list[Passage]:
        """Passages of the documents that hold the answer; those in which it stands word for word first."""
        wanted = [answer.lower() for answer in example.answers if answer]

        def holds(passage: Passage) -> bool:
            return any(answer in passage.text.lower() for answer in wanted)

        if example.gold:
            named = [passage for document in example.gold for passage in self._by_document.get(document, ())]
            return sorted(named, key=lambda passage: not holds(passage))[:k]
        return [passage for passage in self.index.passages if holds(passage)][:k]

    @cached_property
    def _by_document(self) -> Mapping[str, Sequence[Passage]]:
        grouped: dict[str, list[Passage]] = {}
        for passage in self.index.passages:
            grouped.setdefault(passage.document, []).append(passage)
        return grouped
