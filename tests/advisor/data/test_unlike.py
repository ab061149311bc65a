"""Development that is not like the test is told with its figures; what is like it is not, however few rows there are."""

import random
from dataclasses import replace

import numpy as np
import pytest

from advisor.data.profiling import profile
from advisor.data.splitting import split
from advisor.data.unlike import unlike_test
from advisor.task import Example, Split, Task

from . import leaky
from .leaky import Made, made


def drawn(rows: list[Example], test: list[Example], count: int) -> Split:
    """A split at random, whatever the test is."""
    rows = random.Random(1).sample(rows, len(rows))
    return Split(tuple(rows[count:]), tuple(rows[: count // 2]), tuple(rows[count // 2 : count]), tuple(test))


class Hashes:
    """An embedder that knows words by their first letter only."""

    fingerprint = "hashes"

    def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        vectors = np.zeros((len(texts), 26), dtype=np.float32)
        for at, text in enumerate(texts):
            for word in text.lower().split():
                vectors[at, ord(word[0]) % 26] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def test_development_that_is_nearer_is_told_with_both_figures_and_what_to_expect() -> None:
    [finding] = unlike_test(drawn(*made(leaky.near_inputs, 1), 200), ())
    assert (finding.kind, finding.severity) == ("unlike_test", "warning")
    assert "nearer to the training rows (median 0." in finding.message
    assert "than the test's are (0." in finding.message
    assert "expect lower scores on the test than in development" in finding.message


def test_development_that_is_farther_is_told_too() -> None:
    rows, test = made(leaky.near_inputs, 1)
    given = drawn(rows, test, 200)
    other = replace(given, choose=tuple(test[:100]), compare=tuple(test[100:200]), test=(*given.choose, *given.compare))
    [finding] = unlike_test(other, ())
    assert "farther from" in finding.message and "expect higher scores" in finding.message


@pytest.mark.parametrize("count", [20, 60, 200])
def test_what_was_drawn_from_one_source_is_seldom_told(count: int) -> None:
    told = 0
    for seed in range(20):
        rows, test = made(leaky.at_random, seed)
        told += len(unlike_test(drawn(rows, test[: max(20, count // 2)], count), ()))
    assert told <= 1


def test_a_difference_that_is_plain_is_told_of_few_rows() -> None:
    rows, test = made(leaky.near_inputs, 1)
    assert unlike_test(drawn(rows[:200], test[:20], 40), ())


def test_rows_in_folds_are_compared_with_those_of_other_folds() -> None:
    rows, test = made(leaky.near_inputs, 1)
    rows = rows[:100]
    whole = split(rows, test)
    assert whole.folds
    loose = replace(whole, folds=tuple(at % 5 for at in range(len(rows))))
    kept = {row.id: at // 5 % 5 for at, row in enumerate(rows)}  # five variants follow one another
    assert unlike_test(loose, ())
    assert not unlike_test(replace(whole, folds=tuple(kept[row.id] for row in whole.train)), ())


def test_contaminated_test_rows_do_not_count() -> None:
    rows, test = made(leaky.contaminated, 2)
    given = replace(split(rows, test), test=tuple(test[160:]))  # 80 clean rows, then 120 copies
    assert not unlike_test(given, range(80, 200))
    assert unlike_test(given, ())
    assert not unlike_test(drawn(rows, test[160:], 200), range(10, 200))  # ten clean rows tell nothing


def test_what_differs_in_meaning_only_is_told_by_the_embedder() -> None:
    draw = random.Random(3)

    def rows(letters: str, count: int, name: str) -> list[Example]:
        texts = (" ".join(draw.choice(letters) + leaky.name(draw).lower() for _ in range(8)) for _ in range(count))
        return [Example(f"{name}{at}", text, "x", row=at) for at, text in enumerate(texts)]

    given = drawn(rows("abc", 300, "r"), rows("xyz", 100, "t"), 100)
    assert not unlike_test(given, ())
    [finding] = unlike_test(given, (), Hashes())
    assert "by their meaning" in finding.message


def test_the_profile_tells_it_and_is_silent_where_the_split_mended_it(tmp_path) -> None:
    def kinds(given: Split) -> set[str]:
        task = Task("t", tmp_path, metric="exact_match", split=given)
        return {one.kind for one in profile(task, lambda texts: [1] * len(texts)).findings}

    leaking: Made = made(leaky.near_inputs, 4)
    assert "unlike_test" in kinds(drawn(*leaking, 200))
    assert "unlike_test" not in kinds(split(*leaking))
