"""Rows to folds, each answered by what was made without it: as near to the rows of other folds as the test is to all of them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from advisor.data.nearness import Around, Groups, around
from advisor.data.sides import FEWEST_CLEAN, apart, clean
from advisor.data.sources import joined
from advisor.task import Example

FOLDS, OF_FOLD = 4, 32  # at least so many folds, of so many rows where there are enough
# Rows that stay together at the most, where folds are too near to one another.
FAMILIES = (2, 3, 4, 6, 8, 12, 16, 24, 32)
# How unlike the test folds of plain groups may be: on leaky tasks 0.4 and more does harm; and folds of families, which come no
# nearer: up to this they tell more than the few rows of a split do.
SLIGHT, FAIR = 0.3, 0.5


def dealt(
    rows: Sequence[Example], test: Sequence[Example], looser: Iterable[Groups]
) -> tuple[tuple[int, ...], Groups, float]:
    """A fold for each row; the groups that stay whole, the strictest of `looser` that fill the folds; and by how many sd of
    its nearness to the rows the clean part of a `test` is unlike the folds (0 where there is too little of it to tell).

    Where that is more than slight, variants of one another stay together as well, as many as make folds most like the test.
    """
    for groups in looser:
        folds, full = _filled(rows, groups)
        if full:
            break
    ours, theirs = clean(rows, test)
    if len(theirs) < FEWEST_CLEAN:
        return folds, groups, 0.0
    near = around(ours, theirs)
    best, least = folds, unlikeness(near, folds)
    if least > SLIGHT:
        for families in _families(near, groups):
            folds, full = _filled(rows, families)
            if full and (how := unlikeness(near, folds)) < least:
                best, least = folds, how
    return best, groups, least


def unlikeness(near: Around, folds: Sequence[int]) -> float:
    """The mean difference of the quantiles of how near rows in folds are to those of other folds, and a test to all rows, over
    the sd of the latter."""
    fold, count = np.array(folds), near.count
    own = near.nearest(np.arange(count), fold[near.at[:count]] != fold[:, None])
    theirs = near.cosine[count:, 0]
    return apart(own, theirs) / max(float(np.std(theirs)), 0.001)


def _families(near: Around, groups: Groups) -> Iterator[Groups]:
    """Groups joined with others that they are variants of; ever larger ones."""
    families = sorted(near.families(groups, FAMILIES[-1]), key=len, reverse=True)
    for most in FAMILIES:
        whole, used = [], set[int]()
        for family in families:
            if len(family) <= most and used.isdisjoint(family):
                whole.append(family)
                used.update(family)
        yield joined(near.count, [(one[0], other) for one in (*whole, *groups) for other in one])


def _filled(rows: Sequence[Example], groups: Groups) -> tuple[tuple[int, ...], bool]:
    """A fold for each row, groups whole and labels by their share; and whether all folds are at least half as large as they
    should be."""
    outputs = [row.output for row in rows]
    places = {output: at for at, output in enumerate(dict.fromkeys(outputs))}
    count = max(FOLDS, len(rows) // OF_FOLD)
    folds, sizes = [0] * len(rows), [0] * count
    # Large groups first, so that the folds can be made even; then label by label, so that each is in every fold.
    for group in sorted(groups, key=lambda group: (-len(group), places[outputs[group[0]]])):
        smallest = sizes.index(min(sizes))
        sizes[smallest] += len(group)
        for index in group:
            folds[index] = smallest
    return tuple(folds), min(sizes) >= len(rows) / count / 2
