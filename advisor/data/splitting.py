"""Examples to train, development and sealed test, so that nothing nearly equal stands on two sides. Reads no files."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.task import Example, Split
from advisor.texts import normalised
from retrieval.words import words

SHARE = 0.25  # of the examples, for the test and for development each
LARGEST = 400  # examples in either, where the share would be more
CHOOSE, COMPARE = 96, 128  # largest halves of development: probes cost a model call for each example; the rest trains
FOLDED_BELOW = 40  # development examples; with fewer, every row is measured on, in folds
FOLDS = 5
FEWEST = 16  # rows to measure on; with fewer, figures say next to nothing
TESTED = 100  # rows from which a test is set aside where none is given

WORDS = 13  # the usual length in contamination checks since GPT-3 (Brown et al. 2020, appendix C)
CHARACTERS = 26  # the same where no spaces are: a word of Chinese is one or two characters
COSINE = 0.9  # of character n-grams
COSINE_LIMIT = 20_000  # texts; more are compared by words alone, since the work grows with the square
TEMPLATED = 30  # texts, of fewer nothing is taken for a template
HEAVY = 0.5  # share of a vector's squared length that is compared first
NEIGHBOURS = 10  # nearest texts kept for each text
COMMON = 0.02  # share of the texts above which a run of words is a template, not a copy

Pairs = list[tuple[int, int]]


def key(example: Example) -> str:
    """What the model is asked, normalised: two examples with the same key ask the same."""
    return normalised("\n".join([*(turn.text for turn in example.turns), example.input]))


def split(
    rows: Sequence[Example], test: Sequence[Example] | None = None, seed: int = 0, *, largest: int = LARGEST
) -> Split:
    """Splits `rows`; a `test` that is given stays as it is. The same rows in any order give the same split.

    Near-duplicates and rows that share a gold document stay on one side. Where that leaves a side half empty (one
    document behind every row), the gold documents count no more, then the near-duplicates, then nothing but equality.
    """
    ordered = sorted(rows, key=lambda row: _draw(row, seed))
    part, given = min(largest, int(len(ordered) * SHARE)), test is not None
    aside = part if not given and len(ordered) >= TESTED else 0
    half = (part + 1) // 2
    halves = [min(COMPARE, half), min(CHOOSE, part - half)] if part >= FOLDED_BELOW else []
    sides = _fill(ordered, [aside, *halves])
    tests, *development, train = (tuple(ordered[at] for at in side) for side in sides)
    sealed, (compare, choose) = tuple(test or tests), development or ((), ())
    if choose and len(compare) >= FEWEST:
        return Split(train, choose, compare, sealed, test_given=given)
    apart = set(sides[0])
    return _folded(tuple(row for at, row in enumerate(ordered) if at not in apart), sealed, given)


def _folded(rows: tuple[Example, ...], test: tuple[Example, ...], given: bool) -> Split:
    """The rows in folds; nothing to compare on where they are too few or too alike."""
    folds = _dealt(rows) if len(rows) >= FEWEST else ()
    if len(set(folds)) < 2:
        return Split(rows, test=test, test_given=given)
    return Split(rows, rows, rows, test, folds, given)


def _dealt(rows: Sequence[Example]) -> tuple[int, ...]:
    """A fold for each row, groups whole and labels by their share, with the strictest groups that fill the folds."""
    outputs = [row.output for row in rows]
    places = {output: at for at, output in enumerate(dict.fromkeys(outputs))}
    folds: list[int] = []
    for links in _links(rows):
        # Large groups first, so that the folds can be made even; then label by label, so that each is in every fold.
        groups = sorted(_groups(len(rows), links), key=lambda group: (-len(group), places[outputs[group[0]]]))
        folds, sizes = [0] * len(rows), [0] * FOLDS
        for group in groups:
            smallest = sizes.index(min(sizes))
            sizes[smallest] += len(group)
            for index in group:
                folds[index] = smallest
        if min(sizes) >= len(rows) / FOLDS / 2:
            break
    return tuple(folds)


def _draw(row: Example, seed: int) -> str:
    return hashlib.sha256(repr((seed, key(row), row.output, row.id)).encode()).hexdigest()


def _fill(rows: Sequence[Example], quotas: Sequence[int]) -> list[list[int]]:
    """Row indices for each quota, and last what remains, with the strictest groups that fill the sides."""
    sides: list[list[int]] = []
    for links in _links(rows):
        sides = _assign(_groups(len(rows), links), [row.output for row in rows], quotas)
        if all(len(side) >= quota / 2 for side, quota in zip(sides, quotas, strict=False)):
            break
    return sides


def _links(rows: Sequence[Example]) -> tuple[Pairs, ...]:
    """What keeps rows together, from the strictest to equality alone."""
    texts = [key(row) for row in rows]
    equal = _together(texts)
    near = near_duplicates(texts)
    return equal + near + _together([row.gold for row in rows], many=True), equal + near, equal


def _assign(groups: Sequence[list[int]], outputs: Sequence[str], quotas: Sequence[int]) -> list[list[int]]:
    """Fills the sides in turn, small groups first choice; whatever fits nowhere (the largest) remains for training."""
    left = _spread(groups, outputs)
    sides: list[list[int]] = []
    for quota in quotas:
        side: list[int] = []
        for limit in (max(1, quota // 4), quota):  # a group of near-copies should not be most of a side
            remaining = []
            for group in left:
                if len(group) <= min(limit, quota - len(side)):
                    side += group
                else:
                    remaining.append(group)
            left = remaining
        sides.append(side)
    return [*sides, [index for group in left for index in group]]


def _spread(groups: Sequence[list[int]], outputs: Sequence[str]) -> list[list[int]]:
    """The groups in an order of which every stretch holds each label by its share, if the outputs look like labels."""
    labels = len(set(outputs)) <= len(outputs) / 5
    names = [outputs[group[0]] if labels else "" for group in groups]
    sizes = Counter(names)
    seen: Counter[str] = Counter()
    places = []
    for index, name in enumerate(names):
        places.append(((seen[name] + 0.5) / sizes[name], index))
        seen[name] += 1
    return [groups[index] for _, index in sorted(places)]


def _together(keys: Sequence[str] | Sequence[tuple[str, ...]], many: bool = False) -> Pairs:
    """Links each index to the first with the same key (`many`: with one key in common)."""
    first: dict[str, int] = {}
    links = []
    for index, own in enumerate(keys):
        for one in own if many else (own,):
            links.append((first.setdefault(str(one), index), index))
    return links


def _groups(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected groups of `count` indices, each in order, by their first index."""
    root = list(range(count))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = index = root[root[index]]
        return index

    for one, other in links:
        low, high = sorted((find(one), find(other)))
        root[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(count):
        groups[find(index)].append(index)
    return list(groups.values())


def near_duplicates(texts: Sequence[str], others: Sequence[str] | None = None) -> Pairs:
    """Pairs (i, j) of nearly equal texts: i < j within `texts`, or i in `texts` and j in `others`.

    Nearly equal: equal once normalised, a run of 13 words in common (of 26 characters where no spaces are; unless many
    texts have it), or a cosine of their character n-grams of 0.9 or more. Of many that equal one another, each is paired
    with the first one only.
    """
    both = [normalised(text) for text in (*texts, *(others or ()))]
    start = len(texts) if others is not None else None
    pairs = set(_pairs(_equal(both), start)) | set(_pairs(_same_words(both), start))
    unique = list(dict.fromkeys(both)) if start is None else both
    if 1 < len(unique) <= COSINE_LIMIT:
        place = {text: index for index, text in reversed(list(enumerate(both)))}
        at = [place[text] for text in unique] if start is None else list(range(len(both)))
        pairs |= {(at[one], at[other]) if start is None else (one, other) for one, other in _close(unique, start)}
    return sorted((one, other) for one, other in pairs if start is not None or one < other)


def _pairs(groups: Iterable[Sequence[int]], start: int | None) -> Iterable[tuple[int, int]]:
    """Each member with the group's first one; with a `start` of the others, each text with the first of the others."""
    for group in groups:
        first = min((index for index in group if start is None or index >= start), default=None)
        if first is not None:
            yield from (
                (first, i) if start is None else (i, first - start) for i in group if start is None or i < start
            )


def _equal(texts: Sequence[str]) -> Iterable[list[int]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        places[text].append(index)
    return (group for group in places.values() if len(group) > 1)


def _same_words(texts: Sequence[str]) -> Iterable[list[int]]:
    """Groups of texts with a run of 13 words in common, of 26 characters where there are no spaces."""
    said = [words(text) for text in texts]
    spaceless = [len(own) > 2 * len(text.split()) for own, text in zip(said, texts, strict=True)]
    for length, kind in ((WORDS, False), (CHARACTERS, True)):
        yield from _same_runs([own if one is kind else [] for own, one in zip(said, spaceless, strict=True)], length)


def _same_runs(texts: Sequence[Sequence[str]], length: int) -> Iterable[list[int]]:
    """Groups of texts, given as words, with a run of so many in common, found by hashes of all runs."""
    vocabulary: dict[str, int] = {}
    numbers = [[vocabulary.setdefault(word, len(vocabulary)) for word in text] for text in texts]
    owners = np.repeat(np.arange(len(texts)), [len(ids) for ids in numbers])
    if len(owners) < length:
        return []
    code = np.random.default_rng(0).integers(1, 2**63, size=len(vocabulary), dtype=np.uint64)
    each = code[np.fromiter((i for ids in numbers for i in ids), dtype=np.int64, count=len(owners))]
    runs = np.zeros(len(owners) - length + 1, dtype=np.uint64)
    for offset in range(length):
        runs = runs * np.uint64(0x9E3779B97F4A7C15) + each[offset : offset + len(runs)]
    inside = owners[: len(runs)] == owners[length - 1 :]
    return _holders(runs[inside], owners[: len(runs)][inside], limit=max(10, int(COMMON * len(texts))))


def _holders(runs: NDArray[np.uint64], owners: NDArray[np.int64], limit: int) -> Iterable[list[int]]:
    """For each run with 2 to `limit` owners, its owners; each set of owners once."""
    order = np.lexsort((owners, runs))
    runs, owners = runs[order], owners[order]
    new = np.ones(len(runs), dtype=bool)
    new[1:] = (runs[1:] != runs[:-1]) | (owners[1:] != owners[:-1])
    runs, owners = runs[new], owners[new]
    bounds = np.flatnonzero(np.concatenate(([True], runs[1:] != runs[:-1], [True]))) if len(runs) else np.zeros(0, int)
    sizes = np.diff(bounds)
    shared = np.flatnonzero((sizes > 1) & (sizes <= limit))
    sets = {tuple(owners[bounds[at] : bounds[at + 1]].tolist()) for at in shared}
    return [list(group) for group in sorted(sets)]


def _close(texts: Sequence[str], start: int | None) -> Iterable[tuple[int, int]]:
    """Pairs with a TF-IDF cosine of 0.9 or more, without what over half of the texts have in common (a template)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    common = 0.5 if len(texts) > TEMPLATED else 1.0
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), lowercase=False, max_df=common)
    try:
        vectors = vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # nothing but templates, or no text at all
        return
    left, right = (vectors, vectors) if start is None else (vectors[:start], vectors[start:])
    heavy, columns = _heavy(left), right.T.tocsr()
    for begin in range(0, left.shape[0], 512):
        products = (heavy[begin : begin + 512] @ columns).tocoo()
        able = products.data >= COSINE - np.sqrt(1 - HEAVY)
        one, other = products.row[able] + begin, products.col[able]
        if start is None:
            one, other = one[other < one], other[other < one]
        cosine = np.asarray(left[one].multiply(right[other]).sum(axis=1)).ravel()
        kept: Counter[int] = Counter()
        for at in np.lexsort((other, -cosine)):
            if cosine[at] >= COSINE and kept[one[at]] < NEIGHBOURS:
                kept[one[at]] += 1
                yield (int(other[at]), int(one[at])) if start is None else (int(one[at]), int(other[at]))


def _heavy(vectors: Any) -> Any:
    """The unit vectors cut down to their heaviest n-grams, half of the squared length: far fewer products to take.

    By Cauchy-Schwarz the rest adds at most sqrt(1 - HEAVY) to any cosine, so no pair is lost (Bayardo et al. 2007).
    """
    owners = np.repeat(np.arange(vectors.shape[0]), np.diff(vectors.indptr))
    order = np.lexsort((-vectors.data, owners))
    squares = vectors.data[order] ** 2
    before = np.concatenate(([0.0], np.cumsum(squares)))
    heavy = vectors.copy()
    heavy.data[order[before[:-1] - before[vectors.indptr[owners]] > HEAVY]] = 0
    heavy.eliminate_zeros()
    return heavy
