"""Nearness: which texts are nearly equal, which is nearest, and which come in families."""

import random
from itertools import combinations

import numpy as np
import pytest

from advisor.data import nearness
from advisor.data.nearness import around, near_duplicates

TREES = "alder ash beech birch cedar elm fir hazel holly larch lime maple oak pine rowan spruce yew"
WORDS = TREES.split()


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
    wanted = [(one, other) for one, other in combinations(range(len(texts)), 2) if full[one, other] >= nearness.COSINE]
    assert wanted
    assert near_duplicates(texts) == wanted


def test_the_nearest_of_each_text_come_first_and_never_itself() -> None:
    texts = ["one red apple", "one red apples", "quite other words", "quite other wording"]
    near = around(texts, ["one red apple", "nothing at all"])
    assert near.at[:, 0].tolist()[:5] == [1, 0, 3, 2, 0]
    assert near.cosine[4, 0] == pytest.approx(1) and near.cosine[5, 0] < 0.2
    assert (np.diff(near.cosine) <= 0).all()


def test_the_nearest_that_counts_is_asked_for() -> None:
    near = around(["one red apple", "one red apples", "some green apple"])
    both = near.nearest(np.array([0]), near.at[[0]] >= 0)
    third = near.nearest(np.array([0]), near.at[[0]] == 2)
    assert both[0] > third[0] > 0


@pytest.mark.parametrize("texts", [[], ["only"], ["", ""]])
def test_next_to_no_text_has_nothing_near(texts: list[str]) -> None:
    assert not around(texts).cosine.any()
    assert around(texts).families([[at] for at in range(len(texts))], 4) == [[at] for at in range(len(texts))]


def test_families_grow_from_the_most_alike_and_keep_groups_whole() -> None:
    draw = random.Random(4)
    heads = [" ".join(draw.choices(WORDS, k=8)) for _ in range(4)]
    texts = [f"{head} {draw.choice(WORDS)}" for head in heads for _ in range(3)]
    groups = [[0, 11], *([at] for at in range(1, 11))]
    found = around(texts).families(groups, 6)
    assert [3, 4, 5] in found and [6, 7, 8] in found
    assert all((0 in one) == (11 in one) for one in found)
    assert max(map(len, found)) <= 6
