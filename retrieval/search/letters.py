"""How alike a question and texts are spelled: finds what typing errors, inflection and compounds hide from words.

BM25 over runs of four letters, counted among the texts at hand alone, so that no index has to hold them.
McNamee and Mayfield, "Character n-gram tokenization for European language text retrieval" (Information Retrieval 7, 2004)
find four letters best, in each of their languages about as good as a stemmer or better.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.search.postings import K1, B
from retrieval.words import words

RUN = 4


def spelled(query: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """A BM25 score for each text; what is rare among these texts counts more."""
    wanted = Counter(run for word in words(query) for run in runs(word))
    if not wanted or not texts:
        return np.zeros(len(texts), np.float32)
    times, lengths = _counts({run: column for column, run in enumerate(wanted)}, texts)
    holding = (times > 0).sum(axis=0)
    rarity = np.log1p((len(texts) - holding + 0.5) / (holding + 0.5)) * np.array(list(wanted.values()))
    norms = K1 * (1 - B + B * lengths / max(lengths.mean(), 1))
    scores: NDArray[np.float32] = ((times / (times + norms[:, None])) @ rarity).astype(np.float32)
    return scores


def _counts(columns: dict[str, int], texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How often each run stands in each text (texts, runs), and how many runs a text has."""
    times = np.zeros((len(texts), len(columns)), np.float32)
    lengths = np.zeros(len(texts), np.float32)
    known: dict[str, list[int]] = {}  # the columns of a word's runs: most words come in many texts
    for row, text in enumerate(texts):
        for word, count in Counter(words(text)).items():
            if word not in known:
                known[word] = [columns[run] for run in runs(word) if run in columns]
            lengths[row] += count * len(runs(word))
            for column in known[word]:
                times[row, column] += count
    return times, lengths


@lru_cache(maxsize=100_000)
def runs(word: str) -> tuple[str, ...]:
    """The runs of four letters in a word; spaces mark its ends. A Korean syllable is two or three letters."""
    marked = f" {unicodedata.normalize('NFD', word)} "
    return tuple(marked[start : start + RUN] for start in range(max(1, len(marked) - RUN + 1)))
