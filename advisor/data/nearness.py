"""How near texts are to each other: nearly equal or not, and the cosine to the nearest others. Knows nothing of tasks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.texts import normalised
from retrieval.words import words

WORDS = 13  # the usual length in contamination checks since GPT-3 (Brown et al. 2020, appendix C)
CHARACTERS = 26  # the same where no spaces are: a word of Chinese is one or two characters
COSINE = 0.9  # of character n-grams
COSINE_LIMIT = 20_000  # texts; more are compared by words alone, since the work grows with the square
TEMPLATED = 30  # texts, of fewer nothing is taken for a template
HEAVY = 0.5  # share of a vector's squared length that is compared first
NEIGHBOURS = 10  # nearest texts kept for each text
COMMON = 0.02  # share of the texts above which a run of words is a template, not a copy
AROUND = 64  # texts that are known around each one

Pairs = list[tuple[int, int]]
Groups = list[list[int]]


@dataclass(frozen=True)
class Around:
    """The nearest of `count` texts to each of them but itself, and to each of others, by their character n-grams.

    `at` (n, k): the places of the nearest, nearest first; `cosine` (n, k): how near they are, 0 to 1; `vectors` (n, v): all
    as unit rows, or None where texts have nothing to tell them apart.
    """

    at: NDArray[np.int64]
    cosine: NDArray[np.float64]
    count: int
    vectors: Any

    def nearest(self, texts: NDArray[np.int64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The cosine of each of some texts (n,) to the nearest around it that is `counted` (n, k); to the last where none is."""
        rank = np.where(counted.any(axis=1), counted.argmax(axis=1), -1)
        return np.asarray(self.cosine[texts, rank])

    def families(self, groups: Groups, most: int) -> Groups:
        """Every set of up to `most` texts that average linkage joins, whole `groups` of them first; by their first text, small
        ones first.

        All pairs are compared, so work and memory grow with the square: two seconds and 350 MB for 5,000 texts.
        """
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        if self.vectors is None or self.count < 2:
            return groups
        away = np.empty((self.count, self.count), dtype=np.float32)
        for begin, products in _products(self.vectors[: self.count], self.vectors[: self.count]):
            away[begin : begin + len(products)] = np.maximum(1 - products, 0)
        for group in groups:
            away[np.ix_(group, group)] = 0
        sets = [[at] for at in range(self.count)]
        for one, other in linkage(squareform(away, checks=False), "average")[:, :2].astype(int):
            small = sets[one] and sets[other] and len(sets[one]) + len(sets[other]) <= most
            sets.append(sorted([*sets[one], *sets[other]]) if small else [])
        of = {index: at for at, group in enumerate(groups) for index in group}
        whole = [one for one in sets if one and sum(len(groups[at]) for at in {of[index] for index in one}) == len(one)]
        return sorted(whole, key=lambda one: (one[0], len(one)))


def around(texts: Sequence[str], others: Sequence[str] = (), most: int = AROUND) -> Around:
    """What of `texts` is nearest to each of them but itself, and then to each of `others`.

    All are weighed together, so that figures of `texts` and of `others` can be compared.
    """
    vectors, count = _vectors([normalised(text) for text in (*texts, *others)], (4, 4)), len(texts)
    most = max(1, min(most, count))
    at = np.zeros((count + len(others), most), dtype=np.int64)
    cosine = np.zeros(at.shape)
    for begin, products in _products(vectors, vectors[:count]) if vectors is not None and count else ():
        own = np.arange(begin, min(begin + len(products), count))
        products[own - begin, own] = -1
        nearest = np.argpartition(-products, most - 1, axis=1)[:, :most]
        values = np.take_along_axis(products, nearest, axis=1)
        order = np.lexsort((nearest, -values))
        at[begin : begin + len(products)] = np.take_along_axis(nearest, order, axis=1)
        cosine[begin : begin + len(products)] = np.take_along_axis(values, order, axis=1)
    return Around(at, cosine.clip(0, 1), count, vectors)


def _products(left: Any, right: Any) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """All products of rows, so many rows of the left at once, each time with the first one's place."""
    columns = right.T.tocsr()
    for begin in range(0, left.shape[0], 512):
        yield begin, (left[begin : begin + 512] @ columns).toarray()


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
    vectors = _vectors(texts, (3, 5))
    if vectors is None:
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


def _vectors(texts: Sequence[str], lengths: tuple[int, int]) -> Any:
    """TF-IDF of character n-grams of these lengths as a sparse matrix (n, v) of unit rows; None where texts are nothing but a template."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    common = 0.5 if len(texts) > TEMPLATED else 1.0
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=lengths, lowercase=False, max_df=common, dtype=np.float32
    )
    try:
        return vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # nothing but templates, or no text at all
        return None


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
