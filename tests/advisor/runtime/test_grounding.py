from dataclasses import replace
from pathlib import Path

import pytest

from advisor.runtime import grounding
from advisor.runtime.finder import Search, over_documents
from advisor.runtime.runtime import Runtime
from advisor.task import Example, Retrieval, Task
from retrieval import Document, Passage

from ..conftest import Words

HELD = Passage("a", "a", "Rooms", "The suite costs 24 euros.", 0)
OTHER = Passage("b", "b", "Rooms", "It was built in 1924.", 0)


def test_an_answer_is_there_where_its_words_stand_in_a_row():
    assert grounding.answered([OTHER, HELD], Example("1", "q", "24 Euros"))
    assert not grounding.answered([OTHER], Example("1", "q", "24"))
    assert grounding.answered([OTHER], Example("1", "q", "never", accepted=("1924",)))


def test_recall_counts_answers_and_named_documents_at_each_depth(zoo: Task, keeper: Runtime):
    lost = Example("x", "Where sleeps the otter?", "nowhere", gold=("otter", "adder"))
    first = grounding.recall(keeper.finder, [*zoo.split.compare[:3], lost])[0]
    assert (first.k, first.answer) == (1, 0.75)
    assert first.gold == pytest.approx((3 + 0.5) / 4)
    assert grounding.recall(keeper.finder, [replace(lost, gold=())])[0].gold is None


def test_use_splits_right_answers_by_whether_the_answer_was_there():
    rows = [Example(str(i), "q", "24") for i in range(4)]
    found = grounding.use("s", [[HELD], [HELD], [OTHER], [OTHER]], rows, [True, False, False, False], 30.0)
    assert (found.there, found.right_with, found.right_without, found.tokens) == (0.5, 0.5, 0.0, 30.0)


def test_no_passage_that_is_left_holds_the_answer(zoo: Task, keeper: Runtime):
    unanswerable = Example("x", "Where sleeps the unicorn?", "in a cloud")
    taken = grounding.without_answers(keeper.finder, [*zoo.split.compare, unanswerable], 2)
    assert [example for example, _ in taken] == list(zoo.split.compare)
    for example, passages in taken:
        assert len(passages) == 2 and not grounding.answered(passages, example)


def test_as_many_passages_are_left_as_are_shown_once_those_that_hold_the_answer_are_taken_out(tmp_path: Path):
    documents = [Document(f"d{i}", f"Burrow {i} is {'taken' if i < 20 else 'empty'}.") for i in range(60)]
    folder = tmp_path / "runs" / "burrows"
    folder.mkdir(parents=True)
    finder = over_documents(documents, folder, Retrieval(k=30), Search(), Words())
    ((_, passages),) = grounding.without_answers(finder, [Example("1", "Which burrow is taken?", "taken")], 30)
    assert len(passages) == 30 and not any("taken" in passage.text for passage in passages)
