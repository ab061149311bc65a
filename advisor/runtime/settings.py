"""What a person chose for a run beside its task, and what that permits: prices, budget and consent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from advisor.address import Address
from advisor.errors import InputError, Problem
from advisor.models import consent
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Meter
from advisor.runtime.purse import Budget
from advisor.task import Retrieval


@dataclass(frozen=True)
class Settings:
    """What a person chose for a run beside the task. `said`: answers that they gave, which win over the data's. `yes`:
    data may leave the machine. `fresh`: compute everything again, whatever was computed before."""

    model: str = ""
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    path: str = ""
    said: Mapping[str, str | float] | None = None
    drop_invalid: bool = False
    allow_overlap: bool = False
    yes: bool = False
    fresh: bool = False


def check_prices(model: str | Address, settings: Settings) -> None:
    """Raises InputError where a budget in usd meets an endpoint without prices."""
    if settings.budget.usd is not None and isinstance(model, Address) and model.price is None:
        do = "Declare them in task.yaml in USD per million tokens, such as `price: {prompt: 0.15, completion: 0.60}`"
        raise InputError(Problem("a budget in usd needs the endpoint's prices", "--budget", do=do))


def agree_to_index(how: Retrieval, settings: Settings, runs: Path, may_leave: str | float = "unknown") -> None:
    """Consent to an index that lies on another machine. Raises InputError without it."""
    if "://" in how.index:
        address = Address(endpoint=how.index, name="milvus")
        sent = "the vectors of all passages and inputs"
        consent.require(
            address, yes=settings.yes, may_leave=may_leave, runs=runs, sent=sent, field="retrieval.index.index"
        )


def bound(
    model: Endpoint, folder: Path, settings: Settings, may_leave: str | float = "unknown", *, counted: bool = True
) -> Endpoint:
    """The endpoint within the budget and with consent; `counted` in the run folder, with what was spent before."""
    price = model.address.price
    meter = Meter(
        (price.prompt, price.completion) if price else (0.0, 0.0),
        settings.budget.tokens,
        settings.budget.usd,
        folder / "spent.jsonl" if counted else None,
    )
    agree = partial(consent.require, yes=settings.yes, may_leave=may_leave, runs=folder.parent)
    return replace(model, meter=meter, folder=folder, agree=agree)
