"""Search by words: BM25 over the postings of segments; knows no vectors."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.ranking import Allowed, Places, Ranking, Search, best
from retrieval.search.postings import K1, B, Postings, hashes, idf
from retrieval.words import terms


def sparse(parts: Sequence[tuple[Postings, Places]], count: int) -> Search:
    """The search that ranks the `count` passages of all parts by BM25 (Lucene's variant, k1 1.2, b 0.75)."""
    living = [postings.lengths[places >= 0] for postings, places in parts]
    mean = max(sum(int(lengths.sum()) for lengths in living) / max(count, 1), 1.0)
    norms = [(K1 * (1 - B + B / mean * postings.lengths)).astype(np.float32) for postings, _ in parts]

    def scores(query: str) -> NDArray[np.float32]:
        total = np.zeros(count, np.float32)
        asked = Counter(terms(query))
        for term, times in zip(hashes(asked), asked.values(), strict=True):
            of_parts = []
            for (postings, places), norm in zip(parts, norms, strict=True):
                at = postings.of(term)
                rows = postings.rows[at]
                there = places[rows]
                share = postings.counts[at] / (postings.counts[at] + norm[rows])
                of_parts.append((there[there >= 0], share[there >= 0]))
            weight = times * idf(sum(len(there) for there, _ in of_parts), count)
            for there, share in of_parts:
                total[there] += np.float32(weight) * share
        return total

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        rankings = []
        for query in queries:  # one after the other: the scores of all passages for many queries would fill memory
            total = scores(query)
            if allowed is not None:
                total[~allowed] = -np.inf
            rankings.append(best(total[None], k))
        return Ranking(
            np.concatenate([one.positions for one in rankings]), np.concatenate([one.scores for one in rankings])
        )

    return search
