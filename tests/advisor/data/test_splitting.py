"""Splitting: sides of the right size, nothing nearly equal on two of them, the same for the same seed."""

import json
import random
from collections import Counter
from itertools import combinations

import pytest

from advisor.data import folding
from advisor.data.splitting import split
from advisor.task import Example, Split
from trainers.rendering import Turn

TREES = "alder ash beech birch cedar elm fir hazel holly larch lime maple oak pine rowan spruce yew"
WORDS = TREES.split()


def some(count: int, labels: int = 0) -> list[Example]:
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=9)) for _ in range(count)]
    return [Example(str(at), text, f"label {at % labels}" if labels else text[::-1]) for at, text in enumerate(texts)]


def ids(rows: tuple[Example, ...]) -> set[str]:
    return {row.id for row in rows}


def sides(given: Split) -> list[set[str]]:
    return [ids(given.train), ids(given.choose), ids(given.compare), ids(given.test)]


def test_a_quarter_is_test_and_a_quarter_development_in_two_halves() -> None:
    given = split(some(400))
    assert (len(given.test), len(given.compare), len(given.choose)) == (100, 50, 50)
    assert not given.folds
    assert not given.test_given


def test_every_row_is_on_exactly_one_side() -> None:
    rows = some(400)
    given = split(rows)
    assert all(not one & other for one, other in combinations(sides(given), 2))
    assert set.union(*sides(given)) == ids(tuple(rows))


def test_with_many_rows_the_sides_stop_growing() -> None:
    given = split(some(1700))
    assert (len(given.test), len(given.compare), len(given.choose)) == (400, 128, 96)


def test_a_test_that_is_given_stays_as_it_is() -> None:
    rows = some(500)
    given = split(rows[:400], rows[400:])
    assert given.test == tuple(rows[400:])
    assert given.test_given
    assert len(given.choose) + len(given.compare) == 100


@pytest.mark.parametrize(("count", "tested"), [(16, 0), (24, 0), (62, 0), (99, 0), (100, 25), (319, 79)])
def test_of_few_rows_all_outside_the_test_are_measured_on_in_folds(count: int, tested: int) -> None:
    given = split(some(count))
    assert len(given.test) == tested
    assert given.train[::-1] == given.choose == given.compare
    assert len(given.train) == len(given.folds) == count - tested
    sizes = Counter(given.folds)
    assert len(sizes) == max(4, (count - tested) // 32) and max(sizes.values()) - min(sizes.values()) <= 1


def test_what_learns_without_the_first_fold_begins_as_what_learns_from_all_rows() -> None:
    given = split(some(256), some(500)[256:])
    first = given.fold_of[given.compare[0].id]
    learned = given.without(first).train
    assert given.train[: len(learned)] == learned
    assert [given.fold_of[row.id] for row in given.compare] == sorted(given.folds)


def test_what_answers_a_fold_learns_from_the_others_alone() -> None:
    given = split(some(30))
    for fold in set(given.folds):
        own = {row.id for row in given.compare if given.fold_of[row.id] == fold}
        assert ids(given.without(fold).train) == ids(given.train) - own
        assert not given.without(fold).compare


@pytest.mark.parametrize("count", [0, 1, 2, 5, 15])
def test_with_next_to_no_rows_nothing_is_compared(count: int) -> None:
    given = split(some(count))
    assert ids(given.train) == ids(tuple(some(count)))
    assert given.compare == given.choose == given.test == given.folds == ()


def test_a_test_that_is_given_leaves_few_rows_in_folds() -> None:
    rows = some(60)
    given = split(rows[:40], rows[40:])
    assert given.test == tuple(rows[40:]) and given.test_given
    assert len(given.compare) == len(given.folds) == 40
    assert split(rows[:12], rows[12:]).compare == ()


def test_labels_are_spread_over_the_folds_and_what_belongs_together_stays_in_one() -> None:
    rows = some(40, labels=4)
    rows += [Example(f"copy {at}", f"{rows[at].input.upper()} !", rows[at].output) for at in range(8)]
    rows += [Example(f"gold {at}", f"{at * 7919} {'zyxwvuts'[at]}", "label 0", gold=(f"d{at % 4}",)) for at in range(8)]
    given = split(rows)
    assert all(given.fold_of[str(at)] == given.fold_of[f"copy {at}"] for at in range(8))
    assert all(given.fold_of[f"gold {at}"] == given.fold_of[f"gold {at % 4}"] for at in range(8))
    for fold in set(given.folds):
        assert len({row.output for row in given.train if given.fold_of[row.id] == fold}) == 4


def test_one_document_behind_few_rows_does_not_prevent_folds() -> None:
    given = split([Example(row.id, row.input, row.output, gold=("handbook",)) for row in some(24)])
    assert len(set(given.folds)) == folding.FOLDS


def test_the_same_rows_in_any_order_give_the_same_split_for_a_seed() -> None:
    rows = some(200, labels=4)
    shuffled = random.Random(3).sample(rows, len(rows))
    assert sides(split(rows, seed=5)) == sides(split(shuffled, seed=5))
    assert sides(split(rows, seed=5)) != sides(split(rows, seed=6))


def test_near_duplicates_and_shared_documents_stay_on_one_side() -> None:
    rows = some(200)
    rows += [Example(f"copy {at}", f"{rows[at].input.upper()} !", "x") for at in range(40)]
    rows += [
        Example(f"gold {at}", f"{at} {'zyxwvuts'[at % 8]} {at * 7919}", "x", gold=(f"d{at % 20}",)) for at in range(60)
    ]
    where = {row: at for at, side in enumerate(sides(split(rows))) for row in side}
    assert all(where[str(at)] == where[f"copy {at}"] for at in range(40))
    assert all(where[f"gold {at}"] == where[f"gold {at % 20}"] for at in range(60))


def test_one_document_behind_every_row_does_not_prevent_a_test() -> None:
    rows = [Example(row.id, row.input, row.output, gold=("handbook",)) for row in some(400)]
    given = split(rows)
    assert (len(given.test), len(given.compare)) == (100, 50)


def test_equal_rows_alone_leave_nothing_to_test_on() -> None:
    given = split([Example(str(at), "the same", "x") for at in range(100)])
    assert len(given.train) == 100
    assert given.compare == given.folds == ()
    assert not given.test


def test_labels_are_spread_over_the_sides_by_their_share() -> None:
    rows = [Example(row.id, row.input, "rare" if at % 10 == 0 else "common") for at, row in enumerate(some(400))]
    given = split(rows)
    for side in (given.test, given.compare, given.choose):
        assert 0.07 <= Counter(row.output for row in side)["rare"] / len(side) <= 0.13


def test_the_rows_that_share_a_source_are_told_with_the_number_of_their_group() -> None:
    rows = some(200) + [Example(f"copy {at}", f"{row.input} !", "x") for at, row in enumerate(some(20))]
    told = split(rows).groups
    assert all(told[str(at)] == told[f"copy {at}"] for at in range(20))
    assert len(told) < 60 and min(Counter(told.values()).values()) == 2
    assert json.loads(json.dumps(told)) == told


def test_rows_of_a_test_that_is_given_have_groups_of_their_own() -> None:
    rows = [Example(row.id, row.input, row.output, gold=(f"d{at // 2}",)) for at, row in enumerate(some(300))]
    for count in (40, 200):
        told = split(rows[:count], rows[200:]).groups
        assert all(told[str(at)] == told[str(at + 1)] for at in (0, 30, 200, 298))
        assert not {told[str(at)] for at in range(count)} & {told[str(at)] for at in range(200, 300)}


def test_conversations_and_equal_long_outputs_stay_in_one_fold() -> None:
    rows = some(30)
    rows += [Example(f"next {at}", "Yes", str(at), turns=(Turn("user", rows[at].input),)) for at in range(6)]
    answer = "{at} was found behind the old door of the hall by its owner"
    rows += [Example(f"{at} {one}", f"{at * one}", answer.format(at=at)) for at in range(71, 75) for one in (113, 997)]
    given = split(rows)
    assert all(given.fold_of[str(at)] == given.fold_of[f"next {at}"] for at in range(6))
    assert all(given.fold_of[f"{at} 113"] == given.fold_of[f"{at} 997"] for at in range(71, 75))
    assert given.without(0).groups == given.groups
