"""How an index is searched: stages put together as the settings say; knows each stage only as a `Search`.

What words and meaning propose is gathered once, with what speaks for it, and weighed by the settings, so that other
settings can be tried on the same candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Passage
from retrieval.ranking import Allowed, Ranking, Reranker, Search
from retrieval.search.fused import Floats, aligned, ordered, power_mean, union
from retrieval.search.letters import spelled
from retrieval.search.rerank import distinct, reranked


@dataclass(frozen=True)
class SearchSettings:
    """How to search. Plain numbers and words, so that an index saves them as JSON.

    words, letters, meaning: what BM25, likeness of spelling and the cosine are multiplied by to be log odds. BM25
        scores are nearly that already; sentence embedders are trained on 20 times the cosine.
    share: of meaning in their mean, from 0 (words and letters alone) to 1.
    candidates: passages that words and meaning each propose.
    read: passages that a reranker judges again, where one is given; reader: its share in what decides.
    distinct: leave passages out that say nearly the same as a better one.
    """

    words: float = 0.6
    letters: float = 0.15
    meaning: float = 20.0
    share: float = 0.5
    candidates: int = 100
    read: int = 20  # saved indexes hold these names: a reader is what is called a reranker now
    reader: float = 0.3
    distinct: bool = False


@dataclass(frozen=True)
class Candidates:
    """For n queries the passages proposed, ascending (n, m), -1 where a row is over, and what speaks for each (n, m)."""

    positions: NDArray[np.int64]
    words: Floats
    letters: Floats
    meaning: Floats


def searching(
    words: Search,
    meaning: Search,
    passages: Sequence[Passage],
    settings: SearchSettings,
    reranker: Reranker | None = None,
) -> Search:
    """The search through all stages that the settings ask for, over `passages` as `words` and `meaning` know them."""

    def text(position: int) -> str:
        return passages[position].titled

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        depth = max(k, settings.candidates)
        return mixed(gathered(words, meaning, passages, queries, depth, settings, allowed), settings, k)

    staged: Search = search
    if reranker is not None and settings.reader > 0:
        staged = reranked(staged, text, reranker, settings.read, settings.reader)
    return distinct(staged, text) if settings.distinct else staged


def gathered(
    words: Search,
    meaning: Search,
    passages: Sequence[Passage],
    queries: Sequence[str],
    depth: int,
    settings: SearchSettings,
    allowed: Allowed = None,
) -> Candidates:
    """The `depth` best passages by words and by meaning each; a side without weight is not asked."""
    sides = [search(queries, depth, allowed) for search, share in _sides(words, meaning, settings) if share > 0]
    positions = union(sides)
    nothing = np.zeros(positions.shape, np.float32)
    scores = iter(aligned(side, positions) for side in sides)
    by_words, by_meaning = (next(scores) if share > 0 else nothing for _, share in _sides(words, meaning, settings))
    spelling = _spelled(queries, positions, passages) if settings.share < 1 and settings.letters > 0 else nothing
    return Candidates(positions, by_words, spelling, by_meaning)


def mixed(candidates: Candidates, settings: SearchSettings, k: int) -> Ranking:
    """The `k` best candidates: words and letters as one distribution over the passages, meaning as the other."""
    by_words = settings.words * candidates.words + settings.letters * candidates.letters
    by_meaning = settings.meaning * candidates.meaning
    likely = power_mean([by_words, by_meaning], [1 - settings.share, settings.share])
    return ordered(candidates.positions, likely, k)


def _sides(words: Search, meaning: Search, settings: SearchSettings) -> tuple[tuple[Search, float], ...]:
    return (words, 1 - settings.share), (meaning, settings.share)


def _spelled(queries: Sequence[str], positions: NDArray[np.int64], passages: Sequence[Passage]) -> Floats:
    scores = np.zeros(positions.shape, np.float32)
    for row, (query, proposed) in enumerate(zip(queries, positions, strict=True)):
        there = proposed[proposed >= 0]
        scores[row, : len(there)] = spelled(query, [passages[at].worded for at in there])
    return scores
