"""The head where a row may have several labels."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from trainers import fit_sets, load_head
from trainers.head import STRENGTHS

LABELS = ("a", "b", "c")


def mixtures(n: int, noise: float = 0.1, least: int = 1, seed: int = 0) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Rows that are the sums of the directions of their labels."""
    rng = np.random.default_rng(seed)
    directions = np.eye(len(LABELS), 8)
    sets = [rng.permutation(len(LABELS))[: rng.integers(least, 3)] for _ in range(n)]
    vectors = np.array([directions[own].sum(0) + noise * rng.normal(size=8) for own in sets], np.float32)
    return vectors, [tuple(LABELS[i] for i in own) for own in sets]


def test_labels_are_given_each_for_itself_and_in_one_order() -> None:
    vectors, sets = mixtures(90)
    new, wanted = mixtures(60, seed=1)
    given, probabilities = fit_sets(vectors, sets).predict_sets(new)
    assert given == [tuple(sorted(own)) for own in wanted]
    assert probabilities.shape == (60, 3)
    assert probabilities.sum(1).max() > 1.5


def test_each_label_is_one_of_scikit_learns_against_the_rest() -> None:
    vectors, sets = mixtures(60, noise=0.6)
    probabilities = fit_sets(vectors, sets).predict_sets(vectors)[1]
    wanted = np.array([[label in own for label in LABELS] for own in sets])
    fits = [
        OneVsRestClassifier(LogisticRegression(C=c, max_iter=1000)).fit(vectors, wanted).predict_proba(vectors)
        for c in STRENGTHS
    ]
    assert min(np.abs(fit - probabilities).max() for fit in fits) < 1e-4


def test_the_threshold_gives_more_than_a_half_would_where_labels_are_rare() -> None:
    vectors, sets = mixtures(120, noise=0.9)
    head = fit_sets(vectors, sets)
    held, wanted = mixtures(400, noise=0.9, seed=3)
    right = np.array([[label in own for label in LABELS] for own in wanted])

    def micro(given: np.ndarray) -> float:
        return 2 * float((given & right).sum()) / float(given.sum() + right.sum())

    probabilities = head.each(held)
    assert head.threshold is not None and 0.1 <= head.threshold < 0.5
    assert micro(head.given(probabilities)) > micro(probabilities >= 0.5)


def test_a_row_may_be_given_nothing_only_where_some_row_has_nothing() -> None:
    far = np.zeros((1, 8), np.float32) - 5
    assert len(fit_sets(*mixtures(90)).predict_sets(far)[0][0]) == 1
    assert fit_sets(*mixtures(90, least=0)).predict_sets(far)[0][0] == ()


@pytest.mark.parametrize(
    "sets", [[("a",)], [("a",), ("a", "b")], [("a",), ("a",), ("a",), ("a", "b")], [(), (), (), ()]]
)
def test_few_rows_and_labels_that_all_or_none_have_do_no_harm(sets: list[tuple[str, ...]]) -> None:
    vectors = np.eye(4, 8, dtype=np.float32)[: len(sets)]
    given, probabilities = fit_sets(vectors, sets).predict_sets(vectors)
    assert all("a" in own for own in given) or not any(sets)
    assert np.isfinite(probabilities).all()


def test_a_saved_head_gives_the_same(tmp_path: Path) -> None:
    vectors, sets = mixtures(40, noise=0.4)
    head = fit_sets(vectors, sets)
    head.save(tmp_path / "head.npz")
    again = load_head(tmp_path / "head.npz")
    assert (again.threshold, again.fewest, again.labels) == (head.threshold, head.fewest, head.labels)
    assert again.predict_sets(vectors)[0] == head.predict_sets(vectors)[0]
