import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trainers import Head, fit_head, load_head


def clouds(counts: dict[str, int], seed: int = 0) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    labels = [label for label, count in counts.items() for _ in range(count)]
    centres = {label: generator.normal(size=8) for label in counts}
    vectors = np.array([centres[label] + 0.2 * generator.normal(size=8) for label in labels], dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


@pytest.mark.parametrize("counts", [{"a": 10, "b": 10}, {"a": 9, "b": 9, "c": 9}])
def test_the_head_is_one_of_scikit_learns_fits_probabilities_included(counts: dict[str, int]):
    vectors, labels = clouds(counts)
    answers, probabilities = fit_head(vectors, labels).predict(vectors)
    assert answers == labels
    fits = [LogisticRegression(C=c, max_iter=1000).fit(vectors, labels).predict_proba(vectors) for c in (1, 10, 100)]
    assert min(np.abs(fit - probabilities).max() for fit in fits) < 1e-4


@pytest.mark.filterwarnings("error")
def test_many_labels_of_few_rows_warn_of_nothing():
    vectors, labels = clouds({str(n): 1 + n % 2 for n in range(20)})
    assert set(fit_head(vectors, labels).labels) == set(labels)


def test_one_label_is_always_the_answer():
    answers, probabilities = fit_head(*clouds({"only": 3})).predict(np.ones((2, 8), np.float32))
    assert answers == ["only", "only"]
    assert probabilities.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("counts", [{"a": 1, "b": 1}, {"a": 12, "b": 1, "c": 2}])
def test_labels_with_one_or_two_rows_are_learned(counts: dict[str, int]):
    vectors, labels = clouds(counts)
    assert fit_head(vectors, labels).predict(vectors)[0] == labels


def test_the_same_seed_gives_the_same_head():
    vectors, labels = clouds({"a": 7, "b": 8})
    assert np.array_equal(fit_head(vectors, labels, 3).weights, fit_head(vectors, labels, 3).weights)


@pytest.mark.parametrize("name", ["head.npz", "head"])
def test_a_saved_head_answers_the_same_and_holds_no_pickle(tmp_path, name):
    vectors, labels = clouds({"ä b": 5, "c\n": 5})
    head: Head = fit_head(vectors, labels)
    head.save(tmp_path / name)
    again = load_head(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert again.labels == head.labels
    assert np.array_equal(again.predict(vectors)[1], head.predict(vectors)[1])


def test_a_file_that_is_no_head_is_told_and_what_was_pickled_stays_so(tmp_path, trap):
    pickled = np.array([trap], dtype=object)
    np.savez(tmp_path / "pickled.npz", weights=pickled, biases=pickled, labels=pickled)
    np.savez(tmp_path / "other.npz", weights=np.zeros(1))
    np.save(tmp_path / "array.npy", np.zeros(1))
    (tmp_path / "text.npz").write_text("text")
    for name in ("pickled.npz", "other.npz", "array.npy", "text.npz", "nothing.npz"):
        with pytest.raises(ValueError, match="holds no head"):
            load_head(tmp_path / name)
    assert not trap.sprung
