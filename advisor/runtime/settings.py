"""What a person chose for a run beside its task, and what that permits: prices, budget and consent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from advisor.address import Address
from advisor.errors import InputError, Problem
from advisor.models import consent
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Meter
from advisor.task import Retrieval

DEFAULT_SECONDS = 600.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """The most that a run may take: `seconds`, or `tokens` run through the model, or `usd` (a local model costs none).

    Seconds are planned for; an endpoint also stops before a request that could exceed tokens or usd.
    """

    seconds: float = DEFAULT_SECONDS
    tokens: float | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Settings:
    """What a person chose for a run beside the task.

    `said`: answers that they gave, which win over the data's. `yes`: they agree to what `consent.require` would ask.
    `allow_code`: they allow the task's own Python. `fresh`: compute everything again, whatever was computed before.
    """

    model: str = ""
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    path: str = ""
    said: Mapping[str, str | float] = field(default_factory=dict)
    drop_invalid: bool = False
    allow_overlap: bool = False
    yes: bool = False
    allow_code: bool = False
    fresh: bool = False


def parse_budget(text: str) -> Budget:
    """A budget as people write it: `90s`, `10m`, `2h`, `200ktok`, `5usd`. Raises InputError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|k?tok|mtok|usd)", text.strip().lower())
    if not match or float(match[1]) <= 0:
        what = f"{text!r} is no budget"
        raise InputError(Problem(what, "--budget", do="Write for example 10m, 2h, 200ktok or 5usd"))
    amount, unit = float(match[1]), match[2]
    if unit in _UNITS:
        return Budget(amount * _UNITS[unit])
    if unit == "usd":  # local models cost no money: the time is what is bounded
        return Budget(usd=amount)
    return Budget(float("inf"), amount * {"tok": 1.0, "ktok": 1e3, "mtok": 1e6}[unit])


def check_prices(model: str | Address, settings: Settings) -> None:
    """Raises InputError where a budget in usd meets an endpoint without prices."""
    if settings.budget.usd is not None and isinstance(model, Address) and model.price is None:
        do = "Declare them in task.yaml in USD per million tokens, such as `price: {prompt: 0.15, completion: 0.60}`"
        raise InputError(Problem("a budget in usd needs the endpoint's prices", "--budget", do=do))


def agree_to_index(how: Retrieval, settings: Settings, forbidden: bool = False) -> None:
    """Consent to an index that lies on another machine. Raises InputError without it."""
    if "://" in how.index:
        address, field = Address(endpoint=how.index, name="milvus"), "retrieval.index"
        consent.require(address, purpose="vectors", yes=settings.yes, forbidden=forbidden, field=field)


def bound(
    model: Endpoint,
    folder: Path,
    settings: Settings,
    *,
    counted: bool = True,
    forbidden: bool = False,
    typed: bool = False,
) -> Endpoint:
    """The endpoint within the budget and with consent; `counted` in the run folder, with what was spent before.

    forbidden, typed: as for `consent.require`.
    """
    price = model.address.price
    meter = Meter(
        (price.prompt, price.completion) if price else (0.0, 0.0),
        settings.budget.tokens,
        settings.budget.usd,
        folder / "spent.jsonl" if counted else None,
    )
    agree = partial(consent.require, yes=settings.yes, forbidden=forbidden, typed=typed)
    return replace(model, meter=meter, folder=folder, agree=agree)
