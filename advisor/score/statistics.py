"""How sure a figure is: intervals, paired differences, draws. Knows metrics as sums, nothing of systems.

Every figure is recomputed on bootstrap resamples of the examples (a product of resampling weights and summed statistics),
by whole clusters where rows share a source, so micro and macro figures are treated like means. The resamples give the
standard error; the interval's form is Wilson's (1927), because a percentile interval has width 0 when every example is
right and covers badly near 0 and 100.

An example that a system gave no text for is in no figure: a figure over nothing is None. It widens intervals, as if it had
scored 0 and as if it had scored 100; it counts as one of all examples, also where figures are no means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from advisor.score.clusters import Clusters, Floats, Groups, clusters, quantile, two_sided
from advisor.score.metric import Metric, Scored, over_all

RESAMPLES = 2000
MISSING = 0.05  # share of the examples without an answer, above which a system is not to be recommended
# Where each row was answered by what was made from the other folds, scores hang together: they vary about so much more
# than independent ones would (by simulation of several learners on 16 to 100 rows in five folds: 0.9 to 2.1, most under 1.5;
# Nadeau and Bengio 2003, which is meant to be safe, comes to 2.25).
FOLDED = 1.5
NO_GROUPS: Groups = {}


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
    two-sided p, which allow for what the `unscored` ones could be; both by Student's t with so much `freedom`."""

    lo: float
    value: float | None
    hi: float
    p: float
    n: int
    unscored: int = 0
    freedom: float = inf


def missed(n: int, unscored: int) -> bool:
    """Whether more than `MISSING` of the examples, `n` of them scored, got no answer."""
    return unscored > MISSING * (n + unscored)


def rating(metric: Metric, scored: Sequence[Scored]) -> float:
    """What one system is chosen over another by: the score with missing answers as 0, so that none wins by its gaps."""
    kept = [one for one in scored if one.score is not None]
    return over_all(metric, kept) * len(kept) / len(scored) if kept else 0.0


def interval(
    metric: Metric, scored: Sequence[Scored], seed: int, groups: Groups = NO_GROUPS, *, folded: bool = False
) -> Interval:
    """The score with its 95 % interval. groups: rows that share a source. folded: each example was answered by what was
    made from the others' folds."""
    kept = [one for one in scored if one.score is not None]
    n, unscored = len(kept), len(scored) - len(kept)
    if not n:
        return Interval(0.0, None, 100.0, 0, unscored)
    value, rows = over_all(metric, kept), clusters([one.id for one in kept], groups)
    spread = _spread(_figures(metric, _weights(rows.count, RESAMPLES, seed), rows.sums(_matrix(kept))), rows)
    # Scores that all agree say nothing about how far the next one may be off: few that differ, little trust in `spread`.
    means = rows.means(np.array([[_of(one)] for one in kept]))
    different = rows.count - max(np.unique(means, return_counts=True)[1])
    share = value / 100
    spread = max(spread / 1e4, share * (1 - share) / (1 + different)) * (FOLDED if folded else 1)
    ends = (_with(share, spread, rows, [end] * unscored) for end in (0.0, 1.0))
    lo, hi = (wilson(*one, quantile(rows.freedom))[at] for at, one in enumerate(ends))
    return Interval(100 * lo, value, 100 * hi, n, unscored)


def difference(metric: Metric, a: Sequence[Scored], b: Sequence[Scored], seed: int, groups: Groups = NO_GROUPS) -> Gain:
    """How much better `a` is than `b`, paired by example id. groups: rows that share a source."""
    pairs, missing = _paired({"a": a, "b": b})
    n, unscored = len(pairs["a"]), len(missing)
    if not n:
        return Gain(-100.0, None, 100.0, 1.0, 0, unscored)
    rows = clusters([one.id for one in pairs["a"]], groups)
    weights, freedom = _weights(rows.count, RESAMPLES, seed), rows.freedom
    ours, theirs = (rows.sums(_matrix(ones)) for ones in pairs.values())
    every = np.ones((1, rows.count))
    value = float((_figures(metric, every, ours) - _figures(metric, every, theirs))[0])
    spread = _spread(_figures(metric, weights, ours) - _figures(metric, weights, theirs), rows)
    # Two pseudo-pairs, one for each side, as Bonett and Price (2012) add for matched proportions.
    spread = (rows.count * spread + 2 * _surprise(_scores(pairs), rows) ** 2) / (rows.count + 2)
    worst = [(0.0 if one is None else one) - (100.0 if other is None else other) for one, other in missing]
    best = [(100.0 if one is None else one) - (0.0 if other is None else other) for one, other in missing]
    could_be = [_with(value, spread, rows, more) for more in ([], worst, best)]
    lows, highs, ps = zip(*(_tested(*one, freedom) for one in could_be), strict=True)
    either = min(one[0] for one in could_be) < 0 < max(one[0] for one in could_be)  # so it could be nothing at all
    return Gain(min(lows), value, max(highs), 1.0 if either else max(ps), n, unscored, freedom)


def _tested(value: float, spread: float, n: float, freedom: float) -> tuple[float, float, float]:
    """The 95 % interval of a difference, in points, whose `n` clusters vary by `spread`, and its two-sided p."""
    # A difference lies in -100..100, so half of it, moved by a half, is a share.
    share = (value + 100) / 200
    lo, hi = wilson(share, spread / 4e4, n, quantile(freedom))
    dispersion = _dispersion(share, spread / 4e4)
    return 200 * lo - 100, 200 * hi - 100, two_sided((share - 0.5) / sqrt(dispersion / 4 / n), freedom)


def draws(
    metric: Metric,
    scored: Mapping[str, Sequence[Scored]],
    seed: int,
    groups: Groups = NO_GROUPS,
    b: int = RESAMPLES,
    *,
    folded: bool = False,
    beside: str = "",
) -> dict[str, Floats]:
    """`b` likely scores of each system, paired: draw i of every system is of the same resample of the examples, by clusters
    as for `interval`.

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
    rows = clusters(ids, groups)
    surprise = _surprise(scores, rows)
    weights = _weights(rows.count, b, seed)[:, rows.of]
    wider = _wider(rows) * (sqrt(FOLDED) if folded else 1)
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
        if wider != 1:
            likely = likely.mean() + wider * (likely - likely.mean())
        sources = len(np.unique(rows.of[asked]))
        drawn[name] = np.clip(likely + rng.normal(0, surprise / (sources + 2), b), 0, 100)
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


def _spread(figures: Floats, rows: Clusters) -> float:
    """By how much clusters vary, from how much a figure over resamples of them does."""
    n = rows.count
    return float(figures.var()) * n * n / max(n - 1, 1)


def _wider(rows: Clusters) -> float:
    """By how much more than resamples of few clusters say a figure may be off; 1 where every row is a cluster."""
    if rows.freedom == inf:
        return 1.0
    return sqrt(rows.count / max(rows.count - 1, 1)) * quantile(rows.freedom) / quantile(inf)


def _with(value: float, spread: float, rows: Clusters, more: Sequence[float]) -> tuple[float, float, float]:
    """Mean, variance and number of clusters with that mean and variance and `more` rows, each the part of a cluster that a
    row is of those."""
    n, part = rows.count, rows.count / len(rows.of)
    if not more:
        return value, spread, n
    total = n + part * len(more)
    mean = (n * value + part * sum(more)) / total
    squares = n * (spread + (value - mean) ** 2) + part * sum((one - mean) ** 2 for one in more)
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


def _surprise(scores: Floats, rows: Clusters) -> float:
    """How far one unseen cluster may set two systems apart, in points: the typical distance where they differ. `scores`:
    (systems, n).

    Where few clusters differ that is hardly known, so it is at least 100 / sqrt(1 + how many differ).
    """
    means = rows.means(scores.T).T
    apart = np.abs(means[1:] - means[:1]).ravel()
    apart = apart[apart > 0]
    typical = sqrt(float((apart**2).mean())) if len(apart) else 0.0
    return max(typical, 100 / sqrt(1 + len(apart)))


def _dispersion(share: float, spread: float) -> float:
    """The variance of one example beside that of a coin with the same share (1 where the share is 0 or 1)."""
    coin = share * (1 - share)
    return max(spread / coin, 1e-9) if coin > 1e-12 else 1.0


def wilson(share: float, spread: float, n: float, errors: float = quantile(inf)) -> tuple[float, float]:
    """Wilson's interval for a share of 1 whose examples vary by `spread`: as if from n / dispersion coins. It reaches so many
    standard `errors` to each side."""
    coins = n / _dispersion(share, spread)
    center = (share + errors**2 / (2 * coins)) / (1 + errors**2 / coins)
    half = errors * sqrt(share * (1 - share) / coins + errors**2 / (4 * coins**2)) / (1 + errors**2 / coins)
    return max(center - half, 0.0), min(center + half, 1.0)
