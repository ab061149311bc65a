"""Folds: what is measured in them is what the test shows, on tasks that leak on purpose, where rows are few."""

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from advisor.data import folding
from advisor.data.nearness import near_duplicates
from advisor.data.sources import key
from advisor.data.splitting import split
from advisor.task import Example, Split

from . import leaky
from .leaky import MAKERS, Made, made
from .test_sides import SEEDS, Scores, arms, mean, measured

NEW = (leaky.new_templates,)  # of so few rows there are too few templates: a fold takes whole labels away


def in_folds(given: Split) -> Scores:
    """What arms get, made without the fold that they answer, and on the clean part of the test, made of all rows."""
    close = {at for at, _ in near_duplicates([key(row) for row in given.test], [key(row) for row in given.train])}
    clean = [row for at, row in enumerate(given.test) if at not in close]
    whole = arms(given.train)
    own: dict[str, list[tuple[int, float]]] = {name: [] for name in whole}
    for fold in set(given.folds):
        rows = [row for row in given.compare if given.fold_of[row.id] == fold]
        for name, answers in arms(given.without(fold).train).items():
            own.setdefault(name, []).append((len(rows), mean(answers, rows)))
    return {
        name: (
            float(np.average([score for _, score in own[name]], weights=[n for n, _ in own[name]])),
            mean(one, clean),
        )
        for name, one in whole.items()
    }


@cache
def scores(maker: Callable[[random.Random], Made], count: int) -> Sequence[Scores]:
    given = [split(rows[:count], test) for rows, test in (made(maker, seed) for seed in SEEDS[:1])]
    return [in_folds(one) if one.folds else measured(one) for one in given]


def gap(maker: Callable[[random.Random], Made], count: int) -> float:
    return float(np.mean([abs(ours - theirs) for one in scores(maker, count) for ours, theirs in one.values()]))


def test_scores_in_folds_are_those_on_the_test() -> None:
    assert np.mean([gap(maker, 256) for maker in MAKERS]) <= 4
    assert np.mean([gap(maker, 100) for maker in MAKERS if maker not in NEW]) <= 4.5


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_task_that_leaks_is_in_folds_too(maker: Callable[[random.Random], Made]) -> None:
    rows, test = made(maker, 11)
    assert split(rows[:256], test).folds


def test_rows_of_one_source_and_variants_of_one_another_lie_in_one_fold() -> None:
    rows, test = made(leaky.near_inputs, 11)
    given = split(rows[:256], test)
    ours, _ = folding.clean(rows[:256], test)
    close = near_duplicates(ours)
    fold = [given.fold_of[row.id] for row in rows[:256]]
    assert all(fold[one] == fold[other] for one, other in close)
    assert given == split(random.Random(2).sample(rows[:256], 256), test)


def test_folds_that_can_be_no_more_like_the_test_are_left_for_a_split() -> None:
    rows, test = made(leaky.at_random, 11)
    far = [Example(row.id, f"{at} {at * 7919}", row.output) for at, row in enumerate(test)]  # no word in common
    assert not split(rows[:256], far).folds
    assert split(rows[:100], far).folds  # of a split there would be too little


def test_the_outputs_of_the_test_change_no_fold() -> None:
    rows, test = made(leaky.new_places, 3)
    blind = [Example(row.id, row.input, "{}") for row in test]
    assert split(rows[:256], test).fold_of == split(rows[:256], blind).fold_of


def test_labels_are_in_every_fold() -> None:
    rows, test = made(leaky.at_random, 4)
    given = split(rows[:256], test)
    of = [{row.output for row in given.compare if given.fold_of[row.id] == fold} for fold in set(given.folds)]
    assert all(one == other for one, other in combinations(of, 2))
