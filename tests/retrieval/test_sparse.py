"""BM25."""

import math

import numpy as np
import pytest

from retrieval.sparse import sparse, tokenize

TEXTS = ["the cat sat", "the dog", "a bird sang to the cat and the cat left"]


def test_words_become_stems_without_accents_and_stop_words() -> None:
    assert tokenize("The Röntgen's queries: 3 glasses, running") == ["rontgen", "s", "queri", "3", "glass", "run"]
    assert tokenize("東京 tower") == ["東", "京", "tower"]


def test_scores_are_those_of_the_bm25_formula() -> None:
    ranking = sparse(TEXTS)(["cat"], 3)
    idf, mean = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), (2 + 1 + 5) / 3

    def score(times: int, length: int) -> float:  # Lucene leaves the factor k1 + 1 out
        return idf * times / (times + 1.2 * (0.25 + 0.75 * length / mean))

    assert ranking.positions.tolist() == [[0, 2, 1]]
    assert ranking.scores[0].tolist() == pytest.approx([score(1, 2), score(2, 5), 0], abs=1e-5)


def test_unknown_words_and_texts_without_words_score_zero() -> None:
    assert not np.any(sparse(TEXTS)(["zebra", "?", ""], 2).scores)
    assert sparse(["!!!", "?"])(["a"], 2).positions.tolist() == [[0, 1]]
