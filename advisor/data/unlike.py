"""Whether development is to training what the test is: how near both are to it, compared by letters and by meaning."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.data.nearness import around
from advisor.data.sources import key
from advisor.task import Example, Finding, Split

if TYPE_CHECKING:
    from retrieval.embedder import Embedder

FEWEST = 16  # rows of development and of the test's clean part, with fewer nothing is told
SURE = 0.01  # chance of such a difference between two draws from one source, below which it is told
WORTH = 0.05  # difference of median cosines below which it is not
COMPARED = 4_000  # training rows that are compared by letters at most
EMBEDDED = (500, 1500)  # asked (of development and of the test each) and training inputs that are embedded at most

Floats = NDArray[np.float64]


def unlike_test(split: Split, near_test: Collection[int], embed: "Embedder | None" = None) -> list[Finding]:
    """A warning where the nearest training row is nearer to a row of development than to one of the test, or farther.

    `near_test` are the test rows that other rows nearly equal, which do not count. The two samples are compared by the
    Kolmogorov-Smirnov test (exact where they are small), of letters and of meaning with Bonferroni's correction.
    """
    from scipy.stats import ks_2samp

    test = [row for at, row in enumerate(split.test) if at not in near_test]
    development = split.train if split.folds else (*split.compare, *split.choose)
    if len(test) < FEWEST or len(development) < FEWEST:
        return []
    measures = {"letters": _by_letters(split, development, test)}
    if embed:
        measures["meaning"] = _by_meaning(split, development, test, embed)
    told = []
    for measure, (ours, theirs) in measures.items():
        chance = ks_2samp(ours, theirs).pvalue * len(measures)
        here, there = float(np.median(ours)), float(np.median(theirs))
        if chance < SURE and abs(here - there) >= WORTH:
            told.append((chance, _message(measure, here, there)))
    return [Finding("unlike_test", "warning", min(told)[1])] if told else []


def _message(measure: str, here: float, there: float) -> str:
    nearer, expected = ("nearer to", "lower") if here > there else ("farther from", "higher")
    return (
        f"development rows are {nearer} the training rows (median {here:.2f} by their {measure}, where 1 is the same) than "
        f"the test's are ({there:.2f}): expect {expected} scores on the test than in development. Trust the proof on the test, "
        "and add training rows from where the test's come, so that development can be like it"
    )


def _by_letters(split: Split, development: Sequence[Example], test: Sequence[Example]) -> tuple[Floats, Floats]:
    """The cosine of character n-grams of each row of development and of the test to the nearest that it may learn from."""
    asked, count = [key(row) for row in (*development, *test)], len(development)
    if not split.folds:
        training = [key(split.train[at]) for at in spaced(len(split.train), COMPARED)]
        nearest = around(training, asked, most=1).cosine[len(training) :, 0]
        return nearest[:count], nearest[count:]
    near, fold = around(asked[:count], asked[count:]), np.array(split.folds)
    others = fold[near.at[:count]] != fold[:, None]
    return near.nearest(np.arange(count), others), near.cosine[count:, 0]


def _by_meaning(
    split: Split, development: Sequence[Example], test: Sequence[Example], embed: "Embedder"
) -> tuple[Floats, Floats]:
    """The same of embeddings."""
    few, many = EMBEDDED
    seen, fold_of, training = split.seen, split.fold_of, {row.id for row in split.train}
    # Of all that is seen, as profiling compares with the test, so that most are embedded already.
    learned = [seen[at] for at in spaced(len(seen), many) if seen[at].id in training]
    asked = [[rows[at] for at in spaced(len(rows), few)] for rows in (development, test)]
    theirs = embed([key(row) for row in learned]).T
    here, there = (embed([key(row) for row in rows]) @ theirs for rows in asked)
    if split.folds:
        ours, others = (np.array([fold_of[row.id] for row in rows]) for rows in (asked[0], learned))
        here[ours[:, None] == others] = -1
    return here.max(axis=1).astype(float), there.max(axis=1).astype(float)


def spaced(n: int, most: int) -> list[int]:
    """At most `most` of n indices, evenly spaced."""
    return sorted({int(at) for at in np.linspace(0, n - 1, min(n, most))})
