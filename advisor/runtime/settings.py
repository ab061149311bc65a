"""What a person chose for a run beside its task, and what that permits: prices, budget and consent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path

from advisor.address import Address
from advisor.errors import InputError, Problem
from advisor.models import consent
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Meter
from advisor.task import Retrieval

DEFAULT_SECONDS = 600.0
PROPOSER = 0.1  # of the tokens and the money of a budget, for a proposer behind an endpoint
_UNITS = {  # what is bounded, and how much of it one is
    **{unit: ("seconds", n) for unit, n in (("s", 1.0), ("m", 60.0), ("h", 3600.0))},
    **{unit: ("tokens", n) for unit, n in (("tok", 1.0), ("ktok", 1e3), ("mtok", 1e6))},
    "usd": ("usd", 1.0),
}


@dataclass(frozen=True)
class Budget:
    """The most that a run may take: `seconds`, `tokens` run through the model, `usd` (a local model costs none).

    Seconds are planned for; an endpoint also stops before a request that could exceed tokens or usd.
    """

    seconds: float = DEFAULT_SECONDS
    tokens: float | None = None
    usd: float | None = None

    def part(self, share: float) -> "Budget":
        """So much of its tokens and its money, which are spent apart then; time is shared."""
        return replace(
            self,
            tokens=None if self.tokens is None else self.tokens * share,
            usd=None if self.usd is None else self.usd * share,
        )

    def __str__(self) -> str:
        """As `parse_budget` reads it."""
        amounts = ((self.seconds, "s"), (self.tokens, "tok"), (self.usd, "usd"))
        return ",".join(f"{amount:.15g}{unit}" for amount, unit in amounts if amount not in (None, inf))


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
    """A budget as people write it: `90s`, `10m`, `2h`, `200ktok`, `5usd`, or several of them: `10m,5usd`. What is not said
    has no bound. Raises InputError."""
    bounds = {"seconds": inf}
    said: set[str] = set()
    for part in text.lower().split(","):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", part.strip())
        bounded, scale = _UNITS.get(match[2], ("", 0.0)) if match else ("", 0.0)
        if not match or not 0 < (amount := float(match[1]) * scale) < inf:
            what = f"{text!r} is no budget"
            raise InputError(Problem(what, "--budget", do="Write for example 10m, 2h, 200ktok, 5usd or 10m,5usd"))
        if bounded in said:
            raise InputError(Problem(f"{text!r} bounds {bounded} twice", "--budget", do="Keep one of the two"))
        said.add(bounded)
        bounds[bounded] = amount
    return Budget(**bounds)


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
    field: str = "model",
) -> Endpoint:
    """The endpoint within the budget and with consent; `counted` in the run folder, with what was spent before.

    forbidden, typed, field: as for `consent.require`.
    """
    price = model.address.price
    meter = Meter(
        (price.prompt, price.completion) if price else (0.0, 0.0),
        settings.budget.tokens,
        settings.budget.usd,
        folder / "spent.jsonl" if counted else None,
    )
    agree = partial(consent.require, yes=settings.yes, forbidden=forbidden, typed=typed, field=field)
    return replace(model, meter=meter, folder=folder, agree=agree)
