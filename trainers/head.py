"""The classifier's head: a linear model on sentence embeddings, kept as plain arrays."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

Floats = NDArray[np.float32]
STRENGTHS = (1.0, 10.0, 100.0)  # of C; embeddings of unit length want little shrinking
FOLDS = 3


@dataclass(frozen=True)
class Head:
    """Weights (k, d), biases (k,) and the k labels of a softmax on embeddings, or of k logistic models where a row may have
    several labels: those of a probability from `threshold` on, `fewest` (0 or 1) at the least. None: it has one."""

    weights: Floats
    biases: Floats
    labels: tuple[str, ...]
    threshold: float | None = None
    fewest: int = 1

    def predict(self, vectors: Floats) -> tuple[list[str], Floats]:
        """The likeliest label of each of the (n, d) vectors, and the (n, k) probabilities."""
        logits = vectors @ self.weights.T + self.biases
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
        return [self.labels[i] for i in probabilities.argmax(axis=1)], probabilities

    def predict_sets(self, vectors: Floats) -> tuple[list[tuple[str, ...]], Floats]:
        """The labels of each of the (n, d) vectors, in one order, and the (n, k) probabilities, each of its own."""
        probabilities = self.each(vectors)
        chosen = self.given(probabilities)
        return [tuple(self.labels[i] for i in np.flatnonzero(row)) for row in chosen], probabilities

    def each(self, vectors: Floats) -> Floats:
        """The (n, k) probabilities of each label, whatever the others."""
        probabilities: Floats = (1 / (1 + np.exp(-(vectors @ self.weights.T + self.biases)))).astype(np.float32)
        return probabilities

    def given(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Which labels (n, k) are given at these probabilities."""
        assert self.threshold is not None, "a head that gives one label has no threshold"
        chosen = probabilities >= self.threshold
        if self.fewest and len(self.labels):
            chosen[np.arange(len(chosen)), probabilities.argmax(axis=1)] = True
        return chosen

    def save(self, path: Path) -> None:
        """Write the arrays, whole or not at all."""
        partial = path.with_name("partial-" + path.name)
        with partial.open("wb") as file:  # a path would be given the suffix .npz
            arrays = {"weights": self.weights, "biases": self.biases, "labels": np.array(self.labels)}
            if self.threshold is not None:
                arrays |= {"threshold": np.array(self.threshold), "fewest": np.array(self.fewest)}
            np.savez(file, allow_pickle=False, **arrays)
        partial.replace(path)


def load_head(path: Path) -> Head:
    """A head that `Head.save` wrote. Raises ValueError where there is none; whatever the file holds, none of it is run."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            several = (float(arrays["threshold"]), int(arrays["fewest"])) if "threshold" in arrays else ()
            return Head(arrays["weights"], arrays["biases"], tuple(map(str, arrays["labels"])), *several)
    except (OSError, LookupError, TypeError, ValueError, BadZipFile) as error:
        raise ValueError(f"{path} holds no head: {error}") from error


def fit_head(vectors: Floats, labels: Sequence[str], seed: int = 0) -> Head:
    """Fit on (n, d) vectors; how strongly to shrink is chosen by cross-validation where every label has rows enough."""
    counts = Counter(labels)
    if len(counts) == 1:
        return Head(np.zeros((1, vectors.shape[1]), np.float32), np.zeros(1, np.float32), tuple(counts))
    strength = STRENGTHS[1]
    if min(counts.values()) >= FOLDS:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        scores = {
            c: cross_val_score(LogisticRegression(C=c, max_iter=1000), vectors, labels, cv=folds).mean()
            for c in STRENGTHS
        }
        strength = max(scores, key=lambda c: scores[c])
    with warnings.catch_warnings():  # many labels of few rows each are no regression problem
        warnings.filterwarnings("ignore", "The number of unique classes")
        model = LogisticRegression(C=strength, max_iter=1000).fit(vectors, labels)
    weights, biases = model.coef_, model.intercept_
    if len(weights) == 1:  # two labels: scikit-learn keeps the second one's side only
        weights, biases = np.vstack([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
    return Head(weights.astype(np.float32), biases.astype(np.float32), tuple(map(str, model.classes_)))


def file_hash(path: Path) -> str:
    """A short hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
