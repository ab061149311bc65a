"""Which words stand in which rows of a segment, and BM25 from that; knows texts only as lists of words.

bm25s, which we are tested against, works out every score when it indexes, so that each of them changes with the
collection. Here only counts are kept, and the scores of a query's words are worked out when it is asked: one index can
be made of segments, old rows can be left out, and the scores are those of an index of the living rows alone.
"""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75  # Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009)


@dataclass(frozen=True)
class Postings:
    """Counts of words: term i stands `counts[j]` times in row `rows[j]` for j from `starts[i]` to `starts[i + 1]`.

    terms: hashes of the words, ascending, so that they are found in the file without reading it. lengths: words a row.
    """

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.uint16]
    lengths: NDArray[np.int32]

    def of(self, term: np.uint64) -> slice:
        """Where the rows of a term lie."""
        i = int(np.searchsorted(self.terms, term))
        if i == len(self.terms) or self.terms[i] != term:
            return slice(0, 0)
        return slice(int(self.starts[i]), int(self.starts[i + 1]))

    def save(self, folder: Path) -> None:
        """One file an array."""
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: Path) -> "Postings":
        """Map the files of `save`."""
        return cls(*(np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)))


class Tally:
    """Counts words, row by row."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words, self._lengths = array("i"), array("i")

    def add(self, words: Sequence[str]) -> None:
        """The words of the next row."""
        numbers = self._numbers
        self._words.extend([numbers.setdefault(word, len(numbers)) for word in words])
        self._lengths.append(len(words))

    def postings(self) -> Postings:
        """All that was added."""
        terms = hashes(self._numbers)
        order = np.argsort(terms)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        lengths = np.array(self._lengths, np.int32)
        row = np.repeat(np.arange(len(lengths)), lengths)
        # term and row in one number: sorting it groups by term, rows ascending
        pairs, counts = np.unique(rank[np.array(self._words, np.int32)] << 32 | row, return_counts=True)
        starts = np.searchsorted(pairs >> 32, np.arange(len(terms) + 1))
        rows = (pairs & 0xFFFFFFFF).astype(np.int32)
        return Postings(terms[order], starts, rows, np.minimum(counts, 65_535).astype(np.uint16), lengths)


def hashes(words: Iterable[str]) -> NDArray[np.uint64]:
    """A number for each word: among a million words two share one with a chance of 3 in 10^8."""
    digests = [hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words]
    return np.frombuffer(b"".join(digests), np.uint64)


def idf(count: int, total: int) -> float:
    """Lucene's inverse document frequency of a word that stands in `count` of `total` rows."""
    return float(np.log1p((total - count + 0.5) / (count + 0.5)))
