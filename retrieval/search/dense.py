"""Search by meaning: the vectors of segments; knows an embedder only as something to call."""

from collections.abc import Sequence

import numpy as np

from retrieval.embedder import Embedder
from retrieval.ranking import Allowed, Places, Ranking, Search
from retrieval.search.vectors import Vectors


def dense(parts: Sequence[tuple[Vectors, Places]], embedder: Embedder) -> Search:
    """The search that ranks the passages of all parts by cosine to the query, as `embedder` sees it."""
    parts = [(vectors, places) for vectors, places in parts if np.any(places >= 0)]
    living = [None if np.all(places >= 0) else places >= 0 for _, places in parts]

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        asked = embedder(queries, query=True)
        of_parts = []
        for (vectors, places), alive in zip(parts, living, strict=True):
            only = alive if allowed is None else (places >= 0) & allowed[places]
            near = vectors.search(asked, min(k, len(vectors)), only)
            of_parts.append((np.where(near.positions < 0, -1, places[near.positions]), near.scores))
        positions = np.concatenate([there for there, _ in of_parts], axis=1)
        scores = np.concatenate([near for _, near in of_parts], axis=1)
        scores = np.where(positions < 0, -np.inf, scores).round(5)  # how queries are batched changes later digits
        order = np.lexsort((positions, -scores), axis=1)[:, :k]  # equal scores in order of position
        each = np.arange(len(order))[:, None]  # quicker for one query than take_along_axis
        return Ranking(positions[each, order], scores[each, order])

    return search
