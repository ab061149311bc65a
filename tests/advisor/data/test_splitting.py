"""Splitting: sides of the right size, nothing nearly equal on two of them, the same for the same seed."""

import random
from collections import Counter
from itertools import combinations

import pytest

from advisor.data import splitting
from advisor.data.splitting import near_duplicates, split
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
    rows = some(300)
    given = split(rows[:200], rows[200:])
    assert given.test == tuple(rows[200:])
    assert given.test_given
    assert len(given.choose) + len(given.compare) == 50


@pytest.mark.parametrize(("count", "tested"), [(16, 0), (24, 0), (62, 0), (99, 0), (100, 25), (159, 39)])
def test_of_few_rows_all_outside_the_test_are_measured_on_in_folds(count: int, tested: int) -> None:
    given = split(some(count))
    assert len(given.test) == tested
    assert given.train == given.choose == given.compare
    assert len(given.train) == len(given.folds) == count - tested
    sizes = Counter(given.folds)
    assert len(sizes) == splitting.FOLDS and max(sizes.values()) - min(sizes.values()) <= 1


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
    assert len(set(given.folds)) == splitting.FOLDS


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
    rows = [Example(row.id, row.input, row.output, gold=("handbook",)) for row in some(200)]
    given = split(rows)
    assert (len(given.test), len(given.compare)) == (50, 25)


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


def test_conversations_differ_by_their_earlier_turns() -> None:
    one = Example("1", "Yes", "x", turns=(Turn("assistant", "Tea?"),))
    other = Example("2", "yes ", "x", turns=(Turn("assistant", "Coffee?"),))
    assert splitting.key(one) != splitting.key(other)
    assert splitting.key(one) == splitting.key(Example("3", " YES", "y", turns=(Turn("assistant", "tea?"),)))


def test_near_duplicates_are_found_by_equality_words_and_characters() -> None:
    run = " ".join(WORDS[:13])
    texts = [
        "What is the usual delivery time for the new card that I ordered yesterday?",
        f"first this and then {run}",
        "what is  the usual delivery time for the new card that I ordered YESTERDAY?",
        f"{run} but after it there is a lot of quite other text, which has nothing to do with the first one at all",
        "What is the usual delivery time for the new card that we ordered yesterday?",
        "Something else entirely",
    ]
    assert near_duplicates(texts) == [(0, 2), (0, 4), (1, 3)]


def test_a_run_of_characters_is_longer_than_one_of_words_where_no_spaces_are() -> None:
    common = "客户在厦门购买的微波炉使用二十四天后显示错误代码请求处理"
    texts = [
        f"您好，{common}。",
        f"{common[:20]}可是这封信说的是别的事情，跟前面一封完全没有关系。",
        f"昨天收到来信：{common}！再见",
    ]
    assert (len(common), near_duplicates(texts)) == (28, [(0, 2)])


def test_near_duplicates_between_two_lists_name_every_text_that_has_one() -> None:
    assert near_duplicates(["a b c", "x y z", "A  b c"], ["x y z", "a b c"]) == [(0, 1), (1, 0), (2, 1)]


def test_many_equal_texts_are_paired_with_the_first_only() -> None:
    assert near_duplicates(["same text"] * 4) == [(0, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a"], ["a", "b"], ["?", "!"]])
def test_of_next_to_nothing_only_equal_texts_are_near_duplicates(texts: list[str]) -> None:
    assert near_duplicates(texts) == ([(0, 1)] if texts == ["", ""] else [])
    assert near_duplicates(texts, []) == near_duplicates([], texts) == []


def test_the_quick_search_finds_what_a_full_comparison_finds() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    draw = random.Random(2)
    texts = [" ".join(draw.choices(WORDS, k=8)) for _ in range(60)]
    texts += [text.replace(draw.choice(text.split()), draw.choice(WORDS), 1) for text in texts]
    texts = list(dict.fromkeys(texts))
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_df=0.5).fit_transform(texts)
    full = (vectors @ vectors.T).toarray()
    wanted = [(one, other) for one, other in combinations(range(len(texts)), 2) if full[one, other] >= splitting.COSINE]
    assert wanted
    assert near_duplicates(texts) == wanted
