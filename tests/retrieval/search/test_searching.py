"""Putting the stages of a search together."""

from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.chunking import Passage
from retrieval.ranking import Allowed, Ranking, Search
from retrieval.search.searching import SearchSettings, gathered, mixed, searching

PASSAGES = [
    Passage("a", "a", "Alder", "Dogs are welcome.", 0),
    Passage("b", "b", "Birch", "Parking is free.", 0),
    Passage("c", "c", "Alder", "Breakfast costs extra.", 0),
]


def fixed(scores: list[float]) -> Search:
    """A search that scores the passages so, whatever is asked."""

    def search(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
        order = np.argsort(-np.array(scores), kind="stable")[:k]
        return Ranking(np.array([order] * len(queries)), np.array([np.array(scores)[order]] * len(queries), np.float32))

    return search


def refused(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
    raise AssertionError("searched though it has no weight")


def test_words_and_meaning_are_weighed_by_their_share() -> None:
    words, meaning = fixed([9, 1, 0]), fixed([0.1, 0.2, 0.9])
    for share, first in ((0.05, 0), (0.95, 2)):
        settings = SearchSettings(share=share, letters=0)
        assert searching(words, meaning, PASSAGES, settings)(["?"], 1).positions.tolist() == [[first]]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_side_without_weight_is_not_asked(share: float) -> None:
    words, meaning = (refused, fixed([0.1, 0.2, 0.9])) if share else (fixed([0, 0, 1]), refused)
    ranking = searching(words, meaning, PASSAGES, SearchSettings(share=share))(["?"], 3)
    assert ranking.positions[0, 0] == 2


def test_spelling_decides_where_words_do_not() -> None:
    settings = SearchSettings(share=0)
    assert searching(fixed([0, 0, 0]), refused, PASSAGES, settings)(["brekfast"], 1).positions.tolist() == [[2]]


def test_other_settings_can_be_tried_on_the_same_candidates() -> None:
    candidates = gathered(fixed([9, 1, 0]), fixed([0.1, 0.2, 0.9]), PASSAGES, ["?"], 3, SearchSettings())
    assert [int(mixed(candidates, SearchSettings(share=s), 1).positions[0, 0]) for s in (0, 1)] == [0, 2]
