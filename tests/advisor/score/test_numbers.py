"""Numbers as people write them, and how near they are."""

import math
from decimal import Decimal

import pytest

from advisor.score.metric import beside, score_all
from advisor.score.metrics import resolve
from advisor.score.numbers import read_number
from advisor.task import Example


def score(text: str, *answers: str, name: str = "number") -> float:
    return resolve(name).score(text, Example("1", "", answers[0], answers[1:]))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1465.03", "1465.03", ""),
        (" 1,465.03 ", "1465.03", ""),
        ("1.465,03", "1465.03", ""),
        ("1\u202f465,03", None, None),  # a space and a comma: written nowhere else, so not guessed
        ("1\u202f465", "1465", ""),
        ("12'500", "12500", ""),
        ("1,00,000", "100000", ""),
        ("3,5", "3.5", ""),
        ("0,125", "0.125", ""),
        ("-5", "-5", ""),
        ("−5 °C", "-5", "°C"),
        ("+0.50", "0.5", ""),
        (".5", "0.5", ""),
        ("1e3", "1000", ""),
        ("$1,200", "1200", "$"),
        ("12 €", "12", "€"),
        ("35元", "35", "元"),
        ("90 km/h", "90", "km/h"),
        ("7%", "7", "%"),
        ("٣٫٥", "3.5", ""),
        ("१२ किलो", "12", "किलो"),
        ("９９", "99", ""),
        ("１２．５", "12.5", ""),
        ("1\u00a0465 mW", "1465", "mW"),
        ("12\u2019500", "12500", ""),
    ],
)
def test_a_number_is_read_whatever_way_it_is_written(text: str, value: str | None, unit: str | None) -> None:
    number = read_number(text)
    assert (number and number.value, number and number.unit) == (value and Decimal(value), unit)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "none",
            "NaN",
            "inf",
            "007",
            "0151 2345",
            "10:30",
            "12/05/2024",
            "2024-05-12",
            "1.2.3",
            "192.168.100.200",
        ),
        *("A4", "3 and 4", "1,3,5", "3-4", "The answer is 42", "$5 €", "9" * 16, "1e99", "#1"),
    ],
)
def test_codes_dates_and_sentences_are_no_numbers(text: str) -> None:
    assert read_number(text) is None


def test_equal_numbers_are_right_however_they_are_written() -> None:
    assert score("1.0", "1") == 100
    assert score("1,465.030", "1465.03") == 100
    assert score("0.1", "0.10000000000000001") == 0
    assert score("35", "3.5") == score("-5", "5") == 0
    assert score("about 5", "5") == score("", "5") == 0
    assert score("7", "5", "7") == 100


def test_a_unit_may_be_left_out_but_not_be_another() -> None:
    assert score("12 kg", "12 kg") == score("12", "12 kg") == 100
    assert score("12 g", "12 kg") == score("12 kg", "12") == 0


def test_an_answer_that_is_no_number_is_right_word_for_word() -> None:
    assert score("unknown", "unknown") == 100
    assert score("0", "unknown") == 0


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("number within 0.5", ("10.5", "9.5", "10"), ("10.51", "9.4")),
        ("number within 5%", ("10.5", "9.5"), ("10.6", "9.49")),
        ("number within 0", ("10",), ("10.000001",)),
    ],
)
def test_the_tolerance_is_an_amount_or_a_share(name: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    assert resolve(name).name == name
    assert [score(text, "10", name=name) for text in right] == [100] * len(right)
    assert [score(text, "10", name=name) for text in wrong] == [0] * len(wrong)
    assert score("-10.5", "-10", name="number within 5%") == 100


@pytest.mark.parametrize("name", ["number within a bit", "number within -1", "number within NaN", "number within %"])
def test_a_tolerance_that_is_none_is_answered_with_the_form(name: str) -> None:
    with pytest.raises(ValueError, match=r"Write number within 0\.5, or number within 5%"):
        resolve(name)


def test_the_mean_absolute_error_stands_beside_with_the_texts_that_it_misses() -> None:
    rows = [Example(str(i), "", answer) for i, answer in enumerate(("10", "20", "30", "40", "50"))]
    texts = ["10", "23.5", "no idea", None, "49"]
    metric = resolve("number within 1")
    scored = score_all(metric, texts, rows)
    assert [one.score for one in scored] == [100, 0, 0, None, 100]
    # (0 + 3.5 + 1) / 3; a system that gave nothing is unscored, and counts in neither
    assert beside(metric, scored) == {"mean absolute error": pytest.approx(1.5), "without a number": 1}


def test_where_every_text_is_a_number_none_is_told_to_be_missing() -> None:
    metric = resolve("number")
    assert beside(metric, score_all(metric, ["7"], [Example("1", "", "5")])) == {"mean absolute error": 2}


def test_without_any_number_there_is_no_error_to_tell() -> None:
    metric = resolve("number")
    assert beside(metric, score_all(metric, ["?"], [Example("1", "", "5")])) == {"without a number": 1}
    assert beside(metric, score_all(metric, [None], [Example("1", "", "5")])) == {}
    assert beside(resolve("exact_match"), score_all(resolve("exact_match"), ["5"], [Example("1", "", "5")])) == {}
    assert all(map(math.isfinite, metric.statistics("?", Example("1", "", "5"))))
