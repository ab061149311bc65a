from dataclasses import replace

import pytest

from advisor.errors import InputError
from advisor.measure.planning import plan
from advisor.runtime.purse import Budget, parse
from advisor.runtime.runtime import Runtime
from advisor.task import Retrieval, Split, Task


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(90)),
        ("10m", Budget(600)),
        ("1.5h", Budget(5400)),
        ("200ktok", Budget(float("inf"), 200_000)),
        ("5usd", Budget(usd=5.0)),
    ],
)
def test_budgets_as_people_write_them(text, budget):
    assert parse(text) == budget


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "0m", "ten minutes"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="--budget"):
        parse(text)


def test_what_is_read_again_for_every_question_leaves_fewer_to_measure_and_choose_on(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    asked = replace(zoo, split=Split(rows, rows, rows, rows[:10]))
    plain = plan(asked, keeper, Budget(600))
    reading = plan(replace(asked, retrieval=Retrieval(rerank="model")), keeper, Budget(600))
    assert reading.measure < plain.measure and reading.choose < plain.choose
