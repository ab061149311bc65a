"""How sure a figure is: intervals, paired differences, verdicts. Knows metrics as sums, nothing of systems.

Every figure is recomputed on bootstrap resamples of the examples (a product of resampling weights and summed statistics),
so micro and macro figures are treated like means. The resamples give the standard error; the interval's form is Wilson's
(1927), because a percentile interval has width 0 when every example is right and covers badly near 0 and 100.

An example that a system gave no text for is in no figure: a figure over nothing is None. It widens intervals, as if it had
scored 0 and as if it had scored 100; it counts as one of all examples, also where figures are no means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, nan, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.score.metric import Metric, Scored, over_all

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "no worse", "not known yet"]

RESAMPLES = 2000
MISSING = 0.05  # share of the examples without an answer, above which a system is not to be recommended
# Where each row was answered by what was made from the other folds, scores hang together: they vary about so much more
# than independent ones would (by simulation of several learners on 16 to 100 rows in five folds: 0.9 to 2.1, most under 1.5;
# Nadeau and Bengio 2003, which is meant to be safe, comes to 2.25).
FOLDED = 1.5
_Z = NormalDist().inv_cdf(0.975)
_Z_POWER = NormalDist().inv_cdf(0.8)


@dataclass(frozen=True)
class Interval:
    """A score, 0 to 100, over `n` scored examples (None over none), with its 95 % interval, which allows for what the
    `unscored` ones could be."""

    lo: float
    value: float | None
    hi: float
    n: int
    unscored: int = 0

    @property
    def misses(self) -> bool:
        """Whether so many examples got no answer that the system is not to be recommended."""
        return missed(self.n, self.unscored)


@dataclass(frozen=True)
class Gain:
    """A paired difference, in points, over the `n` examples that both scored (None over none), with its 95 % interval and
    two-sided p, which allow for what the `unscored` ones could be."""

    lo: float
    value: float | None
    hi: float
    p: float
    n: int
    unscored: int = 0


def missed(n: int, unscored: int) -> bool:
    """Whether more than `MISSING` of the examples, `n` of them scored, got no answer."""
    return unscored > MISSING * (n + unscored)


def rating(metric: Metric, scored: Sequence[Scored]) -> float:
    """What one system is chosen over another by: the score with missing answers as 0, so that none wins by its gaps."""
    kept = [one for one in scored if one.score is not None]
    return over_all(metric, kept) * len(kept) / len(scored) if kept else 0.0


def interval(metric: Metric, scored: Sequence[Scored], seed: int, *, folded: bool = False) -> Interval:
    """The score with its 95 % interval. folded: each example was answered by what was made from the others' folds."""
    kept = [one for one in scored if one.score is not None]
    n, unscored = len(kept), len(scored) - len(kept)
    if not n:
        return Interval(0.0, None, 100.0, 0, unscored)
    value = over_all(metric, kept)
    spread = float(_figures(metric, _weights(n, RESAMPLES, seed), _matrix(kept)).var()) * n * n / max(n - 1, 1)
    # Scores that all agree say nothing about how far the next one may be off: few that differ, little trust in `spread`.
    different = n - max(np.unique([one.score for one in kept], return_counts=True)[1])
    share = value / 100
    spread = max(spread / 1e4, share * (1 - share) / (1 + different)) * (FOLDED if folded else 1)
    lo, hi = (wilson(*_with(share, spread, n, [end] * unscored))[at] for at, end in enumerate((0.0, 1.0)))
    return Interval(100 * lo, value, 100 * hi, n, unscored)


def difference(metric: Metric, a: Sequence[Scored], b: Sequence[Scored], seed: int) -> Gain:
    """How much better `a` is than `b`, paired by example id."""
    pairs, missing = _paired({"a": a, "b": b})
    n, unscored = len(pairs["a"]), len(missing)
    if not n:
        return Gain(-100.0, None, 100.0, 1.0, 0, unscored)
    weights, ours, theirs = _weights(n, RESAMPLES, seed), _matrix(pairs["a"]), _matrix(pairs["b"])
    value = float((_figures(metric, np.ones((1, n)), ours) - _figures(metric, np.ones((1, n)), theirs))[0])
    spread = float((_figures(metric, weights, ours) - _figures(metric, weights, theirs)).var()) * n * n / max(n - 1, 1)
    # Two pseudo-pairs, one for each side, as Bonett and Price (2012) add for matched proportions.
    spread = (n * spread + 2 * _surprise(_scores(pairs)) ** 2) / (n + 2)
    worst = [(0.0 if one is None else one) - (100.0 if other is None else other) for one, other in missing]
    best = [(100.0 if one is None else one) - (0.0 if other is None else other) for one, other in missing]
    could_be = [_with(value, spread, n, more) for more in ([], worst, best)]
    lows, highs, ps = zip(*(_tested(*one) for one in could_be), strict=True)
    either = min(one[0] for one in could_be) < 0 < max(one[0] for one in could_be)  # so it could be nothing at all
    return Gain(min(lows), value, max(highs), 1.0 if either else max(ps), n, unscored)


def _tested(value: float, spread: float, n: int) -> tuple[float, float, float]:
    """The 95 % interval of a difference, in points, whose `n` examples vary by `spread`, and its two-sided p."""
    # A difference lies in -100..100, so half of it, moved by a half, is a share.
    share = (value + 100) / 200
    lo, hi = wilson(share, spread / 4e4, n)
    dispersion = _dispersion(share, spread / 4e4)
    p = 2 * NormalDist().cdf(-abs(share - 0.5) / sqrt(dispersion / 4 / n))
    return 200 * lo - 100, 200 * hi - 100, p


def draws(
    metric: Metric,
    scored: Mapping[str, Sequence[Scored]],
    seed: int,
    b: int = RESAMPLES,
    *,
    folded: bool = False,
    beside: str = "",
) -> dict[str, Floats]:
    """`b` likely scores of each system, paired: draw i of every system is of the same resample of the examples.

    Each system gets the noise of its own that `difference` allows for pairs not seen, so that two systems that
    agree on a few examples are not taken to agree for certain. What a system gave no answer for lies anywhere from 0 to
    100. Of a system that was asked fewer examples than the one named `beside`, the score is moved by as much as that one's
    differs between those examples and all, as far as the two go together (a control variate). folded: as for `interval`.
    """
    tables = {name: {one.id: one for one in ones} for name, ones in scored.items()}
    ids = list(dict.fromkeys(id_ for table in tables.values() for id_ in table))
    rng, guesses = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    n = len(ids)
    if not n:
        return {name: rng.uniform(0, 100, b) for name in scored}
    scores = np.array([[_of(table.get(id_)) for id_ in ids] for table in tables.values()], dtype=np.float64)
    weights, surprise = _weights(n, b, seed), _surprise(scores)
    drawn = {}
    for (name, table), own in zip(tables.items(), scores, strict=True):
        asked = np.array([id_ in table for id_ in ids])
        likely = _likely(metric, weights, table, ids, own, asked, guesses)
        if beside in tables and not asked.all():
            other, there = tables[beside], scores[list(tables).index(beside)]
            part = _likely(metric, weights, other, ids, there, asked, guesses)
            spread = part.var()
            together = float(np.cov(likely, part)[0, 1] / spread) if spread else 0.0
            likely = likely + together * (_likely(metric, weights, other, ids, there, asked | True, guesses) - part)
        if folded:
            likely = likely.mean() + sqrt(FOLDED) * (likely - likely.mean())
        drawn[name] = np.clip(likely + rng.normal(0, surprise / (asked.sum() + 2), b), 0, 100)
    return drawn


def _likely(
    metric: Metric,
    weights: Floats,
    table: Mapping[str, Scored],
    ids: Sequence[str],
    own: Floats,
    asked: NDArray[np.bool_],
    guesses: np.random.Generator,
) -> Floats:
    """(b,) scores of one system on the examples that were `asked`, in each resample."""
    there = np.flatnonzero(~np.isnan(own) & asked)
    likely = np.zeros(len(weights))
    if len(there):
        likely = _figures(metric, weights[:, there], _matrix([table[ids[int(at)]] for at in there]))
    if len(there) < asked.sum():
        share = weights[:, there].sum(axis=1) / np.maximum(weights[:, asked].sum(axis=1), 1)
        likely = share * likely + (1 - share) * guesses.uniform(0, 100, len(weights))
    return likely


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
    """The two-sided p of a loss of just `smallest` points; 1 where the loss is that much or more, or nothing is known.

    It is 0.05 where the 95 % interval ends there: Wilson's interval holds the shares that such a test does not reject, so
    its lower end tells the standard error.
    """
    if gain.value is None:
        return 1.0
    share, end, loss = ((points + 100) / 200 for points in (gain.value, gain.lo, -smallest))
    if share <= loss or end <= 0:
        return 1.0
    distance = _Z * (share - loss) * sqrt(end * (1 - end))
    return 2 * NormalDist().cdf(-distance / max((share - end) * sqrt(loss * (1 - loss)), 1e-12))


def _said(value: float | None, different: float, loss: float, smallest: float) -> Verdict:
    if value is not None and different <= 0.05 and abs(value) >= smallest:
        return "better" if value > 0 else "worse"
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
    error = (gain.hi - gain.lo) / 2 / _Z
    if distance <= 0:
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


def _with(value: float, spread: float, n: int, more: Sequence[float]) -> tuple[float, float, int]:
    """Mean, variance and number of `n` examples with that mean and variance and `more` of them."""
    if not more:
        return value, spread, n
    total = n + len(more)
    mean = (n * value + sum(more)) / total
    squares = n * (spread + (value - mean) ** 2) + sum((one - mean) ** 2 for one in more)
    return mean, squares / total, total


def _paired(
    scored: Mapping[str, Sequence[Scored]],
) -> tuple[dict[str, list[Scored]], list[tuple[float | None, ...]]]:
    """The scores of the examples that every system scored, in one order; and for each of the others what there is."""
    tables = [{one.id: one for one in ones} for ones in scored.values()]
    every = dict.fromkeys(id_ for table in tables for id_ in table)
    rows = {id_: tuple(table[id_].score if id_ in table else None for table in tables) for id_ in every}
    common = [id_ for id_, row in rows.items() if None not in row]
    pairs = {name: [table[id_] for id_ in common] for name, table in zip(scored, tables, strict=True)}
    return pairs, [row for row in rows.values() if None in row]


def _scores(pairs: Mapping[str, Sequence[Scored]]) -> Floats:
    return np.array([[_of(one) for one in ones] for ones in pairs.values()], dtype=np.float64)


def _of(one: Scored | None) -> float:
    """The score, NaN where there is none."""
    return nan if one is None or one.score is None else one.score


def _surprise(scores: Floats) -> float:
    """How far one unseen example may set two systems apart, in points: the typical distance where they differ. `scores`:
    (systems, n).

    Where few pairs differ that is hardly known, so it is at least 100 / sqrt(1 + how many differ).
    """
    apart = np.abs(scores[1:] - scores[:1]).ravel()
    apart = apart[apart > 0]
    typical = sqrt(float((apart**2).mean())) if len(apart) else 0.0
    return max(typical, 100 / sqrt(1 + len(apart)))


def _dispersion(share: float, spread: float) -> float:
    """The variance of one example beside that of a coin with the same share (1 where the share is 0 or 1)."""
    coin = share * (1 - share)
    return max(spread / coin, 1e-9) if coin > 1e-12 else 1.0


def wilson(share: float, spread: float, n: int) -> tuple[float, float]:
    """Wilson's interval for a share of 1 whose examples vary by `spread`: as if from n / dispersion coins."""
    coins = n / _dispersion(share, spread)
    center = (share + _Z**2 / (2 * coins)) / (1 + _Z**2 / coins)
    half = _Z * sqrt(share * (1 - share) / coins + _Z**2 / (4 * coins**2)) / (1 + _Z**2 / coins)
    return max(center - half, 0.0), min(center + half, 1.0)
