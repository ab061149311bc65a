"""How good a ranking of documents is, as ratios of 1; knows ids only.

Each measure takes the ids found for one query (best first) and those that are right: a set, or a grade for each (0 and
less are wrong), counted as trec_eval does. An id that comes again, because several passages of one document were found,
counts at its first place. A query without right ids cannot be measured and is left out of a mean.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

Right = AbstractSet[str] | Mapping[str, int]
Retrieved = Sequence[Sequence[str]]
Gold = Sequence[Right]
Measure = Callable[[Sequence[str], Mapping[str, int]], float]


def recall_at_k(retrieved: Retrieved, gold: Gold, k: int) -> float:
    """The share of a query's right documents among its first `k` (Manning et al. 2008, section 8.4), as a mean."""
    return _mean(each(retrieved, gold, recall(k)))


def mrr(retrieved: Retrieved, gold: Gold) -> float:
    """Mean reciprocal rank of the first right document, 0 where there is none (Voorhees, TREC-8 QA track, 1999)."""
    return _mean(each(retrieved, gold, reciprocal_rank))


def ndcg(retrieved: Retrieved, gold: Gold, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k`, as a mean; the gain is the grade, as trec_eval has it.

    From Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (TOIS 20, 2002).
    """
    return _mean(each(retrieved, gold, gain(k)))


def each(retrieved: Retrieved, gold: Gold, measure: Measure) -> list[float]:
    """The measure of every query that has a right document, in their order."""
    grades = [dict(right) if isinstance(right, Mapping) else dict.fromkeys(right, 1) for right in gold]
    positive = [{id: grade for id, grade in right.items() if grade > 0} for right in grades]
    return [measure(list(dict.fromkeys(ids)), right) for ids, right in zip(retrieved, positive, strict=True) if right]


def recall(k: int) -> Measure:
    """Of one query: the share of the right documents among the first `k`."""
    return lambda ids, right: len(right.keys() & set(ids[:k])) / len(right)


def reciprocal_rank(ids: Sequence[str], right: Mapping[str, int]) -> float:
    """Of one query: 1 / the rank of the first right document."""
    return next((1 / rank for rank, id in enumerate(ids, 1) if id in right), 0.0)


def gain(k: int) -> Measure:
    """Of one query: the discounted cumulative gain of the first `k` over that of the best order."""

    def measure(ids: Sequence[str], right: Mapping[str, int]) -> float:
        best = sorted(right.values(), reverse=True)
        return _discounted([right.get(id, 0) for id in ids[:k]]) / _discounted(best[:k])

    return measure


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _mean(scores: Sequence[float]) -> float:
    if not scores:
        raise ValueError("no query has a right document, so there is nothing to measure")
    return sum(scores) / len(scores)
