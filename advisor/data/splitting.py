"""Examples to train, development and sealed test, so that development is to training what the test is. Reads no files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from advisor.data import folding, sides, sources
from advisor.data.nearness import Groups, Pairs
from advisor.data.sources import key
from advisor.task import Example, Split

SHARE = 0.25  # of the examples, for the test and for development each
LARGEST = 400  # examples in either, where the share would be more
CHOOSE, COMPARE = 96, 128  # largest halves of development: probes cost a model call for each example; the rest trains
# Development examples. With fewer, every row is measured on, in folds: always, or, where halves of them tell little apart, unless folds
# are unlike the test.
FOLDED_BELOW, RATHER_FOLDED_BELOW = 40, 80
FEWEST = 16  # rows to measure on; with fewer, figures say next to nothing
TESTED = 100  # rows from which a test is set aside where none is given


def split(
    rows: Sequence[Example], test: Sequence[Example] | None = None, seed: int = 0, *, largest: int = LARGEST
) -> Split:
    """Splits `rows`; a `test` that is given stays as it is. The same rows in any order give the same split.

    Rows of one source stay on one side (`sources`). Where that leaves a side half empty (one document behind every row),
    the documents count no more, then equal outputs, then conversations, then near-equal inputs, then nothing but equality.
    Where a test is given, development is as near to the rest as the test is (`sides.like_test`).
    """
    ordered = sorted(rows, key=lambda row: _draw(row, seed))
    part, given = min(largest, int(len(ordered) * SHARE)), test is not None
    aside = part if not given and len(ordered) >= TESTED else 0
    half = (part + 1) // 2
    halves = [min(COMPARE, half), min(CHOOSE, part - half)] if part >= FOLDED_BELOW else []
    links = sources.links(ordered, test or ())
    groups, filled = _fill(ordered, links, [aside, *halves])
    if test and halves:
        groups, filled[1:] = sides.like_test(ordered, test, links, (groups, filled[1:]), halves)
    tests, *development, train = (tuple(ordered[at] for at in side) for side in filled)
    sealed, (compare, choose) = tuple(test or tests), development or ((), ())
    few = not choose or len(compare) < FEWEST
    if few or part < RATHER_FOLDED_BELOW:
        kept = tuple(ordered[at] for at in sorted({*range(len(ordered))} - {*filled[0]}))
        folded, unlike = _folded(kept, sealed, given)
        if few or (folded.folds and unlike <= folding.FAIR):
            return folded
    told = [(test, sources.joined(len(test), sources.of_test(test)))] if test else []
    return Split(train, choose, compare, sealed, test_given=given, groups=_numbered((ordered, groups), *told))


def _folded(rows: tuple[Example, ...], test: tuple[Example, ...], given: bool) -> tuple[Split, float]:
    """The rows in folds, and how unlike the test these are; nothing to compare on where they are too few or too alike."""
    folds: tuple[int, ...] = ()
    groups, unlike, known = Groups(), 0.0, test if given else ()
    if len(rows) >= FEWEST:
        folds, groups, unlike = folding.dealt(rows, known, _looser(len(rows), sources.links(rows, known)))
    of = _numbered((rows, groups), (test, sources.joined(len(test), sources.of_test(test))))
    if len(set(folds)) < 2:
        return Split(rows, test=test, test_given=given, groups=of), unlike
    # In the order of folds, the training rows the other way round: so that what learns without the first fold, which is
    # measured on first, begins as what learns from all of them does.
    order = sorted(range(len(rows)), key=lambda at: folds[at])
    asked = tuple(rows[at] for at in order)
    return Split(asked[::-1], asked, asked, test, tuple(folds[at] for at in order[::-1]), given, of), unlike


def _fill(rows: Sequence[Example], links: Mapping[str, Pairs], quotas: Sequence[int]) -> tuple[Groups, Groups]:
    """The strictest groups that fill the sides, and row indices for each quota and last what remains."""
    for groups in _looser(len(rows), links):
        found = sides.assign(sides.spread(groups, rows), quotas)
        if sides.full(found, quotas):
            break
    return groups, found


def _looser(count: int, links: Mapping[str, Pairs]) -> Iterator[Groups]:
    """Groups of rows by source, the strictest first: by all `links`, then without the least sure ones."""
    for kinds in range(len(links), 0, -1):
        yield sources.joined(count, chain.from_iterable(list(links.values())[:kinds]))


def _numbered(*parts: tuple[Sequence[Example], Groups]) -> dict[str, int]:
    """The number of its group for each row that shares one."""
    shared = [[rows[at].id for at in group] for rows, groups in parts for group in groups if len(group) > 1]
    return {id_: number for number, group in enumerate(shared) for id_ in group}


def _draw(row: Example, seed: int) -> str:
    return hashlib.sha256(repr((seed, key(row), row.output, row.id)).encode()).hexdigest()
