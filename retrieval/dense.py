"""Search by meaning: vectors in a flat FAISS index; knows an embedder only as something to call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import Embedder
from retrieval.ranking import Ranking, Search


def flat(vectors: NDArray[np.float32]) -> Any:
    """A FAISS index over `vectors` (n, d) that compares with all of them by inner product (exact)."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def dense(index: Any, embedder: Embedder) -> Search:
    """The search that ranks what is in the FAISS `index` by cosine to the query, as `embedder` sees it."""

    def search(queries: Sequence[str], k: int) -> Ranking:
        scores, positions = index.search(embedder(queries, query=True), k)
        scores = np.round(scores, 5)  # how queries are batched changes the digits after that
        order = np.lexsort((positions, -scores), axis=1)  # equal scores in order of position
        return Ranking(np.take_along_axis(positions, order, 1), np.take_along_axis(scores, order, 1))

    return search
