"""Search by meaning: vectors in a flat FAISS index; knows an embedder only as something to call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import Embedder
from retrieval.ranking import Allowed, Ranking, Search


def flat(vectors: NDArray[np.float32]) -> Any:
    """A FAISS index over `vectors` (n, d) that compares with all of them by inner product (exact)."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def dense(index: Any, embedder: Embedder) -> Search:
    """The search that ranks what is in the FAISS `index` by cosine to the query, as `embedder` sees it."""

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        scores, positions = index.search(embedder(queries, query=True), k, params=_only(allowed))
        scores = np.where(positions < 0, -np.inf, scores).round(5)  # how queries are batched changes later digits
        order = np.lexsort((positions, -scores), axis=1)  # equal scores in order of position
        return Ranking(np.take_along_axis(positions, order, 1), np.take_along_axis(scores, order, 1))

    return search


def _only(allowed: Allowed) -> Any:
    import faiss

    if allowed is None:
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.flatnonzero(allowed)))  # type: ignore[call-arg]
