"""How an index is searched: stages put together as the settings say; knows each stage only as a `Search`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Passage
from retrieval.fused import aligned, mixture, ordered, union
from retrieval.letters import spelled
from retrieval.ranking import Allowed, Ranking, Search
from retrieval.rerank import Reader, distinct, reranked

TITLE = 3  # times that words see a title: it says what a passage is about in few words


@dataclass(frozen=True)
class SearchSettings:
    """How to search. Plain numbers and words, so that an index saves them as JSON.

    words, letters, meaning: what BM25, likeness of spelling and the cosine are multiplied by to be log odds. BM25
        scores are nearly that already; sentence embedders are trained on 20 times the cosine.
    share: of meaning in the mixture, from 0 (words and letters alone) to 1.
    candidates: passages that words and meaning each propose.
    read: passages that a reader judges again, where one is given; reader: the share of its order in the final one.
    distinct: leave passages out that say nearly the same as a better one.
    """

    words: float = 0.6
    letters: float = 0.15
    meaning: float = 20.0
    share: float = 0.5
    candidates: int = 100
    read: int = 20
    reader: float = 0.5
    distinct: bool = False


def searching(
    words: Search,
    meaning: Search,
    passages: Sequence[Passage],
    settings: SearchSettings,
    reader: Reader | None = None,
) -> Search:
    """The search through all stages that the settings ask for, over `passages` as `words` and `meaning` know them."""
    search = fused(words, meaning, passages, settings)
    if reader is not None and settings.reader > 0:
        search = reranked(search, lambda at: seen(passages[at]), reader, settings.read, settings.reader)
    return distinct(search, lambda at: seen(passages[at])) if settings.distinct else search


def fused(words: Search, meaning: Search, passages: Sequence[Passage], settings: SearchSettings) -> Search:
    """The search that mixes what words and letters say of a passage with what meaning says."""

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        depth = max(k, settings.candidates)
        proposed = {
            stage: stage(queries, depth, allowed)
            for stage, share in ((words, 1 - settings.share), (meaning, settings.share))
            if share > 0
        }
        positions = union(list(proposed.values()))
        sides = {stage: aligned(ranking, positions) for stage, ranking in proposed.items()}
        if words in sides:
            sides[words] = settings.words * sides[words] + settings.letters * _letters(queries, positions, passages)
        if meaning in sides:
            sides[meaning] = settings.meaning * sides[meaning]
        shares = {words: 1 - settings.share, meaning: settings.share}
        return ordered(positions, mixture(list(sides.values()), [shares[stage] for stage in sides]), k)

    return search


def _letters(queries: Sequence[str], positions: NDArray[np.int64], passages: Sequence[Passage]) -> NDArray[np.float32]:
    scores = np.zeros(positions.shape, np.float32)
    for row, (query, found) in enumerate(zip(queries, positions, strict=True)):
        found = found[found >= 0]
        scores[row, : len(found)] = spelled(query, [worded(passages[at]) for at in found])
    return scores


def worded(passage: Passage) -> str:
    """What words see of a passage."""
    return "\n".join([passage.title] * TITLE + [passage.text])


def seen(passage: Passage) -> str:
    """What an embedder or a reader sees of a passage: its title says what it is about."""
    return f"{passage.title}\n{passage.text}".strip()


def matching(passages: Sequence[Passage], where: Mapping[str, str]) -> NDArray[np.bool_]:
    """Which passages have all the facts `where`: the passage's `document` or `title`."""
    wanted = where.items()
    return np.array([all(getattr(passage, name) == value for name, value in wanted) for passage in passages], bool)
