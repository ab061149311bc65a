from dataclasses import replace

from advisor.paths import questions, search
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.task import Split, Task


def unanswered(zoo: Task) -> Task:
    rows = tuple(replace(row, gold=(), output="nowhere") for row in zoo.split.choose)
    return replace(zoo, split=replace(zoo.split, choose=rows))


def test_rows_ask_by_the_documents_that_they_name_else_by_answers_that_stand_in_few(zoo: Task):
    assert [one.right for one in questions.of_rows(zoo, zoo.split.choose)] == [
        {row.gold[0]: 1} for row in zoo.split.choose
    ]
    told = questions.of_rows(zoo, [replace(row, gold=()) for row in zoo.split.choose])
    assert [one.accepted for one in told] == [(row.output,) for row in zoo.split.choose]
    assert questions.of_rows(zoo, [replace(row, gold=(), output="sleeps") for row in zoo.split.choose]) == []


def test_what_writing_takes_is_what_choosing_how_to_search_then_asks(zoo: Task, keeper: Runtime, bench: Bench):
    task = unanswered(zoo)
    takes = questions.writing(task, keeper.model)
    assert keeper.model.asked == []  # type: ignore[attr-defined]
    search.choose(replace(bench, task=task))
    asked = keeper.model.asked  # type: ignore[attr-defined]
    texts = [" ".join(turn.text for turn in request.turns) for request in asked]
    template = questions.TEMPLATE * len(asked)
    assert takes.requests == len(asked) == len(zoo.documents)
    assert takes.prompt_tokens == sum(keeper.model.count(texts)) + template and takes.completion_tokens > 0


def test_nothing_is_written_where_rows_will_do_or_without_documents(zoo: Task, keeper: Runtime):
    assert questions.writing(zoo, keeper.model).requests == 0
    assert questions.writing(replace(unanswered(zoo), documents=()), keeper.model).requests == 0


def test_where_nothing_is_measured_all_rows_may_judge_how_to_search(zoo: Task):
    rows = zoo.split.train
    assert questions.judging(zoo) == zoo.split.choose
    assert questions.judging(replace(zoo, split=Split(rows))) == rows
    assert questions.judging(replace(zoo, split=Split(rows, compare=zoo.split.compare))) == ()
