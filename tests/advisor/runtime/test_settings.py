import pytest

from advisor.errors import InputError
from advisor.runtime.settings import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(90)),
        ("10m", Budget(600)),
        ("1.5h", Budget(5400)),
        ("200ktok", Budget(float("inf"), 200_000)),
        ("5usd", Budget(float("inf"), usd=5.0)),
        ("10m,5usd", Budget(600, usd=5.0)),
        (" 1.5 MTOK , 2h", Budget(7200, 1_500_000)),
        ("1m,1tok,1usd", Budget(60, 1, 1)),
    ],
)
def test_budgets_as_people_write_them(text, budget):
    assert parse_budget(text) == budget == parse_budget(str(budget))


def test_a_part_of_a_budget_is_one_of_its_tokens_and_money():
    assert Budget(60, 1000, 5.0).part(0.1) == Budget(60, 100, 0.5) and Budget(60).part(0.1) == Budget(60)


@pytest.mark.parametrize(
    "text", ["", "10", "m", "-5m", "0m", "ten minutes", "5eur", "10m,", "10m 5usd", "10m,2h", "1e400s"]
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="--budget"):
        parse_budget(text)
