from dataclasses import replace

from advisor.questions import questions
from advisor.runtime import Runtime
from advisor.task import Example, Task
from retrieval import Document


def test_documents_that_rows_name_are_what_is_chosen_by(zoo: Task, keeper: Runtime):
    by, asked = questions(zoo, keeper, zoo.split.choose * 2)
    assert by == "the documents that rows name"
    assert asked[0].text == "Where sleeps the otter?" and asked[0].right == {"otter"}


def test_without_them_the_documents_that_hold_the_answer(zoo: Task, keeper: Runtime):
    unnamed = [replace(row, gold=()) for row in zoo.split.choose * 2]
    by, asked = questions(zoo, keeper, unnamed)
    assert by == "the documents in which accepted answers stand"
    assert [one.right for one in asked[:2]] == [{"otter"}, {"badger"}]


def test_an_answer_that_stands_everywhere_tells_no_document(zoo: Task, keeper: Runtime):
    documents = tuple(Document(str(i), "Yes, it does.") for i in range(9))
    rows = [Example(str(i), f"Does it {i}?", "yes") for i in range(30)]
    by, asked = questions(replace(zoo, documents=documents), keeper, rows)
    assert by == "questions that the model wrote about passages"
    assert {document for one in asked for document in one.right} <= {document.id for document in zoo.documents}
    assert len(asked) == len(zoo.documents)
