"""What spending more is worth: when a dearer path is earned back, when to stop finding out, what more examples would give.

Computed from draws of what is believed and from costs alone, in points, hours of a person and USD.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from advisor.decide.belief import Measured, Situation, Triple, ends
from advisor.decide.cases import CaseModel, Floats
from advisor.decide.costs import DAYS, point_hours, prices, requests_a_year, year_hours
from advisor.decide.deciding import Decided
from advisor.system import LEARNING, PATH_NAMES

MORE = 100  # examples, of which the gain is told
FOREVER = 100  # years, after which nothing is earned back any more
LEAST = 1e-3  # points that are always missing


@dataclass(frozen=True)
class BreakEven:
    """After how many `requests`, and `days` at so many `a_day`, `path` has earned back what it takes more than the cheaper `over`,
    by an expected `gain` in points over it; None for never."""

    path: str
    over: str
    gain: float
    a_day: float
    requests: int | None = None
    days: int | None = None


@dataclass(frozen=True)
class Stop:
    """The most that finding out more can be worth in a year: in `points` of score, in `hours` of a person, and in `usd`."""

    points: float
    hours: float
    usd: float


@dataclass(frozen=True)
class MoreExamples:
    """What so many more labelled `examples` take, in `hours` of a person and in `usd`, and what they give each path that learns:
    points, as the lower end, the expected value and the upper end of 90 %, by its own tuning in short or else by published comparisons;
    and the hours that a point saves in a year."""

    examples: int
    hours: float
    usd: float
    gains: Mapping[str, Triple]
    point_hours: float


def break_even(decided: Decided, situation: Situation) -> BreakEven | None:
    """When the first path is earned back over the next in the ranking that comes before it in the order of cost; where none does,
    when the next that comes after it would be. None where there is only one."""
    first, left = decided.order[0], decided.left
    others = [path for path in decided.order if path in left and path != first]
    if first not in left or not others:
        return None
    other = next((path for path in others if left.index(path) < left.index(first)), others[0])
    path, over = sorted((first, other), key=left.index, reverse=True)
    scores = dict(zip(PATH_NAMES, decided.scores.mean(axis=0), strict=True))
    return _earned_back(path, over, round(float(scores[path] - scores[over]), 2), situation)


def _earned_back(path: str, over: str, gain: float, situation: Situation) -> BreakEven:
    answers, rates, table = situation.answers, situation.rates, situation.costs
    requests = requests_a_year(answers, rates)
    never = BreakEven(path, over, gain, requests / DAYS)
    once = (table[path].hours or 0.0) - (table[over].hours or 0.0)
    once += ((table[path].usd or 0.0) - (table[over].usd or 0.0)) / rates.hour_usd.value
    # What is left of a year's gain once serving and upkeep are paid.
    yearly = year_hours(table[path], answers, rates) - year_hours(table[over], answers, rates) - once
    saved = gain * point_hours(answers, rates) - yearly
    if saved <= 0 or not requests or once > FOREVER * saved:
        return never
    years = max(0.0, once) / saved
    return replace(never, requests=math.ceil(years * requests), days=math.ceil(years * DAYS))


def stop(decided: Decided, situation: Situation) -> Stop | None:
    """The expected value of perfect information (Raiffa and Schlaifer 1961): what knowing the best path for sure would gain over
    taking the one that looks best now, price and all. None where there is nothing to choose between."""
    answers, rates = situation.answers, situation.rates
    left = [PATH_NAMES.index(path) for path in decided.left]
    if len(left) < 2:
        return None
    worth = (decided.scores - prices(answers, situation.costs, rates))[:, left]
    points = float(worth.max(axis=1).mean() - worth.mean(axis=0).max())
    hours = points * point_hours(answers, rates)
    return Stop(round(points, 2), round(hours, 1), round(hours * rates.hour_usd.value))


def more_examples(model: CaseModel, decided: Decided, situation: Situation) -> MoreExamples | None:
    """What more examples take and give. None where it is not known how many there are, or no path that learns can be taken."""
    rates, there = situation.rates, situation.answers["train_examples"]
    if isinstance(there, str) or not there:
        return None
    grown = {**situation.answers, "train_examples": there + MORE}
    published = model.belief(grown, {**situation.known, **grown}) - model.belief(situation.answers, situation.known)
    gains = {
        path: ends(published[:, PATH_NAMES.index(path)] if drawn is None else drawn)
        for path in LEARNING
        if path not in decided.out
        for drawn in [_foretold(path, there, situation.measured)]
    }
    if not gains:
        return None
    hours = MORE * rates.label_minutes.value / 60
    each = point_hours(situation.answers, rates)
    return MoreExamples(MORE, round(hours, 1), round(hours * rates.hour_usd.value), gains, round(each, 2))


def _foretold(path: str, there: float, measured: Measured | None) -> Floats | None:
    """Draws of what more examples than are `there` give a path that was tuned in short; None of another. The error that is left
    falls as a power of the rows seen: the one by which it falls from the short tuning to the full one."""
    if not measured or path not in measured.outlook or not measured.seen[1] > measured.seen[0] > 0:
        return None
    expected, sd = measured.outlook[path]
    missing = max(100.0 - float(measured.draws[path].mean()), LEAST)
    drawn = np.random.default_rng(2).normal(expected, sd, len(measured.draws[path]))
    left = np.clip(missing - drawn, LEAST, missing)
    power = np.log(missing / left) / math.log(measured.seen[1] / measured.seen[0])
    learned = max(measured.rows[1], 1)
    gained: Floats = left * ((there / learned) ** -power - ((there + MORE) / learned) ** -power)
    return gained
