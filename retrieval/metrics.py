"""How good a ranking of documents is, as ratios of 1; knows ids only.

Each function takes, for every query, the ids retrieved (best first) and the ids that are right. An id that comes again,
because several passages of one document were found, counts at its first place. A query without right ids is left out.
"""

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

Retrieved = Sequence[Sequence[str]]
Gold = Sequence[AbstractSet[str]]


def recall_at_k(retrieved: Retrieved, gold: Gold, k: int) -> float:
    """The share of a query's right documents among its first `k` (Manning et al. 2008, section 8.4), as a mean."""
    return _mean(retrieved, gold, lambda found, right: len(right.intersection(found[:k])) / len(right))


def mrr(retrieved: Retrieved, gold: Gold) -> float:
    """Mean reciprocal rank of the first right document, 0 where there is none (Voorhees, TREC-8 QA track, 1999)."""
    return _mean(
        retrieved, gold, lambda found, right: next((1 / n for n, id in enumerate(found, 1) if id in right), 0.0)
    )


def ndcg(retrieved: Retrieved, gold: Gold, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k`, as BEIR and trec_eval count it, right or wrong only.

    From Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (TOIS 20, 2002).
    """

    def score(found: list[str], right: frozenset[str]) -> float:
        gain = sum(1 / math.log2(n + 1) for n, id in enumerate(found[:k], 1) if id in right)
        return gain / sum(1 / math.log2(n + 1) for n in range(1, min(k, len(right)) + 1))

    return _mean(retrieved, gold, score)


def _mean(retrieved: Retrieved, gold: Gold, score: Callable[[list[str], frozenset[str]], float]) -> float:
    scores = [
        score(list(dict.fromkeys(found)), frozenset(right))
        for found, right in zip(retrieved, gold, strict=True)
        if right
    ]
    if not scores:
        raise ValueError("no query has a right document, so there is nothing to measure")
    return sum(scores) / len(scores)
