"""Fitting search to a task: what is tried on development questions, and what wins; knows models only as callables.

A question is judged by its right documents where it names them, else by the passages that hold an accepted answer;
where there are no questions at all, some are made from passages by a callable that the caller hands in.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import BUDGET, Passage, split
from retrieval.documents import Document
from retrieval.embedder import Embedder
from retrieval.holding import holds
from retrieval.index.index import Index
from retrieval.ranking import Allowed, Ranking, Reranker
from retrieval.search.rerank import remembered, reranked
from retrieval.search.searching import Candidates, SearchSettings, gathered, mixed
from retrieval.tune.metrics import gain, reciprocal_rank
from retrieval.tune.questions import Question
from retrieval.watching import Watch, unwatched

Basis = Literal["gold", "answers", "generated"]
Ask = Callable[[Sequence[str]], Sequence[str]]
"""For each text a question that it answers, "" where there is none: the task's model, for instance."""

DEPTH = 10  # what counts: nDCG@10, as BEIR has it
ENOUGH = 0.98  # share of what 10 passages find, with which fewer will do
MOST = 500  # questions that are looked at
MADE = 100  # questions made where there are none
FOLDS = 5
GRID = tuple(  # weights of words, letters and meaning, and meaning's share
    SearchSettings(words=words, letters=letters, meaning=meaning, share=share)
    for words, letters, meaning, share in product(
        (0.3, 0.6, 1.0, 1.5), (0.0, 0.15, 0.3), (10.0, 20.0, 40.0), (0.2, 0.35, 0.5, 0.65, 0.8)
    )
)
SHARES = (0.1, 0.2, 0.3, 0.5)  # of a reranker
HONEST = "tuned, on questions that did not choose"


@dataclass(frozen=True)
class Trial:
    """One way of searching that was tried, and its mean score from 0 to 1 (`Tuning.measure` says of what)."""

    what: str
    settings: SearchSettings
    budget: int
    score: float
    chosen: bool = False


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and everything that was tried, in the order in which it was.

    settings, budget, k: how to search, the most tokens of a passage, and how many passages to take.
    basis: what the questions were judged by; questions: how many there were.
    """

    settings: SearchSettings
    budget: int
    k: int
    basis: Basis
    questions: int
    trials: tuple[Trial, ...]

    @property
    def measure(self) -> str:
        """What the scores of the trials are."""
        return "ndcg@10" if self.basis == "gold" else "mrr@10"


@dataclass(frozen=True)
class _Judge:
    """The questions, and what was found for them among passages of one size.

    answered: whether a passage holds an answer, by the numbers of the question and the passage.
    """

    questions: Sequence[Question]
    basis: Basis
    index: Index
    candidates: Candidates
    answered: Callable[[int, int], bool]

    def scores(self, ranking: Ranking) -> NDArray[np.float64]:
        """How well each question was served."""
        return np.array([self._score(asked, row[row >= 0]) for asked, row in enumerate(ranking.positions)])

    def _score(self, asked: int, row: NDArray[np.int64]) -> float:
        if self.basis == "answers":
            right = [str(at) for at in row if self.answered(asked, int(at))]
            return reciprocal_rank([str(at) for at in row], dict.fromkeys(right, 1))
        documents = list(dict.fromkeys(self.index.passages[at].document for at in row))
        return (gain(DEPTH) if self.basis == "gold" else reciprocal_rank)(documents, self.questions[asked].right)


def tune(
    documents: Sequence[Document],
    embedder: Embedder,
    questions: Sequence[Question],
    *,
    budgets: Sequence[int] = (BUDGET,),
    reranker: Reranker | None = None,
    ask: Ask | None = None,
    watch: Watch = unwatched,
) -> Tuning:
    """Choose how to search `documents` by how well it finds what development `questions` ask for.

    Weights other than the default are taken only where they win by more than chance on questions that did not choose
    them (cross-validation).

    budgets: passage sizes to try, in tokens; each one is encoded, so each one costs time.
    reranker: tried on the best ones that the rest finds (`search.rerank`), and used only where it wins.
    ask: makes questions from passages where no question has right documents or accepted answers.
    watch: is told how far it is.

    Raises ValueError where there is nothing to judge by.
    """
    judged, basis = judgeable(documents, questions, ask)
    trials: list[Trial] = []
    best: list[tuple[Trial, _Judge]] = []
    for done, budget in enumerate(budgets):
        watch("tune search", done, len(budgets))
        judge = _judge(documents, embedder, judged, basis, budget)
        best.append((_weighed(judge, budget, trials), judge))
    chosen, judge = max(best, key=lambda pair: pair[0].score)
    if reranker is not None:
        chosen = _reranked(judge, chosen, reranker, trials, watch)
    watch("tune search", len(budgets), len(budgets))
    told = tuple(replace(one, chosen=one is chosen) for one in trials)
    return Tuning(chosen.settings, chosen.budget, _enough(judge, chosen.settings), basis, len(judged), told)


def judgeable(
    documents: Sequence[Document], questions: Sequence[Question], ask: Ask | None = None
) -> tuple[list[Question], Basis]:
    """The questions that can be judged, at most `MOST`, and by what. Raises ValueError where there are none."""
    questions = random.Random(0).sample(list(questions), min(MOST, len(questions)))
    if gold := [question for question in questions if any(grade > 0 for grade in question.right.values())]:
        return gold, "gold"
    if answered := [question for question in questions if question.accepted]:
        return answered, "answers"
    made = _made(documents, ask) if ask is not None else []
    if not made:
        raise ValueError("no question has right documents or accepted answers, and none could be made")
    return made, "generated"


def asked_about(documents: Sequence[Document]) -> list[Passage]:
    """The passages that questions are made from where there are none, at most `MADE`."""
    passages = split(documents)
    return random.Random(0).sample(passages, min(MADE, len(passages)))


def _made(documents: Sequence[Document], ask: Ask) -> list[Question]:
    some = asked_about(documents)
    asked = zip(some, ask([passage.titled for passage in some]), strict=True)
    return [Question(text, {passage.document: 1}) for passage, text in asked if text.strip()]


def _judge(
    documents: Sequence[Document], embedder: Embedder, questions: Sequence[Question], basis: Basis, budget: int
) -> _Judge:
    index = Index.build(documents, embedder, budget=budget)
    texts = [question.text for question in questions]
    settings = SearchSettings()
    candidates = gathered(index.words, index.meaning, index.passages, texts, settings.candidates, settings)

    @cache  # most settings find the same ones
    def answered(asked: int, at: int) -> bool:
        return holds(index.passages[at].titled, questions[asked].accepted)

    return _Judge(questions, basis, index, candidates, answered)


def _weighed(judge: _Judge, budget: int, trials: list[Trial]) -> Trial:
    """The best weights; the default ones unless others surely win on questions that did not choose them."""
    default = SearchSettings()
    named = {
        "default": default,
        "words alone": replace(default, share=0.0),
        "meaning alone": replace(default, share=1.0),
    }
    tried = [*named.values(), *GRID]
    each = np.stack([judge.scores(mixed(judge.candidates, settings, DEPTH)) for settings in tried])
    of_default = Trial("default", default, budget, float(each[0].mean()))
    if each.shape[1] < 2:  # one question can't both choose and judge
        trials.append(of_default)
        return of_default
    honest = _honest(each)
    of_best = Trial(HONEST, tried[int(each.mean(axis=1).argmax())], budget, float(honest.mean()))
    singles = [Trial(what, named[what], budget, float(each[at].mean())) for at, what in enumerate(named) if at]
    trials += [of_default, *singles, of_best]
    return of_best if wins(honest - each[0]) else of_default


def _honest(each: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each question gets from the way of searching that is best on questions of other folds, from what each way gives
    each question (ways, questions): the one chosen on all of them would look better than it is."""
    folds = min(FOLDS, each.shape[1])
    fold = np.random.default_rng(0).permutation(each.shape[1]) % folds
    kept = [int(each[:, fold != one].mean(axis=1).argmax()) for one in range(folds)]
    return np.array([each[kept[one], at] for at, one in enumerate(fold)])


def wins(gains: NDArray[np.float64]) -> bool:
    """Whether paired gains are more than their standard error: what was chosen must not only have been lucky."""
    return bool(len(gains) > 1 and gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))


def _reranked(judge: _Judge, weighed: Trial, reranker: Reranker, trials: list[Trial], watch: Watch) -> Trial:
    """With the best share of the reranker; none where it does not surely win on questions that did not choose the share,
    for it takes long."""

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        return mixed(judge.candidates, weighed.settings, k)

    def text(at: int) -> str:
        return judge.index.passages[at].titled

    asked = [question.text for question in judge.questions]
    remembering = remembered(reranker, watch, len(asked))
    without = judge.scores(search(asked, DEPTH))
    plain = replace(weighed, what="not read again", settings=replace(weighed.settings, reader=0.0))
    trials.append(plain)
    if len(asked) < 2:  # as above
        return plain
    tried = [replace(weighed.settings, reader=share) for share in SHARES]
    again = (reranked(search, text, remembering, settings.read, settings.reader) for settings in tried)
    each = np.stack([judge.scores(one(asked, DEPTH)) for one in again])
    shares = zip(SHARES, tried, each, strict=True)
    trials += [
        Trial(f"read again, share {share}", how, weighed.budget, float(own.mean())) for share, how, own in shares
    ]
    honest = _honest(each)
    best = tried[int(each.mean(axis=1).argmax())]
    trials.append(of_best := Trial(f"read again, {HONEST}", best, weighed.budget, float(honest.mean())))
    return of_best if wins(honest - without) else plain


def _enough(judge: _Judge, settings: SearchSettings) -> int:
    """The fewest passages that find nearly what `DEPTH` do."""
    ranking = mixed(judge.candidates, settings, DEPTH)
    shares = [float((judge.scores(_cut(ranking, k)) > 0).mean()) for k in range(1, DEPTH + 1)]
    return next(k for k, share in enumerate(shares, 1) if share >= ENOUGH * shares[-1])


def _cut(ranking: Ranking, k: int) -> Ranking:
    return Ranking(ranking.positions[:, :k], ranking.scores[:, :k])
