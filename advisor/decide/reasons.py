"""The arguments for a path in words: what was measured, which rules hold, what published comparisons found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from advisor.decide.belief import INTERVAL, Measured, Situation
from advisor.decide.cases import SMALLEST_GAIN, Case
from advisor.decide.costs import MOST, prices, year_hours
from advisor.decide.deciding import Decided
from advisor.decide.rules import Rule
from advisor.system import PATH_NAMES, TUNING

PROMPTED = ("prompting", "rag")  # paths of which a better instruction may make more
NEAR = 10.0  # points under a path, from which on a floor is told


@dataclass(frozen=True)
class Reason:
    """One argument in words, `for` or `against` the path that comes first. A rule's carries its id, weight and source; a
    comparison's only its text."""

    text: str
    rule: str = ""
    weight: float = 0.0
    source: str = ""
    side: Literal["for", "against"] = "for"


def reasons(
    decided: Decided, situation: Situation, rules: Sequence[Rule], alike: Sequence[tuple[Case, float]]
) -> tuple[Reason, ...]:
    """What speaks for the first path, then what speaks against it."""
    path, measured = decided.order[0], situation.measured
    told = [*_price(path, situation), *_arguments(path, rules), *_published(path, alike)]
    if measured:
        told = [
            *_contradiction(path, decided, measured),
            *_compared(path, measured),
            *_floor(path, decided, measured),
            *told,
        ]
    return tuple(sorted(told, key=lambda reason: reason.side == "against"))


def _compared(path: str, measured: Measured) -> Iterator[Reason]:
    """Measured differences to the other paths, as long as they are more than chance or the smallest gain worth having."""
    if path not in measured.draws:
        return
    for other, draws in measured.draws.items():
        if other == path:
            continue
        difference = measured.draws[path] - draws
        low, high = np.percentile(difference, INTERVAL)
        short = ", tried in short" if path in measured.outlook else ""
        text = f"measured: {path}{short} {difference.mean():+.1f} points against {other} [{low:.1f}, {high:.1f}]"
        side: Literal["for", "against"] = "for" if difference.mean() >= 0 else "against"
        best = _best_prompt(path, other, measured) if side == "for" else ""
        yield Reason(f"{text} on {measured.examples} examples{best}", side=side)


def prompts_tried(instructions: int) -> str:
    """Which prompts were tried, of so many instructions: tuning that beats the best of them may not beat every prompt."""
    which = {0: "no instruction", 1: "your own instruction"}.get(instructions, f"{instructions} instructions")
    return f"of the prompts that were tried: {which}, with and without examples"


def _best_prompt(path: str, other: str, measured: Measured) -> str:
    """What is added where tuning is said to beat a prompt; "" elsewhere."""
    tunes = path in TUNING and other in PROMPTED
    return f"; {other} is the best {prompts_tried(measured.instructions)}" if tunes else ""


def _contradiction(path: str, decided: Decided, measured: Measured) -> Iterator[Reason]:
    """Why a path comes first that did not have the best measured score."""
    score = {name: float(measured.draws[name].mean()) for name in measured.paths}
    best = max(score, key=lambda name: score[name])
    if path == best:
        return
    believed = decided.scores[:, PATH_NAMES.index(path)]
    low, high = np.clip(np.percentile(believed, INTERVAL), 0, 100)
    full = f"{np.clip(believed.mean(), 0, 100):.0f} [{low:.0f}, {high:.0f}]"
    if path not in score:
        text = f"{path} was not measured; from published comparisons and rules {full} is expected, {best} has {score[best]:.0f}"
    elif path in measured.outlook:
        tried, there = measured.rows
        text = f"{path}, tried in short on {tried:,} rows, has {score[path]:.0f}, less than {best} ({score[best]:.0f}); with all {there:,} rows {full} is expected"
        text += _best_prompt(path, best, measured)
    elif decided.probable(path) < decided.probable(best):
        text = f"{best} scored {score[best] - score[path]:.1f} points more than {path}, which does not earn back what it takes to build"
    else:
        text = f"{best} scored {score[best] - score[path]:.1f} points more than {path}, no more than chance or not worth having"
    yield Reason(text)


def _floor(path: str, decided: Decided, measured: Measured) -> Iterator[Reason]:
    """What scores nearly as much with no work at all."""
    name, floor = measured.floor
    if floor > decided.scores[:, PATH_NAMES.index(path)].mean() - NEAR:
        yield Reason(f"measured: {name}, no work at all, scores {floor:.0f} already", side="against")


def _price(path: str, situation: Situation) -> Iterator[Reason]:
    """What the requests of a year say of building something dearer."""
    answers, table, rates = situation.answers, situation.costs, situation.rates
    price = dict(zip(PATH_NAMES, prices(answers, table, rates), strict=True))
    later = [name for name in PATH_NAMES[PATH_NAMES.index(path) + 1 :] if name not in situation.ruled_out]
    dearer = next((name for name in later if price[name] > price[path] + 1), "")
    if dearer:
        said, assumed = answers["requests_per_day"], rates.requests_per_day.value
        often = (
            f"{assumed:,.0f} requests a day, assumed as nobody said,"
            if isinstance(said, str)
            else f"{said:,.0f} requests a day"
        )
        more = year_hours(table[dearer], answers, rates) - year_hours(table[path], answers, rates)
        gain = "more than any path can gain" if price[dearer] >= MOST else f"{price[dearer] - price[path]:.1f} points"
        text = f"at {often} {dearer} has to gain {gain} to earn back {more:.0f} hours more of somebody's work within a year"
        yield Reason(text, source="advisor/decide/costs.toml")


def _arguments(path: str, rules: Sequence[Rule]) -> Iterator[Reason]:
    """Rules that hold: for this path, against others, and then against this one and for others."""
    for rule in sorted(rules, key=lambda rule: -abs(rule.weight)):
        part = rule.weight > 0 and rule.path in path.split("+")  # what speaks for rag speaks for rag+finetuning, too
        speaks_for = part or (rule.weight > 0) == (rule.path == path)
        text = rule.reason if rule.path == path else f"{rule.path}: {rule.reason}"
        yield Reason(text, rule.id, rule.weight, rule.source, "for" if speaks_for else "against")


def _published(path: str, alike: Sequence[tuple[Case, float]]) -> Iterator[Reason]:
    """How the path did in the published comparisons most alike that tried it."""
    if not alike:
        return
    won = sum(path in case.won for case, _ in alike)
    text = f"in {won} of the {len(alike)} most similar studies that tried it, {path} was within {SMALLEST_GAIN:g} points of the best"
    side: Literal["for", "against"] = "for" if 2 * won >= len(alike) else "against"
    yield Reason(text, source="rules/cases.jsonl", side=side)
