"""Sides: development is to training what the test is, on tasks that leak on purpose, and stays as it is where it was."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from advisor.data import sides, splitting
from advisor.data.nearness import near_duplicates
from advisor.data.sources import key
from advisor.data.splitting import split
from advisor.task import Example, Split

from . import leaky
from .leaky import MAKERS, Made, made

Answers = Callable[[Sequence[Example]], Sequence[str]]
Scores = Mapping[str, tuple[float, float]]  # of arms by their names, on development and on the clean part of the test
SEEDS = (11, 12, 13)


def nearest(rows: Sequence[Example], analyzer: str) -> Answers:
    """The output of the nearest row: what similar shots are copied from."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=(3, 5) if analyzer == "char_wb" else (1, 1))
    theirs = vectorizer.fit_transform([key(row) for row in rows]).T
    return lambda asked: [
        rows[at].output for at in (vectorizer.transform([key(row) for row in asked]) @ theirs).toarray().argmax(axis=1)
    ]


def commonest(rows: Sequence[Example]) -> Answers:
    output = Counter(row.output for row in rows).most_common(1)[0][0]
    return lambda asked: [output] * len(asked)


def linear(rows: Sequence[Example]) -> Answers:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), RidgeClassifier())
    model.fit([key(row) for row in rows], [row.output for row in rows])
    return lambda asked: list(model.predict([key(row) for row in asked]))


def score(text: str, row: Example) -> float:
    """The share of fields, or of words, that are right; 0 to 100."""
    if row.output.startswith("{"):
        wanted, given = json.loads(row.output), json.loads(text)
        return 100 * float(np.mean([given.get(name) == value for name, value in wanted.items()]))
    ours, theirs = Counter(text.split()), Counter(row.output.split())
    return 200 * (ours & theirs).total() / (ours.total() + theirs.total())


def arms(train: Sequence[Example]) -> Mapping[str, Answers]:
    made = {"similar": nearest(train, "char_wb"), "words": nearest(train, "word"), "commonest": commonest(train)}
    return {**made, "linear": linear(train)} if len({row.output for row in train}) < 50 else made


def mean(answers: Answers, rows: Sequence[Example]) -> float:
    return float(np.mean([score(text, row) for text, row in zip(answers(rows), rows, strict=True)]))


def measured(given: Split) -> Scores:
    texts = [key(row) for row in given.seen]
    close = {at for at, _ in near_duplicates([key(row) for row in given.test], texts)}
    clean = [row for at, row in enumerate(given.test) if at not in close]
    development = (*given.compare, *given.choose)
    return {name: (mean(answers, development), mean(answers, clean)) for name, answers in arms(given.train).items()}


@cache
def scores(maker: Callable[[random.Random], Made]) -> Sequence[Scores]:
    return [measured(split(*made(maker, seed))) for seed in SEEDS]


def gap(maker: Callable[[random.Random], Made]) -> float:
    """The mean difference of the scores on development and on the test, over arms and seeds."""
    return float(np.mean([abs(ours - theirs) for one in scores(maker) for ours, theirs in one.values()]))


def test_scores_on_development_are_those_on_the_test() -> None:
    assert np.mean([gap(maker) for maker in MAKERS]) <= 4


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_no_kind_of_leak_is_left_by_itself(maker: Callable[[random.Random], Made]) -> None:
    assert gap(maker) <= 7  # of so many rows chance alone makes 3


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_who_leads_far_on_one_side_leads_on_the_other(maker: Callable[[random.Random], Made]) -> None:
    for one in scores(maker):
        for here, there in ((0, 1), (1, 0)):
            first, second, *_ = sorted(one, key=lambda arm: -one[arm][here])
            if one[first][here] - one[second][here] > 8:
                assert one[first][there] == max(own[there] for own in one.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_where_the_test_was_drawn_at_random_the_split_stays_as_it_is(seed: int, monkeypatch) -> None:
    rows, test = made(leaky.at_random, seed)
    given = split(rows, test)
    monkeypatch.setattr(sides, "like_test", lambda *asked: asked[3])
    assert given == split(rows, test)


def test_a_contaminated_test_makes_no_contaminated_development() -> None:
    given = split(*made(leaky.contaminated, 5))
    development = [key(row) for row in (*given.compare, *given.choose)]
    assert not near_duplicates(development, [key(row) for row in given.train])


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_sizes_stay_and_every_row_is_on_one_side(maker: Callable[[random.Random], Made]) -> None:
    rows, test = made(maker, 1)
    given = split(rows, test)
    part = min(len(rows) // 4, splitting.COMPARE + splitting.CHOOSE)
    assert part * 0.9 <= len(given.choose) + len(given.compare) <= part
    parts = [{row.id for row in side} for side in (given.train, given.choose, given.compare)]
    assert all(not one & other for one, other in combinations(parts, 2))
    assert set.union(*parts) == {row.id for row in rows}
    assert given == split(random.Random(2).sample(rows, len(rows)), test)


def test_the_outputs_of_the_test_change_nothing() -> None:
    rows, test = made(leaky.shared_outputs, 3)
    blind = [Example(row.id, row.input, "{}") for row in test]
    given, other = split(rows, test), split(rows, blind)
    assert (given.train, given.choose, given.compare) == (other.train, other.choose, other.compare)


def test_labels_keep_their_shares_where_development_is_chosen_by_nearness() -> None:
    rows, test = made(leaky.new_places, 4)
    given = split(rows, test)
    counts = Counter(row.output for row in (*given.compare, *given.choose))
    assert max(counts.values()) <= 2 * min(counts.values())


def test_groups_that_overlap_are_taken_once_and_a_stratum_without_rows_is_helped_out_by_the_next() -> None:
    strata = [[[0], [1]], [[2, 3], [2], [3], [4], [5]], [[6], [7], [8], [9]]]
    side, rest = sides.taken(10, strata, [0.5, 0.25, 0.25], [8])
    assert sorted([*side, *rest]) == list(range(10)) and len(side) == 8
    assert {0, 1} <= set(side) and len({6, 7, 8, 9} & set(side)) == 2
