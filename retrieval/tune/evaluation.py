"""How well and how fast documents are found for questions whose right documents are known; decides nothing."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.documents import Document, Unreadable
from retrieval.index.index import Index
from retrieval.read.reading import read
from retrieval.search.searching import SearchSettings
from retrieval.tune.metrics import each, gain, recall, reciprocal_rank
from retrieval.tune.questions import Question, Splits, read_questions

DEPTH = 100  # passages looked at for a question
CUTS = (1, 5, 10, 100)  # of recall
TIMED = 50  # questions asked one at a time
METHODS: Mapping[str, SearchSettings] = {
    "bm25": SearchSettings(share=0, letters=0),
    "dense": SearchSettings(share=1),
    "hybrid": SearchSettings(),
}


@dataclass(frozen=True)
class Collection:
    """Documents, questions about them by split, and what is left out of the documents since it can't be read."""

    documents: tuple[Document, ...]
    splits: Splits
    left_out: tuple[Unreadable, ...] = ()

    def lost(self, split: str) -> int:
        """How many right documents of a split's questions are not among the documents; they count as not found."""
        known = {document.id for document in self.documents}
        return len({id for question in self.splits[split] for id, grade in question.right.items() if grade > 0} - known)


@dataclass(frozen=True)
class MethodScores:
    """How well one way of searching did: ratios of 1, and the milliseconds of one question asked alone, encoding included.

    ndcgs: nDCG@10 of each question, in their order.
    """

    method: str
    ndcg: float
    recall: Mapping[int, float]
    mrr: float
    p50: float
    p99: float
    ndcgs: tuple[float, ...]


def read_collection(folder: Path) -> tuple[Collection, tuple[Unreadable, ...]]:
    """Read a BEIR folder or a task's (`read_questions`), with its `corpus.jsonl`; problems are returned, never raised.

    Documents that can't be read are a problem only where none can.
    """
    documents, left_out = read(folder / "corpus.jsonl")
    splits, problems = read_questions(folder)
    if not documents:
        return Collection((), splits), (*left_out, *problems)
    return Collection(documents, splits, left_out), problems


def evaluate(index: Index, questions: Sequence[Question], method: str, settings: SearchSettings) -> MethodScores:
    """Search for all questions at once for quality, for some one at a time for speed."""
    rankings = ranked(index, [question.text for question in questions], settings)
    right = [question.right for question in questions]
    ndcgs = each(rankings, right, gain(10))
    recalls = {cut: float(np.mean(each(rankings, right, recall(cut)))) for cut in CUTS}
    milliseconds = [_milliseconds(index, question.text, settings) for question in questions[:TIMED]]
    p50, p99 = np.percentile(milliseconds, (50, 99))
    mrr = float(np.mean(each(rankings, right, reciprocal_rank)))
    return MethodScores(method, float(np.mean(ndcgs)), recalls, mrr, float(p50), float(p99), tuple(ndcgs))


def ranked(index: Index, queries: Sequence[str], settings: SearchSettings) -> list[list[str]]:
    """The ids of the documents found for each query, best first, each once."""
    rows = index.search(queries, DEPTH, settings)
    return [list(dict.fromkeys(hit.passage.document for hit in hits)) for hits in rows]


def _milliseconds(index: Index, query: str, settings: SearchSettings) -> float:
    # the embedder knows the question's vector by now: with another space it is a new text, of the same tokens
    fresh = query + " " * (1 + time.perf_counter_ns() % 1000)
    started = time.perf_counter()
    index.search([fresh], 10, settings)
    return (time.perf_counter() - started) * 1000
