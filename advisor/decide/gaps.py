"""Knowledge or behaviour: which kind of gap a task has, as measured, or as answers alone let one believe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, TypeAdapter

from advisor.decide.rules import Argument, Signals, read_arguments
from advisor.errors import wrong

GAPS = ("none", "format", "instruction", "knowledge", "retrieval", "behaviour", "capability")
BOTH = (
    "knowledge and behaviour"  # of an example that passes only with passages and tuning: half of it counts for either
)
SIDES = {BOTH: ("knowledge", "behaviour")}
Kind = Literal["knowledge", "behaviour", "both", "none", "capability", "unknown"]
KNOWLEDGE, BEHAVIOUR = ("knowledge", "retrieval"), ("format", "instruction", "behaviour")
FAILING = 0.1  # with less there is no gap to speak of
TWICE = 2.0  # one side's share, as a multiple of the other's, that names the gap


@dataclass(frozen=True)
class Shown:
    """A development example with a gap: its `id` and input, what was wanted, and what the plain prompt gave."""

    id: str
    input: str
    wanted: str
    given: str | None


@dataclass(frozen=True)
class Gap:
    """The `kind` of gap, and the share of examples in each of GAPS but "none", of which 1 less their sum are right already;
    as `measured`, or a belief from answers for `reasons`. `examples`: one of each gap, where they were measured."""

    kind: Kind
    shares: Mapping[str, float]
    measured: bool = False
    reasons: tuple[str, ...] = ()
    examples: Mapping[str, Shown] = field(default_factory=dict)


@dataclass(frozen=True)
class GapRule(Argument):
    """An argument for a gap, in parts of the whole."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    gap: Annotated[str, AfterValidator(lambda gap: _gap(gap))]


def _gap(gap: str) -> str:
    if gap not in GAPS:
        raise wrong(f"unknown gap {gap!r}: use one of {', '.join(GAPS)}", "")
    return gap


@cache
def load_gaps() -> tuple[GapRule, ...]:
    """What answers say of gaps, `rules/gaps.toml`."""
    return read_arguments("gap", TypeAdapter(GapRule))


def kind_of(shares: Mapping[str, float], unknown: float = 0.0) -> Kind:
    """The kind of gap from shares of GAPS and that of examples of which it is not known.

    none where under a tenth fails; of knowledge and behaviour one alone where it has at least twice the other's share, else
    both; capability where that is more than this, or as much as both.
    """
    knowledge, behaviour = (sum(shares.get(gap, 0.0) for gap in side) for side in (KNOWLEDGE, BEHAVIOUR))
    capability = shares.get("capability", 0.0)
    if knowledge + behaviour + capability + unknown < FAILING:
        return "none"
    if unknown > max(knowledge, behaviour, capability):
        return "unknown"
    apart = knowledge >= TWICE * behaviour or behaviour >= TWICE * knowledge
    if capability > max(knowledge, behaviour) and (apart or capability >= knowledge + behaviour):
        return "capability"
    if knowledge >= TWICE * behaviour:
        return "knowledge"
    return "behaviour" if behaviour >= TWICE * knowledge else "both"


def measured_gap(shares: Mapping[str, float], examples: Mapping[str, Shown]) -> Gap:
    """The gap that probes showed, from shares of GAPS and of "unknown"."""
    six = {gap: shares.get(gap, 0.0) for gap in GAPS if gap != "none"}
    return Gap(kind_of(six, shares.get("unknown", 0.0)), six, True, (), examples)


def believed_gap(signals: Signals) -> Gap:
    """The gap as answers let one believe, with the reasons of the largest; unknown where they say nothing."""
    arguments = [one for one in load_gaps() if one.fires(signals)]
    parts = {gap: sum(one.weight for one in arguments if one.gap == gap) for gap in GAPS}
    total = sum(parts.values())
    shares = {gap: round(part / total, 3) if total else 0.0 for gap, part in parts.items() if gap != "none"}
    kind = kind_of(shares) if total else "unknown"
    sides: Mapping[str, tuple[str, ...]] = {
        "knowledge": KNOWLEDGE, "behaviour": BEHAVIOUR, "both": KNOWLEDGE + BEHAVIOUR, "none": ("none",)
    }  # fmt: skip
    spoken = sides.get(kind, (kind,))
    return Gap(kind, shares, reasons=tuple(one.reason for one in arguments if one.gap in spoken))
