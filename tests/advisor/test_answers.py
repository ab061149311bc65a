"""What a person may write as answers, and what they are told when it is wrong."""

import json
from pathlib import Path

import pytest

from advisor.answers import KEYS, UNKNOWN, parse, read_answers, read_batch
from advisor.errors import InputError


def problems(raw: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        parse(raw)
    return tuple(map(str, caught.value.problems))


def test_every_key_is_there_and_unknown_by_default() -> None:
    assert parse({}) == dict.fromkeys(KEYS, UNKNOWN)


def test_every_key_has_a_question_help_and_choices_where_it_is_a_choice() -> None:
    assert all(key.question.endswith("?") and key.help for key in KEYS.values())
    assert all(bool(key.choices) == (key.kind == "choice") for key in KEYS.values())


@pytest.mark.parametrize(
    ("value", "read_as"),
    [(True, "yes"), (False, "no"), (None, UNKNOWN), ("TRUE", "yes"), ("", UNKNOWN), (" No ", "no")],
)
def test_json_truth_values_are_read_as_words(value: object, read_as: str) -> None:
    assert parse({"strict_format": value})["strict_format"] == read_as


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5,000", 5000),
        ("5_000", 5000),
        ("5k", 5000),
        ("2.5M", 2.5e6),
        ("1e6", 1e6),
        (12, 12),
        (" 7 ", 7),
        ("1,200,000", 1.2e6),
    ],
)
def test_numbers_are_read_as_people_write_them(value: object, number: float) -> None:
    assert parse({"train_examples": value})["train_examples"] == number


@pytest.mark.parametrize(
    "value", [-1, float("nan"), float("inf"), 10**400, "1.000", "5,00", "many", True, [5], {}, 2.5, "-3", "１２x"]
)
def test_a_number_that_is_none_or_could_be_two_is_refused(value: object) -> None:
    assert len(problems({"train_examples": value})) == 1


def test_case_spaces_and_hyphens_do_not_matter() -> None:
    assert parse({"Output-Kind": "Short Answer"})["output_kind"] == "short_answer"


def test_all_problems_are_reported_at_once_with_suggestions() -> None:
    said = problems({"trian_examples": 5, "facts_change": "daily", "num_labels": -2, "strict_format": "maybe"})
    assert len(said) == 4
    assert "Did you mean train_examples?" in said[0]
    assert "never, slowly, often" in said[1]


def test_an_answer_given_twice_is_refused() -> None:
    assert "given twice" in problems({"train_examples": 5, "Train-Examples": 6})[0]


def test_files_are_read_from_yaml_and_json_alike(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("strict_format: yes\nnum_labels: 3\n")
    (tmp_path / "a.json").write_text('{"strict_format": true, "num_labels": 3}')
    assert (
        read_answers(tmp_path / "a.yaml")
        == read_answers(tmp_path / "a.json")
        == parse({"strict_format": "yes", "num_labels": 3})
    )


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.yaml", "num_labels: 3\n\nfacts_change: daily\n", 3),
        ("a.json", '{"num_labels": 3,\n "facts_change": "daily"}', 2),
        ("a.yaml", "a: [1\nb: 2\n", 2),
        ("a.json", '{\n"num_labels" 3}', 2),
    ],
)
def test_a_problem_in_a_file_names_its_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_answers(tmp_path / name)
    assert [problem.line for problem in caught.value.problems] == [line]


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe\x00", b"just words"])
def test_a_file_that_holds_no_answers_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(InputError):
        read_answers(tmp_path / "a.yaml")
    with pytest.raises(InputError):
        read_answers(tmp_path / "missing.yaml")


def test_a_batch_passes_ids_through_and_skips_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    file.write_text('{"id": 7, "num_labels": 2}\n\n{}\n' + json.dumps({"id": "x\u2028", "strict_format": None}) + "\n")
    assert [given for given, _ in read_batch(file)] == [7, None, "x\u2028"]
    assert read_batch(file)[0][1]["num_labels"] == 2


def test_a_batch_reports_every_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    file.write_text('{"num_labels": -1}\n{}\n[1]\n{"a": \n{"num_labels": NaN, "b": 1}\n')
    with pytest.raises(InputError) as caught:
        read_batch(file)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"num_labels: 3\nnum_labels: 4\n", [2]),
        (b'num_labels: 3\nfacts_change: "\xe9"\n', [2]),
        (b"num_labels: &a [*a]\nfacts_change: {a: b}\ntrain_examples: .nan\ncorpus_tokens: .inf\n", [1, 2, 3, 4]),
        (b"num_labels: 0x" + b"F" * 6000 + b"\n", [1]),
    ],
)
def test_odd_yaml_is_answered_with_its_lines(tmp_path: Path, text: bytes, lines: list[int]) -> None:
    (tmp_path / "a.yaml").write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_answers(tmp_path / "a.yaml")
    assert [problem.line for problem in caught.value.problems] == lines
    assert all(problem.do for problem in caught.value.problems)


def test_a_batch_in_another_encoding_or_nested_too_deeply_is_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    file.write_bytes(b'{}\n{"output_kind": "\xe9"}\n' + b"[" * 100_000 + b'\n{"num_labels": 1, "num_labels": 2}\n')
    with pytest.raises(InputError) as caught:
        read_batch(file)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_true_false_and_null_are_yes_no_and_unknown() -> None:
    found = parse({"strict_format": True, "style_matters": False, "data_may_leave": None, "num_labels": None})
    assert [found[key] for key in ("strict_format", "style_matters", "data_may_leave", "num_labels")] == [
        "yes", "no", "unknown", "unknown",
    ]  # fmt: skip
