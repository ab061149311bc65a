"""How sure a figure is: intervals, paired differences, verdicts. Knows metrics as sums, nothing of systems.

Every figure is recomputed on bootstrap resamples of the examples (a product of resampling weights and summed statistics),
so micro and macro figures are treated like means. The resamples give the standard error; the interval's form is Wilson's
(1927), because a percentile interval has width 0 when every example is right and covers badly near 0 and 100.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.score.metric import Metric, Scored

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "no worse", "not known yet"]

RESAMPLES = 2000
_Z = NormalDist().inv_cdf(0.975)
_Z_POWER = NormalDist().inv_cdf(0.8)


@dataclass(frozen=True)
class Interval:
    """A score, 0 to 100, with its 95 % interval over `n` scored examples; `unscored` ones are not in it."""

    lo: float
    value: float
    hi: float
    n: int
    unscored: int = 0


@dataclass(frozen=True)
class Gain:
    """A paired difference, in points, with its 95 % interval and two-sided p, over the `n` examples that both scored."""

    lo: float
    value: float
    hi: float
    p: float
    n: int
    unscored: int = 0


def interval(metric: Metric, scored: Sequence[Scored], seed: int) -> Interval:
    """The score with its 95 % interval. Without a scored example nothing is known: 0 to 100 around 50."""
    kept = [one for one in scored if one.score is not None]
    n, unscored = len(kept), len(scored) - len(kept)
    if not n:
        return Interval(0.0, 50.0, 100.0, 0, unscored)
    statistics = _matrix(kept)
    value = float(_figures(metric, np.ones((1, n)), statistics)[0])
    spread = float(_figures(metric, _weights(n, RESAMPLES, seed), statistics).var()) * n * n / max(n - 1, 1)
    # Scores that all agree say nothing about how far the next one may be off: few that differ, little trust in `spread`.
    different = n - max(np.unique([one.score for one in kept], return_counts=True)[1])
    share = value / 100
    spread = max(spread / 1e4, share * (1 - share) / (1 + different))
    lo, hi = _wilson(share, spread, n)
    return Interval(100 * lo, value, 100 * hi, n, unscored)


def difference(metric: Metric, a: Sequence[Scored], b: Sequence[Scored], seed: int) -> Gain:
    """How much better `a` is than `b`, paired by example id."""
    pairs, unscored = _paired({"a": a, "b": b})
    n = len(pairs["a"])
    if not n:
        return Gain(-100.0, 0.0, 100.0, 1.0, 0, unscored)
    ones, weights = np.ones((1, n)), _weights(n, RESAMPLES, seed)
    ours, theirs = _matrix(pairs["a"]), _matrix(pairs["b"])
    value = float((_figures(metric, ones, ours) - _figures(metric, ones, theirs))[0])
    spread = float((_figures(metric, weights, ours) - _figures(metric, weights, theirs)).var()) * n * n / max(n - 1, 1)
    # Two pseudo-pairs, one for each side, as Bonett and Price (2012) add for matched proportions.
    spread = (n * spread + 2 * _surprise(pairs) ** 2) / (n + 2)
    # A difference lies in -100..100, so half of it, moved by a half, is a share.
    share = (value + 100) / 200
    lo, hi = _wilson(share, spread / 4e4, n)
    dispersion = _dispersion(share, spread / 4e4)
    p = 2 * NormalDist().cdf(-abs(share - 0.5) / sqrt(dispersion / 4 / n))
    return Gain(200 * lo - 100, value, 200 * hi - 100, p, n, unscored)


def draws(metric: Metric, scored: Mapping[str, Sequence[Scored]], seed: int, b: int = RESAMPLES) -> dict[str, Floats]:
    """`b` likely scores of each system, paired: draw i of every system is of the same resample of common examples.

    Each system gets the noise of its own that `difference` allows for pairs not seen, so that two systems that
    agree on a few examples are not taken to agree for certain. Without common examples: evenly from 0 to 100.
    """
    pairs, _ = _paired(scored)
    rng = np.random.default_rng([seed, 1])
    n = len(next(iter(pairs.values()), ()))
    if not n:
        return {name: rng.uniform(0, 100, b) for name in scored}
    weights, noise = _weights(n, b, seed), _surprise(pairs) / (n + 2)
    return {
        name: np.clip(_figures(metric, weights, _matrix(kept)) + rng.normal(0, noise, b), 0, 100)
        for name, kept in pairs.items()
    }


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
    return verdicts([gain], smallest)[0]


def verdicts(gains: Sequence[Gain], smallest: float = 2.0) -> list[Verdict]:
    """The same of several comparisons at once, corrected by Holm: whether there is a difference, and by a test of its own
    whether there is a loss of `smallest`.

    The chance that any "better" or "worse" is wrong is at most 5 %, and that any "no worse" is, at most 2.5 %.
    """
    different, losses = holm([gain.p for gain in gains]), holm([loss_p(gain, smallest) for gain in gains])
    return [_said(*one, smallest) for one in zip((gain.value for gain in gains), different, losses, strict=True)]


def loss_p(gain: Gain, smallest: float = 2.0) -> float:
    """The two-sided p of a loss of just `smallest` points; 1 where the loss is that much or more.

    It is 0.05 where the 95 % interval ends there: Wilson's interval holds the shares that such a test does not reject, so
    its lower end tells the standard error.
    """
    share, end, loss = ((points + 100) / 200 for points in (gain.value, gain.lo, -smallest))
    if share <= loss or end <= 0:
        return 1.0
    distance = _Z * (share - loss) * sqrt(end * (1 - end))
    return 2 * NormalDist().cdf(-distance / max((share - end) * sqrt(loss * (1 - loss)), 1e-12))


def _said(value: float, different: float, loss: float, smallest: float) -> Verdict:
    if different <= 0.05 and abs(value) >= smallest:
        return "better" if value > 0 else "worse"
    return "no worse" if loss < 0.05 else "not known yet"


def examples_needed(gain: Gain, smallest: float = 2.0) -> int | None:
    """How many more paired examples would settle `verdict`, with power 80 %, if difference and spread stay as they are.

    0 where it is settled; None where no number under a million would, or nothing has been measured.
    """
    if verdict(gain, smallest) != "not known yet":
        return 0
    # The distance from the estimate to the bound that its interval has to clear.
    distance = gain.value + smallest if abs(gain.value) < smallest else abs(gain.value)
    error = (gain.hi - gain.lo) / 2 / _Z
    if not gain.n or distance <= 0:
        return None
    more = ceil(gain.n * ((_Z + _Z_POWER) * error / distance) ** 2) - gain.n
    return max(more, 1) if more < 1e6 else None


def _matrix(scored: Sequence[Scored]) -> Floats:
    return np.array([one.statistics for one in scored], dtype=np.float64)


@lru_cache(maxsize=4)
def _weights(n: int, b: int, seed: int) -> Floats:
    """How often each of n examples is in each of b resamples, shape (b, n)."""
    weights = np.random.default_rng([seed, n]).multinomial(n, np.full(n, 1 / n), size=b).astype(np.float64)
    weights.flags.writeable = False
    return weights


def _figures(metric: Metric, weights: Floats, statistics: Floats) -> Floats:
    return metric.aggregate(weights @ statistics)


def _paired(scored: Mapping[str, Sequence[Scored]]) -> tuple[dict[str, list[Scored]], int]:
    """The scores of the examples that every system scored, in one order, and how many examples that leaves out."""
    tables = [{one.id: one for one in ones} for ones in scored.values()]
    every = dict.fromkeys(id_ for table in tables for id_ in table)
    common = [id_ for id_ in every if all(id_ in table and table[id_].score is not None for table in tables)]
    pairs = {name: [table[id_] for id_ in common] for name, table in zip(scored, tables, strict=True)}
    return pairs, len(every) - len(common)


def _surprise(pairs: Mapping[str, Sequence[Scored]]) -> float:
    """How far one unseen example may set two systems apart, in points: the typical distance where they differ.

    Where few pairs differ that is hardly known, so it is at least 100 / sqrt(1 + how many differ).
    """
    scores = np.array([[one.score for one in ones] for ones in pairs.values()], dtype=np.float64)
    apart = np.abs(scores[1:] - scores[:1]).ravel()
    apart = apart[apart > 0]
    typical = sqrt(float((apart**2).mean())) if len(apart) else 0.0
    return max(typical, 100 / sqrt(1 + len(apart)))


def _dispersion(share: float, spread: float) -> float:
    """The variance of one example beside that of a coin with the same share (1 where the share is 0 or 1)."""
    coin = share * (1 - share)
    return max(spread / coin, 1e-9) if coin > 1e-12 else 1.0


def _wilson(share: float, spread: float, n: int) -> tuple[float, float]:
    """Wilson's interval for a share of 1 whose examples vary by `spread`: as if from n / dispersion coins."""
    coins = n / _dispersion(share, spread)
    center = (share + _Z**2 / (2 * coins)) / (1 + _Z**2 / coins)
    half = _Z * sqrt(share * (1 - share) / coins + _Z**2 / (4 * coins**2)) / (1 + _Z**2 / coins)
    return max(center - half, 0.0), min(center + half, 1.0)
