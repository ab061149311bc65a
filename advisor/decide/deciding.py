"""Deciding: from what is believed of the paths to their order, how sure it is, and whether one is recommended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from advisor.decide.belief import Bools, Measured, Situation, believed, facing, possible
from advisor.decide.cases import SMALLEST_GAIN, CaseModel, Floats
from advisor.decide.costs import prices
from advisor.system import PATH_NAMES

Verdict = Literal["recommended", "insufficient evidence", "nothing"]

# From answers alone, cross-validated: what was advised at 0.6 or more was right in about three of four cases, what was
# less sure in less than two of three (`make bench-decide`). With measurements a build costs hours and the
# sealed test still checks it: wrong once in five is the most we accept.
ENOUGH_FROM_ANSWERS, ENOUGH_MEASURED = 0.6, 0.8
SURELY = 0.95  # the share of draws in which a path has to be above the floor
LACKING = 0.5  # at most as sure, where facts are needed and no documents are there: no path supplies them
NEVER = -1e4  # points: less than any path that can be taken has after its price


@dataclass(frozen=True)
class Decided:
    """What a situation leads to.

    `scores`: (draws, 5) believed. `probability`: (5,) that a path is within the smallest gain worth having of the best that
    can be taken. `certainty`: (5,) the same once the price of building is taken off each; the `order` goes by it, what is
    not surely above the floor (`floored`, with the reason) and what can't be taken (`out`) last. `enough` is the certainty that the first needs to be recommended.
    `untried` was not measured where others were: published comparisons alone don't make it the one to build.
    """

    scores: Floats
    probability: Floats
    certainty: Floats
    order: tuple[str, ...]
    enough: float
    out: frozenset[str]
    floored: Mapping[str, str]
    provisional: str
    untried: frozenset[str] = frozenset()

    @property
    def verdict(self) -> Verdict:
        """Whether a path is recommended."""
        first = self.order[0]
        if first in self.floored:
            return "nothing"
        sure = self.sure_of(first) >= self.enough and first not in self.untried
        return "recommended" if sure else "insufficient evidence"

    @property
    def path(self) -> str | None:
        """The path recommended."""
        return self.order[0] if self.verdict == "recommended" else None

    @property
    def left(self) -> tuple[str, ...]:
        """The paths that can be taken and are surely above the floor, in the order of cost."""
        return tuple(path for path in PATH_NAMES if path not in self.out and path not in self.floored)

    def sure_of(self, path: str) -> float:
        """The certainty of a path."""
        return float(self.certainty[PATH_NAMES.index(path)])

    def probable(self, path: str) -> float:
        """The probability of a path."""
        return float(self.probability[PATH_NAMES.index(path)])


def decide(model: CaseModel, situation: Situation) -> Decided:
    """The order of the paths in a situation."""
    scores, there = believed(model, situation), possible(model, situation)
    worth = scores - prices(situation.answers, situation.costs, situation.rates)
    probability, certainty = _within(scores, there), _within(worth, there)
    if lacking(situation):
        certainty = np.minimum(certainty, LACKING)
    out = frozenset(situation.ruled_out)
    floored = {path: why for path, why in _floored(scores, situation.measured).items() if path not in out}

    def place(path: str) -> tuple[bool, bool, float]:
        return path in out, path in floored, -certainty[PATH_NAMES.index(path)]

    order = tuple(sorted(PATH_NAMES, key=place))
    enough = ENOUGH_MEASURED if situation.measured else ENOUGH_FROM_ANSWERS
    untried = frozenset(PATH_NAMES).difference(situation.measured.paths, out) if situation.measured else frozenset()
    tried = [path for path in order if path not in out.union(floored, untried)] or [order[0]]
    provisional = _cheapest_contender(worth, tried)
    return Decided(scores, probability, certainty, order, enough, out, floored, provisional, untried)


def lacking(situation: Situation) -> bool:
    """Whether facts are needed that nothing supplies, as far as was said; a measurement says more."""
    answers = situation.answers
    needed, there = answers["needs_private_or_fresh_facts"], answers["documents_available"]
    return needed == "yes" and there == "no" and not situation.measured


def _within(scores: Floats, there: Bools) -> Floats:
    """(5,) the share of draws in which a path is within the smallest gain of the best that can be taken, to two places:
    more would be noise, and what is nearer than that is a tie."""
    best = np.where(there, scores, NEVER).max(axis=1, keepdims=True)
    shares: Floats = ((scores >= best - SMALLEST_GAIN) & there).mean(axis=0)
    return shares.round(2)


def _floored(scores: Floats, measured: Measured | None) -> dict[str, str]:
    """The paths that are not surely above what no work at all scores, each with the reason."""
    if not measured or not measured.floors:
        return {}
    floor = np.max([facing(draws, len(scores)) for draws in measured.floors.values()], axis=0)
    above = (scores > floor[:, None]).mean(axis=0)
    name, score = measured.floor
    why = f"not surely above {name}, which scores {score:.0f}"
    return {path: why for path, share in zip(PATH_NAMES, above, strict=True) if share < SURELY}


def _cheapest_contender(worth: Floats, tried: Sequence[str]) -> str:
    """The cheapest of some paths that can't be told from the first of them: it is not, with the certainty wanted of a measurement,
    worse, and what taking it is expected to lose is under the smallest gain worth having."""
    behind = worth[:, [PATH_NAMES.index(tried[0])]] - worth
    told = ((behind > SMALLEST_GAIN).mean(axis=0) >= ENOUGH_MEASURED) | (behind.mean(axis=0) > SMALLEST_GAIN)
    return next(p for p, known in zip(PATH_NAMES, told, strict=True) if p in tried and not known)
