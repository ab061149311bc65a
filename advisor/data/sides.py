"""Groups of rows to sides of a size: each label by its share, and where there is a test, as near to the rest as it is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.data import sources
from advisor.data.nearness import Around, Groups, Pairs, around, near_duplicates
from advisor.data.sources import joined
from advisor.task import Example

MATCHED = 10_000  # rows, of more development is not chosen by nearness, since the work grows with the square
COMPARED = 5_000  # rows, of more none are taken for variants of one another
FEWEST_CLEAN = 16  # test rows that no row nearly equals, with fewer there is nothing to be like
STEPS = 8  # of nearness, each with its share of the test
CHANCE = 2.0  # unlikeness that two draws from one source stay below 19 times in 20 (by simulation, 40 to 500 rows each)


def assign(groups: Groups, quotas: Sequence[int]) -> Groups:
    """Row indices of groups for each quota, and last what remains for training (the largest groups, which fit nowhere).

    The sides are filled in turn from the groups in their order, small groups first.
    """
    return taken(sum(map(len, groups)), [groups], [1], quotas)


def taken(count: int, strata: Sequence[Groups], shares: Sequence[float], quotas: Sequence[int]) -> Groups:
    """The same from several strata of `count` rows, each of which gives its share of a side; where one has nothing more to
    give, the stratum next to it does. Groups may overlap: of those that have a row in common one is taken."""
    used: set[int] = set()
    few = max(1, min(filter(None, quotas), default=0) // 4)  # a group of near-copies should not be most of a side
    found = []
    for quota in quotas:
        side: list[int] = []
        for limit in (few, quota):
            owed = [share * (quota - len(side)) for share in shares]
            left = {at: iter(groups) for at, groups in enumerate(strata)}
            while left and len(side) < quota:
                most = max(left, key=lambda at: owed[at])
                fits = min(limit, quota - len(side))
                group = next((one for one in left[most] if len(one) <= fits and used.isdisjoint(one)), None)
                if group is None:
                    del left[most]
                    if left:
                        owed[min(left, key=lambda at: abs(at - most))] += owed[most]
                    continue
                owed[most] -= len(group)
                side += group
                used.update(group)
        found.append(side)
    return [*found, [index for index in range(count) if index not in used]]


def full(found: Groups, quotas: Sequence[int]) -> bool:
    """Whether each side is at least half of what it should be."""
    return all(len(side) >= quota / 2 for side, quota in zip(found, quotas, strict=False))


def spread(groups: Groups, rows: Sequence[Example]) -> Groups:
    """The groups in an order of which every stretch holds each label by its share, if the outputs look like labels."""
    outputs = [row.output for row in rows]
    labels = len(set(outputs)) <= len(outputs) / 5
    names = [outputs[group[0]] if labels else "" for group in groups]
    sizes = Counter(names)
    seen: Counter[str] = Counter()
    places = []
    for index, name in enumerate(names):
        places.append(((seen[name] + 0.5) / sizes[name], index))
        seen[name] += 1
    return [groups[index] for _, index in sorted(places)]


def like_test(
    rows: Sequence[Example],
    test: Sequence[Example],
    links: Mapping[str, Pairs],
    drawn: tuple[Groups, Groups],
    quotas: Sequence[int],
) -> tuple[Groups, Groups]:
    """Groups of rows and sides made of them, whose development is as near to training as the clean part of the test: what no
    row nearly equals. Only inputs of the test are looked at.

    `drawn` (groups by source, and sides drawn from them) stays where its development can't be told from the test. Else
    it is what comes nearest: rows of one source part, or groups are chosen by how near they are, or variants of one
    another stay together as well.
    """
    ours, theirs = clean(rows, test)
    if len(rows) > MATCHED or len(theirs) < FEWEST_CLEAN or not full(drawn[1], quotas):
        return drawn
    near = around(ours, theirs)
    best, least = drawn, unlikeness(near, drawn[1])
    others = _candidates(rows, links, drawn[0], near, quotas)
    while least > CHANCE and (other := next(others, None)):
        if full(other[1], quotas) and (how := unlikeness(near, other[1])) < least:
            best, least = other, how
    return best


def _candidates(
    rows: Sequence[Example],
    links: Mapping[str, Pairs],
    groups: Groups,
    near: Around,
    quotas: Sequence[int],
) -> Iterator[tuple[Groups, Groups]]:
    """Groups that stay whole, and sides of them; the plainest first."""
    loose = joined(len(rows), [*links["equal"], *links["near"]])
    looser = len(loose) > len(groups)
    if looser:
        yield loose, assign(spread(loose, rows), quotas)
    for own in (groups, loose) if looser else (groups,):
        yield own, _as_near(own, rows, near, quotas)
        if len(rows) <= COMPARED:
            yield own, _as_near(near.families(own, min(quotas) // 2), rows, near, quotas)


def _as_near(groups: Groups, rows: Sequence[Example], near: Around, quotas: Sequence[int]) -> Groups:
    """Sides of groups that are as near to the rows outside them as the test is to rows, step by step of nearness."""
    theirs = near.cosine[len(rows) :, 0]
    edges = np.unique(np.quantile(theirs, [0.01, *(np.arange(1, STEPS) / STEPS), 0.99]))
    steps = np.searchsorted(edges, [_mean(group, near) for group in groups], side="right")
    strata = [spread([groups[at] for at in np.flatnonzero(steps == step)], rows) for step in range(len(edges) + 1)]
    shares = np.bincount(np.searchsorted(edges, theirs, side="right"), minlength=len(strata)) / len(theirs)
    return taken(len(rows), strata, shares.tolist(), quotas)


def _mean(group: Sequence[int], near: Around) -> float:
    """How near the rows of a group are to rows outside it."""
    own = np.array(group)
    return float(near.nearest(own, ~np.isin(near.at[own], own)).mean())


def unlikeness(near: Around, found: Groups) -> float:
    """How differently near to training development and test are: the mean difference of their quantiles (Wasserstein), over
    the standard error of a difference of means; about 1 where both are drawn from one source."""
    *development, train = found
    inside = np.zeros(len(near.at), dtype=bool)
    inside[train] = True
    own, tests = np.concatenate(development).astype(int), np.arange(sum(map(len, found)), len(near.at))
    ours, theirs = (near.nearest(texts, inside[near.at[texts]]) for texts in (own, tests))
    by_chance = np.std(theirs) * (1 / len(ours) + 1 / len(theirs)) ** 0.5
    return float(apart(ours, theirs) / max(by_chance, 0.001))


def clean(rows: Sequence[Example], test: Sequence[Example]) -> tuple[list[str], list[str]]:
    """What rows ask, and of a test what no row nearly equals."""
    ours, theirs = [sources.key(row) for row in rows], [sources.key(row) for row in test]
    close = {j for j, _ in near_duplicates(theirs, ours)}
    return ours, [text for j, text in enumerate(theirs) if j not in close]


def apart(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """The mean difference of the quantiles of two samples."""
    levels = (np.arange(100) + 0.5) / 100
    return float(np.abs(np.quantile(ours, levels) - np.quantile(theirs, levels)).mean())
