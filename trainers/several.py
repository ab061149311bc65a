"""Fits the classifier's head where a row may have several labels, or none: for each label, one against the rest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from trainers.head import FOLDS, STRENGTHS, Floats, Head

THRESHOLDS = np.linspace(0.1, 0.9, 41)
MANY = 50  # labels; with more the strength is not chosen, which would take minutes

Wanted = NDArray[np.bool_]  # (n, k): which of the labels each row has


def fit_sets(vectors: Floats, sets: Sequence[Collection[str]], seed: int = 0) -> Head:
    """Fit on (n, d) vectors and the labels of each. How strongly to shrink, and the probability from which on a label is
    given, are chosen by cross-validation for the greatest micro F1.

    One threshold for all labels: one for each was no better on 7 labels and 1 to 2 points worse on 20 and 60, most of
    which have few rows to choose it on. Where every row has a label, so has every prediction.
    """
    labels = tuple(sorted({label for own in sets for label in own}))
    wanted = np.array([[label in own for label in labels] for own in sets], dtype=bool)
    none = np.zeros((len(labels), vectors.shape[1]), np.float32)
    plain = Head(none, none[:, 0], labels, threshold=0.5, fewest=min(1, *map(len, sets)))
    if len(sets) < FOLDS:
        return _fit(plain, vectors, wanted, STRENGTHS[1])
    folds = list(KFold(FOLDS, shuffle=True, random_state=seed).split(vectors))
    scores: dict[tuple[float, float], float] = {}
    for strength in STRENGTHS if len(labels) <= MANY else STRENGTHS[1:2]:
        held = np.zeros(wanted.shape, np.float32)
        for learned, left in folds:
            held[left] = _fit(plain, vectors[learned], wanted[learned], strength).each(vectors[left])
        for threshold in THRESHOLDS:
            scores[strength, float(threshold)] = _micro_f1(replace(plain, threshold=threshold).given(held), wanted)
    strength, threshold = max(scores, key=lambda pair: scores[pair])
    return _fit(replace(plain, threshold=threshold), vectors, wanted, strength)


def _fit(plain: Head, vectors: Floats, wanted: Wanted, strength: float) -> Head:
    """The head with weights; a label that all rows have, or none, is as likely as its share of them."""
    n, k = wanted.shape
    shares = (wanted.sum(0) + 0.5) / (n + 1)
    weights, biases = np.zeros((k, vectors.shape[1]), np.float32), np.log(shares / (1 - shares)).astype(np.float32)
    for i, has in enumerate(wanted.T):
        if 0 < has.sum() < n:
            model = LogisticRegression(C=strength, max_iter=1000).fit(vectors, has)
            weights[i], biases[i] = model.coef_[0], model.intercept_[0]
    return replace(plain, weights=weights, biases=biases)


def _micro_f1(given: Wanted, wanted: Wanted) -> float:
    return float(2 * (given & wanted).sum() / max(1, given.sum() + wanted.sum()))
