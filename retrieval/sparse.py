"""Search by words: BM25 with bm25s; knows texts, not passages or vectors."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from retrieval.ranking import Allowed, Ranking, Search, best


def tokenize(text: str) -> list[str]:
    """Lower-case words without accents or plural endings.

    Stop words stay: BM25 weighs them down by itself, and taking them out lost accuracy where we measured it.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return [_singular(word) for word in re.findall(r"\w+", plain)]


def sparse(texts: Sequence[str]) -> Search:
    """Index `texts`; the search that comes back ranks them by BM25 (Lucene's variant, k1 1.2, b 0.75)."""
    from bm25s import BM25

    model = BM25(k1=1.2, b=0.75)
    # bm25s does not take a corpus without any word; the empty token is in no query
    model.index([tokenize(text) or [""] for text in texts] or [[""]], show_progress=False)

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        tokens = [model.get_tokens_ids(tokenize(query)) for query in queries]
        scores = np.stack([model.get_scores_from_ids(ids) if ids else np.zeros(len(texts)) for ids in tokens])
        return best(np.where(True if allowed is None else allowed, scores, -np.inf).astype(np.float32), k)

    return search


def _singular(word: str) -> str:
    """The S-stemmer of Harman, "How effective is suffixing?" (JASIS 42, 1991): the plural endings of English."""
    if len(word) > 3 and word.endswith("s"):
        if word.endswith("ies") and word[-4] not in "ae":
            return word[:-3] + "y"
        if word.endswith("es") and word[-3] not in "aeo":
            return word[:-1]
        if word[-2] not in "esu":
            return word[:-1]
    return word
