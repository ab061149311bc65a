"""Fitting search to a task: what is tried on development questions, and what wins; knows models only as callables.

A question is judged by its right documents where it names them, else by the passages that hold an accepted answer;
where there are no questions at all, some are made from passages by a callable that the caller hands in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from retrieval.chunking import Passage, split
from retrieval.documents import Document
from retrieval.embedder import Embedder
from retrieval.index import Hit, Index
from retrieval.metrics import each, gain, reciprocal_rank
from retrieval.questions import Question
from retrieval.rerank import Reader
from retrieval.searching import SearchSettings

Basis = Literal["gold", "answers", "generated"]
Ask = Callable[[Sequence[str]], Sequence[str]]
"""A question for each text that the text answers, "" where there is none: the task's model, for instance."""

DEPTH = 10  # documents that count: nDCG@10, as BEIR has it
ENOUGH = 0.98  # share of what 10 passages find that fewer must find to do
GENERATED = 100  # questions made where there are none


@dataclass(frozen=True)
class Trial:
    """One way of searching that was tried: `score` is the mean over the questions, from 0 to 1 (see `Tuning.measure`)."""

    what: str
    settings: SearchSettings
    budget: int
    score: float
    chosen: bool = False


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and everything that was tried.

    settings, budget, k: how to search, the most tokens of a passage, and how many passages to take.
    basis: what the questions were judged by. measure: "ndcg@10" where documents are graded, else "mrr".
    """

    settings: SearchSettings
    budget: int
    k: int
    basis: Basis
    questions: int
    trials: tuple[Trial, ...]

    @property
    def measure(self) -> str:
        """The name of what the trials' scores are."""
        return "mrr" if self.basis == "answers" else "ndcg@10"


def tune(
    documents: Sequence[Document],
    embedder: Embedder,
    questions: Sequence[Question],
    *,
    budgets: Sequence[int] = (160,),
    reader: Reader | None = None,
    ask: Ask | None = None,
    watch: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Tuning:
    """Choose how to search `documents` by how well it finds what development `questions` ask for.

    budgets: passage sizes to try, in tokens; each one is encoded, so each one costs time.
    reader: tried on the best ones that the rest finds (`retrieval.rerank`), and used only where it wins.
    ask: makes questions from passages where no question has right documents or accepted answers.
    watch: is told what is being done, how much of it is done and how much there is.

    Raises ValueError where there is nothing to judge by.
    """
    raise NotImplementedError
