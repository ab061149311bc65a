"""What a run may spend, and what that buys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from advisor.errors import InputError, Problem

LEAST_PAIRS = 100  # to fit an embedder on; fewer are learnt by heart
DEFAULT_SECONDS = 600.0
PASSAGE_TOKENS = 80  # of the one passage that a tuned system reads, until it is counted
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
class Plan:
    """What the budget buys: examples to `measure` and `choose` on, rows for the `short` tuning, rows and epochs of the
    full one; `room` for that many tokens of documents in every prompt, where all of them are to be tried there; `pairs` of
    questions and documents to fit an embedder on; how many `sizes` of passages to try."""

    measure: int
    choose: int
    short: int
    rows: int
    epochs: int
    max_tokens: int
    speed: Mapping[str, float]
    room: int = 0
    pairs: int = 0
    sizes: int = 1


def parse(text: str) -> Budget:
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


def smaller(plan: Plan, rows: int) -> Plan:
    """The plan of the short tuning: fewer rows, once."""
    return replace(plan, rows=rows, epochs=1)
