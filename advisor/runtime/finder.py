"""The documents of a run, indexed and searched: what a context shows beside an example. Owns the index, knows no model."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import retrieval
from advisor import runfolder
from advisor.errors import CannotError, InputError, OutsideError, Problem
from advisor.system import PASSAGES, Context
from advisor.task import Example, Retrieval
from retrieval.chunking import BUDGET, Passage
from retrieval.holding import holder, holds
from retrieval.ranking import Reranker
from retrieval.search.rerank import remembered
from retrieval.search.searching import SearchSettings
from retrieval.watching import Watch, unwatched

LEAST_FOUND = 25  # passages found for a query, however few are shown, so that it is searched and read again once
MOST_SHOWN = 5  # passages, where the task does not say how many: each is read with every request
FITTED = "embedder"  # in an artifact, where one was fitted
VECTORS = "vectors.sqlite"  # beside the runs: what one has encoded no other encodes again


@dataclass(frozen=True)
class Tried:
    """One way of searching and its score, 0 to 1."""

    what: str
    score: float
    chosen: bool


@dataclass(frozen=True)
class Fitted:
    """An embedder fitted to the task: on how many `pairs`, in which `folder` beside the runs, its score before and after,
    whether it was `kept`, and how to search with it."""

    pairs: int
    folder: str
    before: float
    after: float
    kept: bool
    settings: SearchSettings
    k: int
    seconds: float


@dataclass(frozen=True)
class Search:
    """How documents are searched: with which settings, how many passages are shown, and of how many tokens each.

    `by`: by what it was chosen, in words, or why nothing could be; `measure`, on so many `questions`, with all `trials`.
    """

    settings: SearchSettings = field(default_factory=SearchSettings)
    k: int = PASSAGES
    passage_tokens: int = BUDGET
    by: str = ""
    questions: int = 0
    measure: str = ""
    trials: tuple[Tried, ...] = ()
    embedder: Fitted | None = None

    @property
    def kept(self) -> Fitted | None:
        """The fitted embedder, where it was kept."""
        return self.embedder if self.embedder and self.embedder.kept else None


class LazyEmbedder:
    """An embedder by name or folder that is loaded when it is first needed. Raises OutsideError where there is none."""

    def __init__(self, name: str, runs: Path) -> None:
        self._name, self._runs = name, runs

    @cached_property
    def _loaded(self) -> retrieval.Embedder:
        try:
            return retrieval.load_embedder(self._name, self._runs / VECTORS)
        except retrieval.EmbedderUnavailable as error:
            raise OutsideError(str(error)) from error

    @property
    def fingerprint(self) -> str:
        """As the protocol says."""
        return self._loaded.fingerprint

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """As the protocol says."""
        return self._loaded(texts, query=query)


@dataclass(frozen=True, eq=False)
class Finder:
    """Finds passages in an index that `opening` gives, with what became of it in words, when it is first needed.

    `embedder`: what the index is searched with. `k`: passages shown. `fitted`: the embedder's folder, where it was fitted
    to the documents. `astray`: each example is shown what was found for another.
    """

    opening: Callable[[], tuple[retrieval.Index, str]]
    embedder: retrieval.Embedder
    k: int = PASSAGES
    reranker: Reranker | None = None
    watch: Watch = unwatched
    fitted: Path | None = None
    astray: bool = False
    _passages: dict[str, list[Passage]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _opened(self) -> tuple[retrieval.Index, str]:
        """Raises CannotError for an index that does not fit its embedder, OutsideError where Milvus can't be had."""
        try:
            return self.opening()
        except retrieval.IndexMismatch as error:
            raise CannotError(str(error)) from error
        except retrieval.MilvusUnavailable as error:
            raise OutsideError(str(error)) from error

    @property
    def index(self) -> retrieval.Index:
        """The index, opened when it is first needed."""
        return self._opened[0]

    @property
    def depth(self) -> int:
        """Passages found for a query: twice as many as are shown, so that enough are left without those that hold an
        answer."""
        return max(LEAST_FOUND, 2 * self.k)

    @property
    def changes(self) -> str:
        """What became of the index when it was opened, in words; "" before that."""
        return self._opened[1] if "_opened" in vars(self) else ""

    def save(self, artifact: Path) -> None:
        """Put what finding passages takes into the folder of an artifact, which holds nothing yet."""
        self.index.save(artifact / "index")
        if self.fitted:
            shutil.copytree(self.fitted, artifact / FITTED)

    def passages(self, context: Context, examples: Sequence[Example]) -> list[list[Passage]]:
        """What a context shows beside each example."""
        if context.kind in ("none", "all"):
            shown = list(self.index.passages) if context.kind == "all" else []
            return [shown for _ in examples]
        nearest = self.search([example.input for example in examples], context.k)
        if self.astray:
            half = len(nearest) // 2
            return nearest[half:] + nearest[:half]
        if context.kind == "retrieved":
            return nearest
        return [self.oracle(e, context.k) or row for e, row in zip(examples, nearest, strict=True)]

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """The `k` best passages for each query; each query is searched once, where `k` is no more than `depth`."""
        there = min(k, len(self.index.passages))
        new = [query for query in dict.fromkeys(queries) if len(self._passages.get(query, ())) < there]
        reranker = remembered(self.reranker, self.watch, len(new)) if self.reranker else None
        hits = self.index.search(new, max(k, self.depth), reranker=reranker) if new else []
        for query, row in zip(new, hits, strict=True):
            self._passages[query] = [hit.passage for hit in row]
        return [self._passages[query][:k] for query in queries]

    def support(self, examples: Sequence[Example], passages: Sequence[Sequence[Passage]]) -> list[float]:
        """The cosine of each example's input with the nearest of its passages, -1 where it has none."""
        asked = self.embedder([example.input for example in examples], query=True)
        shown = [self.embedder([passage.titled for passage in some]) for some in passages]
        return [float((near @ one).max(initial=-1.0)) for one, near in zip(asked, shown, strict=True)]

    def oracle(self, example: Example, k: int) -> list[Passage]:
        """Passages of the documents that the example names, those in which an answer stands first; where it names none,
        passages in which one stands."""
        if example.gold:
            named = [passage for document in example.gold for passage in self.index.passages.of(document)]
            return sorted(named, key=lambda passage: not holds(passage.titled, example.answers))[:k]
        held = (passage for passage, stands in self._holders if stands(example.answers))
        return list(islice(held, k))

    @cached_property
    def _holders(self) -> Sequence[tuple[Passage, Callable[[Sequence[str]], bool]]]:
        """Every passage with what says whether it holds an answer."""
        return [(passage, holder(passage.titled)) for passage in self.index.passages]


def over_documents(
    documents: Sequence[retrieval.Document],
    folder: Path,
    how: Retrieval,
    search: Search,
    embedder: retrieval.Embedder,
    reranker: Reranker | None = None,
    watch: Watch = unwatched,
) -> Finder:
    """A finder whose index lies in a run folder, built, updated or repaired as the documents need.

    Raises InputError where the search names a fitted embedder that is gone.
    """
    fitted = runfolder.within(folder.parent, search.kept.folder) if search.kept else None
    if fitted and not fitted.is_dir():
        raise InputError(Problem("the embedder that was fitted is gone", fitted, do="Run again with --fresh"))
    chosen = search.kept or search
    searched_by = LazyEmbedder(str(fitted), folder.parent) if fitted else embedder
    place = folder / ("fitted-index" if fitted else "index")
    where = _vectors(how, folder)

    def opened() -> tuple[retrieval.Index, str]:
        index, changes = retrieval.Index.open(
            place, documents, searched_by, chosen.settings, where, watch, search.passage_tokens
        )
        return index, str(changes)

    def opening() -> tuple[retrieval.Index, str]:
        try:
            return opened()
        except retrieval.IndexMismatch:  # one that another embedder made is no loss
            shutil.rmtree(place)
            return opened()

    return Finder(opening, searched_by, how.k or min(chosen.k, MOST_SHOWN), reranker, watch, fitted)


def of_artifact(
    artifact: Path, how: Retrieval, embedder: retrieval.Embedder, reranker: Reranker | None, watch: Watch
) -> Finder:
    """A finder over the index that an artifact holds, with the fitted embedder if there is one beside it.

    Its vectors are where the task says, wherever the index itself says that they are.
    """
    fitted, folder = artifact / FITTED, artifact.parent
    searched_by = LazyEmbedder(str(fitted), folder.parent) if fitted.is_dir() else embedder

    def opening() -> tuple[retrieval.Index, str]:
        return retrieval.Index.load(artifact / "index", searched_by, _vectors(how, folder)), ""

    return Finder(opening, searched_by, 0, reranker, watch)


def _vectors(how: Retrieval, folder: Path) -> str:
    """Where the vectors of the run in `folder` lie: a file of Milvus Lite lies in it."""
    return str(folder / how.index) if how.index.endswith(".db") else how.index
