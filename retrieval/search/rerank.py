"""What is done to a ranking once it is there: judged again by a slower reranker, freed of near-identical passages.

Knows passages as texts, and a reranker only as something to call.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Ranking, Reranker, Search
from retrieval.search.fused import shares
from retrieval.watching import Watch
from retrieval.words import words

Texts = Callable[[int], str]
"""What a passage at a position reads like."""

SHINGLE = 3  # words
SAME = 0.9  # share of shingles that near-identical passages have in common


def reranked(search: Search, texts: Texts, reranker: Reranker, depth: int, share: float) -> Search:
    """The search whose `depth` best are judged again by `reranker`.

    What both say is multiplied as probabilities are, each to the power of its share (`share` is the reranker's, from 0 to
    1), so that how sure each is counts, as ranks would not. What was not read again counts as the least likely that was.
    """

    def again(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        first = search(queries, max(k, depth), allowed)
        read = [
            _judged(query, row, texts, reranker, depth) for query, row in zip(queries, first.positions, strict=True)
        ]
        there = first.positions >= 0
        before = np.log(np.maximum(first.scores, np.finfo(np.float32).tiny), where=there, out=np.zeros(there.shape))
        pooled = np.where(there, (1 - share) * before + share * np.array(read).reshape(there.shape), -np.inf)
        order = np.argsort(-pooled, axis=1, kind="stable")[:, :k]
        scores = np.where(there, shares(pooled.astype(np.float32)), -np.inf).astype(np.float32)
        return Ranking(np.take_along_axis(first.positions, order, 1), np.take_along_axis(scores, order, 1))

    return again


def _judged(query: str, row: NDArray[np.int64], texts: Texts, reranker: Reranker, depth: int) -> list[float]:
    """The reranker's scores of what was found, the `depth` best of which it is given; 0 where nothing was."""
    there = [int(at) for at in row if at >= 0]
    scores = list(reranker(query, [texts(at) for at in there[:depth]])) if there else []
    least = min(scores, default=0.0)
    return scores + [least] * (len(there) - len(scores)) + [0.0] * (len(row) - len(there))


def remembered(reranker: Reranker, watch: Watch, total: int) -> Reranker:
    """The reranker, asked once only about a query and a text; `watch` is told for how many of `total` queries it was."""
    known: dict[tuple[str, str], float] = {}
    asked: set[str] = set()

    def remembering(query: str, texts: Sequence[str]) -> Sequence[float]:
        if new := [text for text in texts if (query, text) not in known]:
            known.update(((query, text), score) for text, score in zip(new, reranker(query, new), strict=True))
            asked.add(query)
            watch("read again what was found", len(asked), total)
        return [known[query, text] for text in texts]

    return remembering


def distinct(search: Search, texts: Texts) -> Search:
    """The search without passages that say nearly the same as a better one: the same numbers, and nine in ten of the
    same three words in a row. Looks among three times as many passages as are wanted."""

    def without(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        many = search(queries, 3 * k, allowed)
        rows = [_first_of_each(row, texts)[:k] for row in many.positions]
        positions = np.full((len(rows), k), -1, np.int64)
        scores = np.full((len(rows), k), -np.inf, np.float32)
        for row, kept in enumerate(rows):
            positions[row, : len(kept)] = many.positions[row, kept]
            scores[row, : len(kept)] = many.scores[row, kept]
        return Ranking(positions, scores)

    return without


def _first_of_each(row: NDArray[np.int64], texts: Texts) -> list[int]:
    """The places in `row` of passages unlike all before them."""
    kept: list[int] = []
    seen: list[tuple[list[str], set[tuple[str, ...]]]] = []
    for place, at in enumerate(row):
        if at < 0:
            break
        said = words(texts(at))
        numbers = sorted(word for word in said if any(c.isdigit() for c in word))
        shingles = {tuple(said[i : i + SHINGLE]) for i in range(max(1, len(said) - SHINGLE + 1))}
        # a price or a date may be all that differs between two passages that matter
        if not any(numbers == other and _share(shingles, others) >= SAME for other, others in seen):
            kept.append(place)
            seen.append((numbers, shingles))
    return kept


def _share(ours: set[tuple[str, ...]], theirs: set[tuple[str, ...]]) -> float:
    return len(ours & theirs) / len(ours | theirs)
