"""Mining what an embedder is fitted on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval import Document, Index
from retrieval.tune.mining import mined
from retrieval.tune.questions import Question


class Same:
    """An embedder to which all texts are one: words alone decide."""

    fingerprint = "same"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return the x axis for every text."""
        return np.array([[1, 0]] * len(texts), np.float32)


DOCUMENTS = [
    Document("a", "Lunch is served at noon. Lunch costs nothing."),
    Document("b", "Lunch is served at one."),
    Document("c", "Lunch is served at noon. Lunch costs nothing."),
    Document("d", "Dinner is late."),
]


def test_the_negative_is_the_best_found_that_is_neither_right_nor_says_the_same() -> None:
    index = Index.build(DOCUMENTS, Same())
    assert mined(index, [Question("When is lunch served?", {"a": 1})]) == [
        ("When is lunch served?", DOCUMENTS[0].text, DOCUMENTS[1].text)
    ]
    answered = Question("When is lunch served?", {"a": 1}, accepted=("one",))
    assert mined(index, [answered])[0][2] == DOCUMENTS[3].text


def test_the_right_passage_is_the_one_that_holds_the_answer() -> None:
    long = Document("long", "\n\n".join(f"Part {n}. " + "Filling words. " * 30 for n in range(8)) + "\n\nIt is blue.")
    index = Index.build([long, *DOCUMENTS], Same())
    question = Question("Part 1 filling words", {"long": 1}, accepted=("blue",))
    assert "It is blue." in mined(index, [question])[0][1]


def test_a_question_without_a_right_document_there_is_left_out() -> None:
    assert mined(Index.build(DOCUMENTS, Same()), [Question("When?", {"gone": 1}), Question("When?", {})]) == []
