"""What paired differences say: better, worse, no worse, that the cheaper system is enough, or that it is not known yet.

Knows differences, nothing of metrics.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

from advisor.score.clusters import quantile, two_sided
from advisor.score.statistics import Gain

Verdict = Literal["better", "worse", "no worse", "cheaper is enough", "not known yet"]

_Z_POWER = NormalDist().inv_cdf(0.8)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction: p-values, in the order given, to be read as if each were the only one."""
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = worst
    return adjusted


def verdict(gain: Gain, smallest: float = 2.0) -> Verdict:
    """What a difference says, when gains under `smallest` points are not worth having.

    better: significant and estimated to be worth having; worse: the same downwards; no worse: the interval excludes a
    loss of `smallest`.
    """
    return verdicts([gain], smallest=smallest)[0]


def verdicts(gains: Sequence[Gain], cheaper: Sequence[bool] = (), smallest: float = 2.0) -> list[Verdict]:
    """The same of several comparisons at once, corrected by Holm: whether there is a difference, and by tests of their own
    whether there is a loss of `smallest`, and whether there is a gain of it over each system that is `cheaper` (default:
    none). Where such a gain is excluded, the cheaper system is enough: it is not inferior by what is worth having.

    The chance that any "better" or "worse" is wrong is at most 5 %; that any "no worse" is, at most 2.5 %, and so for any
    "cheaper is enough".
    """
    different, losses = holm([gain.p for gain in gains]), holm([loss_p(gain, smallest) for gain in gains])
    over = [i for i, one in enumerate(cheaper) if one]
    shortfalls = dict(zip(over, holm([loss_p(_turned(gains[i]), smallest) for i in over]), strict=True))
    return [
        _said(gain.value, different[i], losses[i], shortfalls.get(i, 1.0), smallest) for i, gain in enumerate(gains)
    ]


def _turned(gain: Gain) -> Gain:
    """The gain of the other system over this one."""
    return replace(gain, lo=-gain.hi, value=None if gain.value is None else -gain.value, hi=-gain.lo)


def loss_p(gain: Gain, smallest: float = 2.0) -> float:
    """The two-sided p of a loss of just `smallest` points; 1 where the loss is that much or more, or nothing is known.

    It is 0.05 where the 95 % interval ends there: Wilson's interval holds the shares that such a test does not reject, so
    its lower end tells the standard error.
    """
    if gain.value is None:
        return 1.0
    share, end, loss = ((points + 100) / 200 for points in (gain.value, gain.lo, -smallest))
    if share <= loss or end <= 0:
        return 1.0
    distance = quantile(gain.freedom) * (share - loss) * sqrt(end * (1 - end))
    return two_sided(distance / max((share - end) * sqrt(loss * (1 - loss)), 1e-12), gain.freedom)


def _said(value: float | None, different: float, loss: float, shortfall: float, smallest: float) -> Verdict:
    """The verdict by the corrected p of a difference, of a loss, and of what a cheaper system falls short by."""
    if value is not None and different <= 0.05 and abs(value) >= smallest:
        return "better" if value > 0 else "worse"
    if shortfall < 0.05:
        return "cheaper is enough"
    return "no worse" if loss < 0.05 else "not known yet"


def examples_needed(gain: Gain, smallest: float = 2.0) -> int | None:
    """How many more paired examples would settle `verdict`, with power 80 %, if difference and spread stay as they are.

    0 where it is settled; None where no number under a million would, or nothing has been measured.
    """
    if verdict(gain, smallest) != "not known yet":
        return 0
    # The distance from the estimate to the bound that its interval has to clear.
    if gain.value is None:
        return None
    distance = gain.value + smallest if abs(gain.value) < smallest else abs(gain.value)
    z = quantile(gain.freedom)
    error = (gain.hi - gain.lo) / 2 / z
    if distance <= 0:
        return None
    more = ceil(gain.n * ((z + _Z_POWER) * error / distance) ** 2) - gain.n
    return max(more, 1) if more < 1e6 else None
