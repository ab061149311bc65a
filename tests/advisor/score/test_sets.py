"""Labels of which a row may have several: read, compared, written."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from advisor.score.metric import score_all
from advisor.score.metrics import resolve
from advisor.score.sets import ARRAY, read, written
from advisor.task import Example


def score(text: str, *answers: str, labels: tuple[str, ...] = ()) -> float:
    return resolve("set_f1", labels).score(text, Example("1", "", answers[0], answers[1:]))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('["b", "a"]', '["a","b"]'),
        ('["a", "b", "a"]', '["a","b"]'),
        ("[]", "[]"),
        ("b, a", "a, b"),
        ("b;a;a", "a; b"),
        ("b | a", "a|b"),
        ("服务、价格", "价格，服务"),
        ("السعر، الخدمة", "الخدمة، السعر"),
        (" price ", "price"),
        ("cafe\u0301, soft\u00adware", "software, café"),
        ("", ""),
    ],
)
def test_order_repeats_spaces_and_what_can_not_be_seen_do_not_matter(text: str, answer: str) -> None:
    assert score(text, answer) == 100


def test_a_row_gets_the_f1_of_its_labels_and_passes_with_all_of_them() -> None:
    # 1 label right of 2 given and 1 wanted: precision 1/2, recall 1
    assert score("a, c", "a") == pytest.approx(200 / 3)
    assert score('["a", "c"]', '["a"]') == pytest.approx(200 / 3)
    assert score("A", "a") == 0
    assert score("c", "a, b", "c") == 100
    assert resolve("set_f1").passing == 100


@pytest.mark.parametrize(
    "text", ["a, b", '["a", "b"', "", '"a"', '{"a": "b"}', '["a", 1]', "The labels: a and b", "[" * 9999]
)
def test_what_can_not_be_read_as_the_array_that_is_wanted_scores_0(text: str) -> None:
    assert score(text, '["a","b"]') == 0
    assert score(text, "[]") == 0


def test_an_empty_set_is_right_only_where_one_is_wanted() -> None:
    assert score('["a"]', "[]") == 0
    assert score("[]", '["a"]') == 0


def test_a_sign_inside_a_label_separates_nothing() -> None:
    labels = ("food, drink", "price")
    assert score("price; food, drink", "food, drink; price", labels=labels) == 100
    assert score("drink, food", "food, drink", labels=labels) == 0


def test_over_rows_it_is_scikit_learns_micro_f1() -> None:
    rng = np.random.default_rng(0)
    wanted, given = ([[label for label in "abcde" if rng.random() < 0.4] for _ in range(80)] for _ in range(2))
    metric = resolve("set_f1")
    rows = [Example(str(i), "", written(labels, ARRAY)) for i, labels in enumerate(wanted)]
    scored = score_all(metric, [written(labels, ARRAY) for labels in given], rows)
    sums = np.sum([one.statistics for one in scored], axis=0, keepdims=True)
    binary = MultiLabelBinarizer(classes=list("abcde"))
    expected = f1_score(binary.fit_transform(wanted), binary.fit_transform(given), average="micro")
    assert metric.aggregate(sums)[0] == pytest.approx(100 * expected)
    assert [one.score == 100 for one in scored] == [set(a) == set(b) for a, b in zip(wanted, given, strict=True)]


def test_rows_without_any_label_count_where_no_row_has_one() -> None:
    metric = resolve("set_f1")
    scored = score_all(metric, ["[]", "none"], [Example("1", "", "[]"), Example("2", "", "[]")])
    assert metric.aggregate(np.sum([one.statistics for one in scored], axis=0, keepdims=True))[0] == 50


@pytest.mark.parametrize("between", [ARRAY, ", ", ";", "、", " | ", "\n"])
@pytest.mark.parametrize("labels", [("one",), ("b", "a", "ä ö")])
def test_what_is_written_is_read_again(between: str, labels: tuple[str, ...]) -> None:
    assert read(written(labels, between), between) == labels


def test_one_label_is_read_whole() -> None:
    assert read(" food, drink ", None) == ("food, drink",)
