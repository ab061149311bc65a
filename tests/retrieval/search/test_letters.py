"""Likeness of spelling."""

import math

import numpy as np
import pytest

from retrieval.search.letters import runs, spelled


def test_runs_mark_the_ends_of_a_word() -> None:
    assert runs("garage") == (" gar", "gara", "arag", "rage", "age ")
    assert runs("a") == (" a ",)
    assert len(runs("서울")) == 4  # of the five letters ㅅㅓㅇㅜㄹ


def test_scores_are_those_of_the_bm25_formula() -> None:
    scores = spelled("cats", ["cat", "cats cats", "a dog"])
    lengths, rarity = np.array([2, 6, 3]), [math.log(1 + (3 - n + 0.5) / (n + 0.5)) for n in (2, 1, 1)]

    def share(times: int, text: int) -> float:
        return times / (times + 1.2 * (0.25 + 0.75 * lengths[text] / lengths.mean()))

    assert scores.tolist() == pytest.approx([rarity[0] * share(1, 0), sum(rarity) * share(2, 1), 0], rel=1e-5)


def test_typing_errors_and_compounds_are_seen_through() -> None:
    texts = ["There is a playground.", "Reservations are recommended.", "Breakfast is at eight."]
    assert spelled("reservatoin", texts).argmax() == 1
    assert spelled("a ground to play", texts).argmax() == 0


def test_nothing_to_compare_scores_nothing() -> None:
    assert spelled("?!", ["a", "b"]).tolist() == [0, 0]
    assert spelled("word", []).tolist() == []
