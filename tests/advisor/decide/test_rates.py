"""What costs are reckoned with: every figure has a source and a date, and what a person said wins."""

import tomllib
from importlib import resources
from typing import Any

import pytest

from advisor.decide.rates import PARTS, SAID, Rate, efforts, of_tokens, times_a_year, usual
from advisor.system import PATH_NAMES

TABLE: dict[str, Any] = tomllib.loads((resources.files("advisor.decide") / "costs.toml").read_text(encoding="utf-8"))


def test_every_figure_has_a_source_and_a_date() -> None:
    tables = [*TABLE["rates"].values(), *TABLE["machines"].values(), *TABLE["tokens"], *TABLE["parts"].values()]
    for one in [*tables, TABLE["times_a_year"]]:
        assert (
            one["source"].startswith(("assumption", "US ", "Amazon", "OpenAI", "Together")) and one["date"][:2] == "20"
        )


def test_every_path_is_made_of_parts_whose_hours_are_known() -> None:
    assert tuple(PARTS) == PATH_NAMES
    assert {part for parts in PARTS.values() for part in parts} == set(efforts())


def test_what_was_said_wins_and_is_marked_as_said() -> None:
    rates = usual({"hour_usd": 100.0, "machine_hour_usd": 3.5}, "gpu")
    assert (rates.hour_usd, rates.machine_hour_usd) == (Rate(100.0, SAID), Rate(3.5, SAID))
    assert rates.mend_minutes == usual().mend_minutes and rates.mend_minutes.source != SAID
    assert usual().machine_hour_usd is None  # nobody said what it runs on
    assert usual(machine="cpu").known["machine_hour_usd"].value < usual(machine="gpu").known["machine_hour_usd"].value


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("gpt-4o-mini", 0.15),
        ("gpt-4o", 2.5),
        ("Qwen2.5-7B-Instruct", 0.15),
        ("llama-3.1-70b", 0.88),
        ("llama-3.1-405b", 2.5),
        ("qwen3-30b-a3b", 0.88),
        ("mixtral-8x7b", None),
        ("gemini-pro", None),
        ("some-model", None),
    ],
)
def test_an_endpoint_without_a_price_has_that_of_the_size_in_its_name_or_none(model: str, prompt: float | None) -> None:
    found = of_tokens(usual(), model, None).prompt_usd
    assert (found.value if found else None) == prompt
    assert found is None or (found.source and found.date)


def test_a_declared_price_wins_over_the_table() -> None:
    rates = of_tokens(usual(), "gpt-4o-mini", (7.0, 9.0))
    assert (rates.prompt_usd, rates.completion_usd) == (Rate(7.0, SAID), Rate(9.0, SAID))


def test_facts_that_change_often_do_so_more_often_than_those_that_change_slowly() -> None:
    assert times_a_year("never") == 0 < times_a_year("slowly") < times_a_year("often")
    assert times_a_year("unknown") == times_a_year("slowly")
