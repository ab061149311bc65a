"""What hours, machines and tokens are priced at, and which hours the parts of paths take: dated figures, each with its source.

Read from `costs.toml` beside this file; what a person said wins.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

PARTS: Mapping[str, tuple[str, ...]] = {  # that take a person's hours
    "prompting": ("prompt",),
    "classifier": ("prompt", "classifier"),
    "rag": ("prompt", "retrieval"),
    "finetuning": ("prompt", "tuning"),
    "rag+finetuning": ("prompt", "retrieval", "tuning"),
}
SAID = "said"  # the source of what a person said
_BILLIONS = re.compile(r"(?<![\dx.])(\d+(?:\.\d+)?)b(?![a-z])")  # not those of 8x7b, which has more
Machine = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Rate:
    """A figure, where it is from (an assumption says so), and the date that it is of ("" for what was said)."""

    value: float
    source: str
    date: str = ""


@dataclass(frozen=True)
class Rates:
    """What costs are reckoned with: `hour_usd` for an hour of somebody's work, minutes to label an example and to mend a wrong
    answer, requests of a day where nobody said how many come.

    A request is paid by the tokens that are read and written (USD per million) where these have a price, else by
    `machine_hour_usd`; None is not known, or not paid.
    """

    hour_usd: Rate
    label_minutes: Rate
    mend_minutes: Rate
    requests_per_day: Rate
    machine_hour_usd: Rate | None = None
    prompt_usd: Rate | None = None
    completion_usd: Rate | None = None

    @property
    def known(self) -> dict[str, Rate]:
        """Those that there are, by name."""
        return {one.name: rate for one in fields(self) if (rate := getattr(self, one.name)) is not None}


@dataclass(frozen=True)
class Effort:
    """A person's hours for a part of a path: once, by kind of work, and `refresh` each time that facts which it holds change."""

    hours: Mapping[str, float]
    refresh: float
    source: str
    date: str


def usual(said: Mapping[str, float] | None = None, machine: Machine | None = None) -> Rates:
    """The rates of the table, those that were `said` in place of their own; `machine`: what a local model runs on."""
    table = _table()
    own = {name: Rate(**rate) for name, rate in table["rates"].items()}
    if machine:
        own["machine_hour_usd"] = Rate(**table["machines"][machine])
    return replace(Rates(**own), **{name: Rate(value, SAID) for name, value in (said or {}).items()})


def of_tokens(rates: Rates, model: str, price: tuple[float, float] | None) -> Rates:
    """The rates where requests are paid by tokens: at the `price` that was said (USD per million of prompt and completion), else
    at that of a model of the size which its name tells; unchanged where it tells none."""
    if price:
        return replace(rates, prompt_usd=Rate(price[0], SAID), completion_usd=Rate(price[1], SAID))
    name = model.lower()
    largest = max(map(float, _BILLIONS.findall(name)), default=math.inf)
    for row in _table()["tokens"]:
        named = any(re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", name) for word in row["words"])
        if named or largest <= row["billions"]:
            prompt, completion = (Rate(row[one], row["source"], row["date"]) for one in ("prompt", "completion"))
            return replace(rates, prompt_usd=prompt, completion_usd=completion)
    return rates


@cache
def efforts() -> Mapping[str, Effort]:
    """A person's hours for each part of `PARTS`."""
    return {name: Effort(**part) for name, part in _table()["parts"].items()}


def times_a_year(facts_change: str) -> float:
    """How often facts change in a year, by the answer."""
    return float(_table()["times_a_year"][facts_change])


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((resources.files("advisor.decide") / "costs.toml").read_text(encoding="utf-8"))
