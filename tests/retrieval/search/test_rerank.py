"""Judging a ranking again, and leaving near duplicates out."""

from collections.abc import Sequence

import numpy as np

from retrieval.ranking import Allowed, Ranking
from retrieval.search.rerank import distinct, remembered, reranked

TEXTS = [
    "The pool opens at seven in the morning and closes at nine in the evening on all days of the week.",
    "The pool opens at seven in the morning and closes at nine in the evening, on all days of the week!",
    "The pool opens at 7 in the morning and closes at nine in the evening on all days of the week.",
    "Dogs are welcome.",
]


def in_order(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
    """Find every passage, in the order of their positions, each half as likely as the one before."""
    positions = np.array([[*range(len(TEXTS)), *[-1] * (k - len(TEXTS))][:k]] * len(queries))
    return Ranking(positions, np.where(positions < 0, -np.inf, 2.0**-positions).astype(np.float32))


def about_dogs(query: str, texts: Sequence[str]) -> list[float]:
    """Find texts about dogs sixteen times as likely."""
    return [float(np.log(16)) * ("Dogs" in text) for text in texts]


def test_what_both_say_is_multiplied_by_their_shares() -> None:
    ranking = reranked(in_order, TEXTS.__getitem__, about_dogs, 4, 0.5)(["q"], 5)
    assert ranking.positions.tolist() == [[3, 0, 1, 2, -1]]
    likely = np.sqrt([16 / 8, 1, 1 / 2, 1 / 4])
    assert np.allclose(ranking.scores[0, :4], likely / likely.sum())
    assert reranked(in_order, TEXTS.__getitem__, about_dogs, 4, 0.1)(["q"], 2).positions.tolist() == [[0, 1]]


def test_what_is_not_read_again_counts_as_the_least_likely_that_was() -> None:
    def first_only(query: str, texts: Sequence[str]) -> list[float]:
        return [0.0, -9.0]

    assert reranked(in_order, TEXTS.__getitem__, first_only, 2, 0.5)(["q"], 4).positions.tolist() == [[0, 1, 2, 3]]
    assert reranked(in_order, TEXTS.__getitem__, lambda q, texts: [0.0, 9.0], 2, 0.5)(["q"], 4).positions.tolist() == [
        [1, 0, 2, 3]
    ]


def test_a_reranker_sees_only_the_best() -> None:
    seen: list[str] = []
    reranked(in_order, TEXTS.__getitem__, lambda query, texts: seen.extend(texts) or [0] * len(texts), 2, 0.5)(["q"], 3)  # type: ignore[func-returns-value]
    assert seen == TEXTS[:2]


def test_a_reranker_that_remembers_is_asked_once_about_a_text_and_tells_how_many_queries_it_has_read() -> None:
    asked: list[tuple[str, Sequence[str]]] = []
    told: list[tuple[str, int, int]] = []

    def length(query: str, texts: Sequence[str]) -> list[float]:
        asked.append((query, texts))
        return [float(len(text)) for text in texts]

    remembering = remembered(length, lambda *progress: told.append(progress), 2)
    assert remembering("p", ["a", "bbb"]) == [1, 3] and remembering("p", ["bbb", "cc", "a"]) == [3, 2, 1]
    assert remembering("q", ["a"]) == [1] and remembering("p", ["a"]) == [1]
    assert asked == [("p", ["a", "bbb"]), ("p", ["cc"]), ("q", ["a"])]
    assert told == [("read again what was found", done, 2) for done in (1, 1, 2)]


def test_a_passage_that_says_the_same_is_left_out_unless_a_number_differs() -> None:
    assert distinct(in_order, TEXTS.__getitem__)(["q"], 4).positions.tolist() == [[0, 2, 3, -1]]
    ranking = distinct(in_order, TEXTS.__getitem__)(["q"], 2)
    assert ranking.positions.tolist() == [[0, 2]] and ranking.scores.tolist() == [[1, 0.25]]
