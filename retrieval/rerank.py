"""What is done to a ranking once it is there: judged again by a slower reader, freed of near-identical passages.

Knows passages as texts, and a reader only as something to call.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import device
from retrieval.fused import reciprocal_rank
from retrieval.ranking import Allowed, Ranking, Search

Texts = Callable[[int], str]
"""What a passage at a position reads like."""

Reader = Callable[[str, Sequence[str]], Sequence[float]]
"""Scores for texts, higher for those that answer the query better; of any scale, compared within one query only."""

SHINGLE = 3  # words
SAME = 0.9  # share of shingles that near-identical passages have in common


def cross_encoder(name: str) -> Reader:
    """A sentence-transformers CrossEncoder, from a folder or the hub, on a GPU where there is one. Raises OSError or ValueError if there is none."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(name, device=device())

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        scores: list[float] = model.predict([(query, text) for text in texts], show_progress_bar=False).tolist()
        return scores

    return read


def reranked(search: Search, texts: Texts, reader: Reader, depth: int, share: float) -> Search:
    """The search whose `depth` best are judged again by `reader`; its order and the first one are fused by rank.

    share: of the reader, from 0 to 1. A reader's scores have no known scale, so ranks are what can be fused.
    """

    def again(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        first = search(queries, max(k, depth), allowed)
        rows = [_read(query, row[:depth], texts, reader) for query, row in zip(queries, first.positions, strict=True)]
        second = Ranking(np.array(rows, np.int64).reshape(len(rows), -1), first.scores[:, :depth])
        return reciprocal_rank([first, second], k, (1 - share, share))

    return again


def _read(query: str, row: NDArray[np.int64], texts: Texts, reader: Reader) -> list[int]:
    """The positions of `row` in the reader's order; places where nothing was found stay last."""
    found = [int(at) for at in row if at >= 0]
    scores = reader(query, [texts(at) for at in found]) if found else []
    order = sorted(range(len(found)), key=lambda place: -scores[place])
    return [found[place] for place in order] + [-1] * (len(row) - len(found))


def distinct(search: Search, texts: Texts) -> Search:
    """The search without passages that say nearly the same as a better one: the same numbers, and nine in ten of the
    same three words in a row. Looks among three times as many passages as are wanted."""

    def without(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        found = search(queries, 3 * k, allowed)
        rows = [_first_of_each(row, texts)[:k] for row in found.positions]
        positions = np.full((len(rows), k), -1, np.int64)
        scores = np.full((len(rows), k), -np.inf, np.float32)
        for row, kept in enumerate(rows):
            positions[row, : len(kept)] = found.positions[row, kept]
            scores[row, : len(kept)] = found.scores[row, kept]
        return Ranking(positions, scores)

    return without


def _first_of_each(row: NDArray[np.int64], texts: Texts) -> list[int]:
    """The places in `row` of passages unlike all before them."""
    kept: list[int] = []
    seen: list[tuple[list[str], set[tuple[str, ...]]]] = []
    for place, at in enumerate(row):
        if at < 0:
            break
        words = re.findall(r"\w+", texts(at).lower())
        numbers = sorted(word for word in words if any(c.isdigit() for c in word))
        shingles = {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
        # a price or a date may be all that differs between two passages that matter
        if not any(numbers == other and _share(shingles, others) >= SAME for other, others in seen):
            kept.append(place)
            seen.append((numbers, shingles))
    return kept


def _share(ours: set[tuple[str, ...]], theirs: set[tuple[str, ...]]) -> float:
    return len(ours & theirs) / len(ours | theirs)
