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
        ("5usd", Budget(usd=5.0)),
    ],
)
def test_budgets_as_people_write_them(text, budget):
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "0m", "ten minutes"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="--budget"):
        parse_budget(text)
