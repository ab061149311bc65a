from dataclasses import replace

from advisor.address import Address, Price
from advisor.measure.planning import plan, whole_run
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Meter
from advisor.runtime.bench import Purse
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Budget, parse_budget
from advisor.task import Retrieval, Split, Task
from trainers import Speed


def test_what_is_read_again_for_every_question_leaves_fewer_to_measure_and_choose_on(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    asked = replace(zoo, split=Split(rows, rows, rows, rows[:10]))
    plain = plan(asked, keeper.model, keeper.embedder, Budget(600))
    read_again = replace(asked, retrieval=Retrieval(rerank="model"))
    reading = plan(read_again, keeper.model, keeper.embedder, Budget(600))
    assert reading.racing < plain.racing and reading.choose < plain.choose


def test_a_short_tuning_of_few_rows_is_measured_in_as_many_folds_as_the_budget_covers(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(5) for row in zoo.split.train)
    task = replace(zoo, documents=(), split=Split(rows, rows, rows, folds=tuple(n % 5 for n in range(50))))
    purses = [plan(task, keeper.model, keeper.embedder, Budget(seconds)) for seconds in (3000, 450, 150, 60)]
    assert [purse.folds for purse in purses] == sorted((purse.folds for purse in purses), reverse=True)
    assert (purses[0].folds, purses[0].short) == (5, 128)
    assert 2 <= purses[1].folds < 5 and purses[-1].folds == 0
    assert plan(replace(task, split=Split(rows, rows, rows)), keeper.model, keeper.embedder, Budget(3000)).folds == 0


def test_a_short_tuning_is_measured_on_one_fold_rather_than_not_at_all(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(16) for row in zoo.split.train)
    task = replace(zoo, documents=(), split=Split(rows, rows, rows, folds=tuple(n % 5 for n in range(160))))
    slow = Speed(300.0, 150.0, 60.0)
    purse = plan(task, keeper.model, keeper.embedder, Budget(180), slow)
    assert purse.folds == 1 and 48 <= purse.short <= purse.rows and purse.measure == 32


def test_what_learned_from_every_row_is_measured_on_none(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(12) for row in zoo.split.train)
    whole, folded = (replace(zoo, split=Split(rows, rows, rows, folds=folds)) for folds in ((), (0, 1) * 60))
    assert plan(whole, keeper.model, keeper.embedder, Budget(60_000)).pairs > 0
    assert plan(folded, keeper.model, keeper.embedder, Budget(60_000)).pairs == 0


def test_without_a_row_a_plan_goes_by_what_rows_are_usually_like(zoo: Task, keeper: Runtime):
    purse = plan(replace(zoo, split=Split()), keeper.model, keeper.embedder, Budget(600))
    assert (purse.measure, purse.choose, purse.rows) == (0, 0, 0) and purse.max_tokens > 200


def test_a_budget_in_money_bounds_no_time(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    asked = replace(zoo, split=Split(rows, rows, rows, rows[:10]))
    price = Price(prompt=1.0, completion=1.0)
    model = Endpoint(Address(endpoint="http://127.0.0.1:9/v1", name="x", can=(), price=price), Meter((1.0, 1.0)))

    def measured(budget: str) -> int:
        return plan(asked, model, keeper.embedder, parse_budget(budget), Speed(50.0, 10.0, 0.0)).measure

    assert measured("10m") < measured("2h") < 96
    assert measured("500usd") == 96
    assert measured("10m,500usd") == measured("10m")
    assert measured("2h,0.1usd") == measured("0.1usd") < measured("2h")


def test_where_nothing_is_bounded_all_there_is_is_bought(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    bought = plan(
        replace(zoo, split=Split(rows, rows, rows, rows)), keeper.model, keeper.embedder, parse_budget("5usd")
    )
    assert (bought.measure, bought.choose, bought.rows, bought.epochs) == (300, 64, 300, 3)


def test_a_budget_in_tokens_buys_the_same_on_every_machine(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    asked = replace(zoo, documents=(), split=Split(rows, rows, rows, rows[:10]))
    slow, fast = Speed(300.0, 30.0, 90.0), Speed(3000.0, 900.0, 800.0)

    def bought(budget: str, speed: Speed) -> Purse:
        return replace(plan(asked, keeper.model, keeper.embedder, parse_budget(budget), speed), speed=speed)

    assert replace(bought("40ktok", slow), speed=fast) == bought("40ktok", fast)
    assert replace(bought("2m", slow), speed=fast) != bought("2m", fast)
    assert bought("40ktok", slow).rows > bought("20ktok", slow).rows
    assert bought("9ktok,1m", slow).rows <= bought("1m", slow).rows


def test_choosing_an_instruction_takes_a_share_of_the_budget_where_there_are_several(zoo: Task, keeper: Runtime):
    rows = tuple(replace(row, id=f"{row.id}{n}") for n in range(30) for row in zoo.split.train)
    alone = replace(zoo, documents=(), split=Split(rows, rows, rows, rows[:10]))
    tasks = (alone, replace(alone, instructions=("Say it.",)), replace(alone, proposer="another"))
    local = [plan(task, keeper.model, keeper.embedder, Budget(600)) for task in tasks]
    model = Endpoint(Address(endpoint="http://localhost/v1", name="a"), Meter((0.0, 0.0), 2e6))
    asked = [plan(task, model, keeper.embedder, Budget(tokens=2e6), Speed(1000.0, 100.0, 0.0)) for task in tasks]
    for purses in (local, asked):
        assert purses[0].tries == 0 < purses[1].tries < purses[2].tries and purses[1].proposing < purses[2].proposing
    assert local[0].racing > local[1].racing > local[2].racing
    runs = [whole_run(task, model, purse).tokens for task, purse in zip(tasks, asked, strict=True)]
    assert max(runs) <= 2e6 * 1.05
