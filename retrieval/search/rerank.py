"""What is done to a ranking once it is there: judged again by a slower reader, freed of near-identical passages.

Knows passages as texts, and a reader only as something to call.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import device
from retrieval.ranking import Allowed, Ranking, Search
from retrieval.search.fused import shares

Texts = Callable[[int], str]
"""What a passage at a position reads like."""

Reader = Callable[[str, Sequence[str]], Sequence[float]]
"""For each text how surely it answers the query: log odds or a log-likelihood, but for what all texts of a query share."""

SHINGLE = 3  # words
SAME = 0.9  # share of shingles that near-identical passages have in common


def cross_encoder(name: str) -> Reader:
    """A sentence-transformers CrossEncoder, from a folder or the hub, on a GPU where there is one.

    Raises OSError or ValueError if there is none, or one that tells classes apart instead of giving one score.
    """
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity

    model = CrossEncoder(name, device=device())
    if model.num_labels != 1:
        raise ValueError(f"it gives {model.num_labels} scores for a pair of texts, not one")

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        pairs = [(query, text) for text in texts]
        scores: list[float] = model.predict(pairs, activation_fn=Identity(), show_progress_bar=False).tolist()
        return scores

    return read


def reranked(search: Search, texts: Texts, reader: Reader, depth: int, share: float) -> Search:
    """The search whose `depth` best are judged again by `reader`.

    What both say is multiplied as probabilities are, each to the power of its share (`share` is the reader's, from 0 to
    1), so that how sure each is counts, as ranks would not. What was not read again counts as the least likely that was.
    """

    def again(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        first = search(queries, max(k, depth), allowed)
        read = [_read(query, row, texts, reader, depth) for query, row in zip(queries, first.positions, strict=True)]
        found = first.positions >= 0
        before = np.log(np.maximum(first.scores, np.finfo(np.float32).tiny), where=found, out=np.zeros(found.shape))
        pooled = np.where(found, (1 - share) * before + share * np.array(read).reshape(found.shape), -np.inf)
        order = np.argsort(-pooled, axis=1, kind="stable")[:, :k]
        scores = np.where(found, shares(pooled.astype(np.float32)), -np.inf).astype(np.float32)
        return Ranking(np.take_along_axis(first.positions, order, 1), np.take_along_axis(scores, order, 1))

    return again


def _read(query: str, row: NDArray[np.int64], texts: Texts, reader: Reader, depth: int) -> list[float]:
    """The reader's scores of what was found, the `depth` best of which it is given; 0 where nothing was."""
    found = [int(at) for at in row if at >= 0]
    scores = list(reader(query, [texts(at) for at in found[:depth]])) if found else []
    least = min(scores, default=0.0)
    return scores + [least] * (len(found) - len(scores)) + [0.0] * (len(row) - len(found))


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
