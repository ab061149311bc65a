"""Search by words: BM25 with bm25s; knows texts, not passages or vectors."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from retrieval.ranking import Allowed, Ranking, Search, best

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
STOP = set(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to "
    "was will with".split()  # noqa: SIM905
)  # Lucene's English stop words


def tokenize(text: str) -> list[str]:
    """English stems of the words (Porter's second algorithm, snowballstem.org), without stop words."""
    stem = _stemmer().stemWord
    return [stem(word) for word in words(text) if word not in STOP]


def words(text: str) -> list[str]:
    """Lower-case words without accents; a character of a script that writes no spaces stands for itself."""
    text = text.lower()
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return WORD.findall(text)


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


@cache
def _stemmer() -> Any:
    from Stemmer import Stemmer

    return Stemmer("english")
