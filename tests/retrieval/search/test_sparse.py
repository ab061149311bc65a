"""BM25."""

import math

import numpy as np
import pytest
from bm25s import BM25

from retrieval.ranking import Search
from retrieval.search.postings import Tally
from retrieval.search.sparse import sparse
from retrieval.words import terms, tokenize

WORDS = [
    "red",
    "green",
    "blue",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "and",
    "or",
]
TEXTS = ["the cat sat", "the dog", "a bird sang to the cat and the cat left"]


def search(*parts: list[str]) -> Search:
    """A search over segments of texts, one after the other; a text that begins with a minus was removed."""
    counted, position = [], 0
    for texts in parts:
        tally = Tally()
        for text in texts:
            tally.add(terms(text))
        places = [-1 if text.startswith("-") else (position := position + 1) - 1 for text in texts]
        counted.append((tally.postings(), np.array(places, np.int32)))
    return sparse(counted, position)


def test_scores_are_those_of_the_bm25_formula() -> None:
    ranking = search(TEXTS)(["cat"], 3)
    idf, mean = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), (2 + 1 + 5) / 3

    def score(times: int, length: int) -> float:  # Lucene leaves the factor k1 + 1 out
        return idf * times / (times + 1.2 * (0.25 + 0.75 * length / mean))

    assert ranking.positions.tolist() == [[0, 2, 1]]
    assert ranking.scores[0].tolist() == pytest.approx([score(1, 2), score(2, 5), 0], abs=1e-5)


def random_texts(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(count)]


def test_scores_are_those_of_bm25s() -> None:
    texts = random_texts(200)
    model = BM25(k1=1.2, b=0.75)
    model.index([tokenize(text) for text in texts], show_progress=False)
    for query in ("red", "red and red blue", "ten six or seven"):
        expected = model.get_scores(tokenize(query))
        ranking = search(texts)([query], 200)
        assert ranking.scores[0] == pytest.approx(expected[ranking.positions[0]], abs=1e-5)


def test_segments_and_removed_texts_change_nothing() -> None:
    texts = random_texts(60)
    whole = search(texts)(["red blue and two", "nine"], 60)
    parts = search([*texts[:30], "-red red", "-nine"], texts[30:31], ["-blue"], texts[31:])(
        ["red blue and two", "nine"], 60
    )
    assert np.array_equal(parts.positions, whole.positions)
    assert np.allclose(parts.scores, whole.scores, atol=1e-6)


def test_only_what_is_allowed_is_found() -> None:
    ranking = search(TEXTS)(["cat"], 3, np.array([False, True, True]))
    assert ranking.positions.tolist() == [[2, 1, -1]]


def test_unknown_words_and_texts_without_words_score_zero() -> None:
    assert not np.any(search(TEXTS)(["zebra", "?", ""], 2).scores)
    assert search(["!!!", "?"])(["a"], 2).positions.tolist() == [[0, 1]]


def test_words_that_differ_in_their_marks_or_in_the_order_of_their_characters_are_told_apart() -> None:
    texts = ["मेला में माल", "माला में मेल", "这里卖蜂蜜", "这里卖蜜蜂", "ที่นี่มีปู", "ที่นี่มีปี", "at 35 or 5", "at 3.5 or -5"]
    queries = ["मेला", "माला", "蜂蜜", "蜜蜂", "ปู", "ปี", "35", "-5"]
    assert search(texts)(queries, 1).positions.ravel().tolist() == list(range(8))
