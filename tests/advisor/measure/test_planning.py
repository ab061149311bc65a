from dataclasses import replace

from advisor.measure.planning import plan
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Budget
from advisor.task import Retrieval, Split, Task


def test_what_is_read_again_for_every_question_leaves_fewer_to_measure_and_choose_on(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    asked = replace(zoo, split=Split(rows, rows, rows, rows[:10]))
    plain = plan(asked, keeper.model, keeper.embedder, Budget(600))
    read_again = replace(asked, retrieval=Retrieval(rerank="model"))
    reading = plan(read_again, keeper.model, keeper.embedder, Budget(600))
    assert reading.measure < plain.measure and reading.choose < plain.choose
