"""How an index is searched: stages put together as the settings say; knows each stage only as a `Search`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Passage
from retrieval.fused import mixture
from retrieval.ranking import Allowed, Ranking, Search

SCALES = (1.0, 20.0)  # BM25 scores are log odds already; sentence embedders are trained on 20 times the cosine


@dataclass(frozen=True)
class SearchSettings:
    """How to search. Plain numbers and words, so that an index saves them as JSON.

    candidates: passages that words and vectors each propose.
    dense: the share of vectors in the mixture, from 0 (words alone) to 1.
    """

    candidates: int = 100
    dense: float = 0.6  # 0.5 to 0.7 measured alike


def hybrid(words: Search, vectors: Search, settings: SearchSettings) -> Search:
    """The search that fuses a search by words and one by vectors."""

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        depth = max(k, settings.candidates)
        rankings = [stage(queries, depth, allowed) for stage in (words, vectors)]
        return mixture(rankings, k, SCALES, (1 - settings.dense, settings.dense))

    return search


def matching(passages: Sequence[Passage], where: Mapping[str, str]) -> NDArray[np.bool_]:
    """Which passages have all the facts `where`: the passage's `document` or `title`."""
    wanted = where.items()
    return np.array([all(getattr(passage, name) == value for name, value in wanted) for passage in passages], bool)
