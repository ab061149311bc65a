"""Rows files: every format recognised, everything wrong named by line, and never a traceback."""

import json
import random
from pathlib import Path

import pytest

from advisor.errors import Problem
from advisor.rows.examples import read_inputs, read_rows
from advisor.task import Example
from trainers.rendering import Turn


def written(tmp_path: Path, content: str | bytes, name: str = "train.jsonl") -> tuple[list[Example], list[Problem]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = read_rows(path, name)
    return rows.examples, rows.problems


@pytest.mark.parametrize(
    "row",
    [
        {"input": "Hi", "output": "Hello"},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": [{"text": "Hi"}]}, {"role": "assistant", "content": "Hello"}]},
        {"prompt": "Hi", "completion": "Hello"},
        {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]},
        {"instruction": "Hi", "input": "", "output": "Hello"},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
    ],
)  # fmt: skip
def test_every_format_is_recognised_without_being_told(tmp_path: Path, row: dict[str, object]) -> None:
    examples, problems = written(tmp_path, json.dumps(row))
    assert not problems
    assert examples == [Example("1", "Hi", "Hello", row=1, file="train.jsonl")]


def test_formats_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    examples, problems = written(tmp_path, '{"input": "a", "output": "b"}\n{"prompt": "c", "completion": "d"}\n')
    assert (examples[1].input, examples[1].output, problems) == ("c", "d", [])


def test_earlier_turns_stay_and_the_last_assistant_turn_is_the_target(tmp_path: Path) -> None:
    roles = ["system", "user", "assistant", "user", "assistant", "user"]
    turns = [{"role": role, "content": str(at)} for at, role in enumerate(roles)]
    (example,), problems = written(tmp_path, json.dumps({"messages": turns}))
    assert not problems
    assert (example.input, example.output) == ("3", "4")
    assert example.turns == (Turn("system", "0"), Turn("user", "1"), Turn("assistant", "2"))


def test_alpaca_joins_instruction_and_input(tmp_path: Path) -> None:
    (example,), _ = written(tmp_path, '{"instruction": "Add", "input": "1 2", "output": 3}')
    assert (example.input, example.output) == ("Add\n\n1 2", "3")


def test_outputs_that_are_json_become_compact_text_in_their_own_order(tmp_path: Path) -> None:
    (example,), _ = written(
        tmp_path, '{"input": "x", "output": {"b": "ü", "a": [1, null]}, "accepted": [{"b": 1}, "c"]}'
    )
    assert example.output == '{"b":"ü","a":[1,null]}'
    assert example.accepted == ('{"b":1}', "c")


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    examples, problems = written(
        tmp_path, b'\xef\xbb\xbf{"input":"a","output":"b"}\r\n\r\n{"input":"c","output":"d"}\r\n'
    )
    assert not problems
    assert [(row.id, row.row) for row in examples] == [("1", 1), ("3", 3)]


def test_a_line_separator_inside_a_text_ends_no_row(tmp_path: Path) -> None:
    (example,), problems = written(tmp_path, '{"input": "a\u2028b", "output": "c"}')
    assert (example.input, problems) == ("a\u2028b", [])


@pytest.mark.parametrize(
    ("content", "input", "output"),
    [
        ("input,output\na,b\n", "a", "b"),
        ("question;answer\na;b\n", "a", "b"),
        ("label\ttext\nb\ta\n", "a", "b"),
        ("frage,antwort\na,b\n", "a", "b"),
        ('id,text,label\n7,"a, ""x""\nc",b\n', 'a, "x"\nc', "b"),
        ("\ufeffInput,Output\r\na,b\r\n", "a", "b"),
        ("input,output\n" + "a" * 200_000 + ",b\n", "a" * 200_000, "b"),
    ],
)
def test_a_csv_may_name_its_two_columns_in_many_ways(tmp_path: Path, content: str, input: str, output: str) -> None:
    (example,), problems = written(tmp_path, content, "train.csv")
    assert not problems
    assert (example.input, example.output) == (input, output)


def test_a_csv_row_is_placed_by_the_line_where_it_begins(tmp_path: Path) -> None:
    examples, problems = written(tmp_path, 'input,output\n"a\nb",c\nd,\n', "train.csv")
    assert [row.row for row in examples] == [2]
    assert [(problem.line, problem.field) for problem in problems] == [(4, "output")]


BROKEN = [
    ('{"input": "a", "output": "b"', 1, "not valid JSON"),
    ("{'input': 'a'}", 1, "double quotes"),
    ('{"input": "a", "output": True}', 1, "true, false, null"),
    ('{"input": "a", "output": NaN}', 1, "NaN"),
    ('{"input": "a", "output": 1e999}', 1, "not valid JSON"),
    ('{"input": "a", "output": "\\ud800"}', 1, "surrogate"),
    ('{"input": "a", "output": "b", "output": "c"}', 1, "'output' stands twice"),
    ("[" * 100_000, 1, "nested too deeply"),
    ('\n["a", "b"]\n{"input": "a", "output": "b"}', 2, "a list, not an object"),
    ('[{"input": "a", "output": "b"}', 1, "neither a comma nor the last ]"),
    ('"a"', 1, "text, not an object"),
    ('{"output": 1, "id": 2}', 1, "input: is missing"),
    ('{"input": "a"}', 1, "output: is missing"),
    ('{"input": "a", "outptu": "b"}', 1, "Rename 'outptu' to 'output'"),
    ('{"wording": "a", "output": "b"}', 1, "its keys: 'wording', 'output'"),
    ('{"output": "b"}', 1, "input: is missing"),
    ('{"input": "  ", "output": "b"}', 1, "input: is empty"),
    ('{"input": "", "output": "b"}', 1, "input: is empty"),
    ('{"input": null, "output": "b"}', 1, "input: is null"),
    ('{"input": 5, "output": "b"}', 1, "input: is a number, not text"),
    ('{"input": ["a"], "output": "b"}', 1, "input: is a list, not text"),
    ('{"input": "a", "output": ""}', 1, "output: is empty"),
    ('{"input": "a", "output": null}', 1, "output: is null"),
    ('{"input": "a", "output": "b", "accepted": "c"}', 1, "accepted: is text, not a list"),
    ('{"input": "a", "output": "b", "accepted": [null]}', 1, "accepted: holds"),
    ('{"input": "a", "output": "b", "gold": "d1"}', 1, "gold: is text, not a list"),
    ('{"input": "a", "output": "b", "gold": [["d1"]]}', 1, "gold: holds"),
    ('{"input": "a", "output": "b", "id": ["x"]}', 1, "id: is a list"),
    ('{"input": "a", "output": "b", "id": true}', 1, "id: is true or false"),
    ('{"input": "a", "output": "b", "id": ""}', 1, "id: is empty"),
    ('{"prompt": "a"}', 1, "completion: is missing"),
    ('{"prompt": 3, "completion": "b"}', 1, "prompt: is a number"),
    ('{"messages": []}', 1, "messages: is empty"),
    ('{"messages": "hello"}', 1, "not a list of turns"),
    ('{"messages": [{"role": "user", "content": "a"}]}', 1, "no assistant turn"),
    ('{"messages": [{"role": "assistant", "content": "a"}]}', 1, "no user turn"),
    ('{"messages": [{"role": "robot", "content": "a"}]}', 1, "unknown role 'robot'"),
    ('{"messages": [{"content": "a"}]}', 1, "has no role"),
    ('{"messages": [{"role": "user"}]}', 1, "has no text as content"),
    ('{"messages": ["a"]}', 1, "has no role"),
    ('{"conversations": [{"from": "human", "value": 3}]}', 1, "has no text as value"),
    (b'{"input": "a", "output": "b"}\n{"input": "caf\xe9", "output": "b"}', 2, "byte 0xe9 in column 15 (offset 44"),
    ('{"input": "a", "output": "b"}'.encode("utf-16"), 1, "UTF-16"),
    (b'{"input": "a\0", "output": "b"}', 1, "zero bytes"),
]


@pytest.mark.parametrize(("content", "line", "fragment"), BROKEN)
def test_a_broken_row_is_named_by_line_with_what_to_do(
    tmp_path: Path, content: str | bytes, line: int, fragment: str
) -> None:
    _, problems = written(tmp_path, content)
    assert len(problems) == 1
    assert problems[0].line == line
    assert problems[0].do
    assert fragment in str(problems[0])


@pytest.mark.parametrize(
    ("content", "line", "fragment"),
    [
        ("", 1, "is empty"),
        ("a,b,c\n1,2,3\n", 1, "has the columns a, b, c"),
        ("input\na\n", 1, "which are input and output"),
        ("input,output\na,b,c\n", 2, "has 3 cells, the header has 2"),
        ('input,output\na,"b\nc,d\n', 2, "not valid CSV"),
        ("input,output\n,b\n", 2, "input: is missing"),
        (b"input,output\na,caf\xe9\n", 2, "not UTF-8"),
    ],
)
def test_a_broken_csv_is_named_by_line(tmp_path: Path, content: str | bytes, line: int, fragment: str) -> None:
    _, problems = written(tmp_path, content, "train.csv")
    assert [problem.line for problem in problems] == [line]
    assert fragment in str(problems[0])


def test_all_problems_of_a_file_come_at_once_and_the_good_rows_too(tmp_path: Path) -> None:
    content = b'{"input": "a"}\n{"input": "b", "output": "c"}\n\xff\n{"output": "", "gold": 1}\nx\n'
    examples, problems = written(tmp_path, content)
    assert [example.row for example in examples] == [2]
    assert [problem.line for problem in problems] == [1, 3, 4, 4, 5]


def test_files_that_cannot_be_read_are_problems_too(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for name, fragment in [
        ("folder.jsonl", "folder"),
        ("none.jsonl", "not there"),
        ("none.parquet", "not there"),
        ("rows.zip", "ends in .zip"),
    ]:
        rows = read_rows(tmp_path / name, name)
        (problem,) = rows.problems
        assert not rows.examples
        assert fragment in problem.what


def test_inputs_to_predict_need_no_outputs() -> None:
    raw = b'{"input": "a", "id": "x"}\n"b"\n{"messages": [{"role": "user", "content": "c"}]}\n{"input": "d"}\n3\n'
    given = read_inputs(raw)
    assert [(row.id, row.input, row.output) for row in given.examples] == [
        ("x", "a", ""), ("2", "b", ""), ("3", "c", ""), ("4", "d", ""),
    ]  # fmt: skip
    assert [problem.line for problem in given.problems] == [5]


def test_every_line_of_a_mutated_file_is_read_or_named(tmp_path: Path) -> None:
    draw = random.Random(0)
    jsonl = b'{"input": "a", "output": {"x": [1]}, "gold": ["d"]}\n{"prompt": [{"role": "user", "content": "a"}]}\n'
    for at in range(600):
        name, content = ("train.csv", b'input,output\n"a",b\nc,d\n') if at % 3 == 0 else ("train.jsonl", jsonl)
        mutated = bytearray(content)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(mutated))
            mutated[place : place + draw.randint(0, 3)] = draw.choice(
                [b"", b'"', b"\xff", b"{", b"[", b"\n", b",", b"\0", b"1"]
            )
        examples, problems = written(tmp_path, bytes(mutated), name)
        assert examples or problems or not mutated.strip()
        assert all(one.line and one.what and one.do for one in problems)


def test_a_cell_of_a_csv_that_only_looks_like_json_is_text(tmp_path: Path) -> None:
    deep = "[" * 100_000
    examples, problems = written(tmp_path, f"input,output,accepted\na,b,{deep}\nc,d,[NaN]\n".encode(), "train.csv")
    assert not problems
    assert [row.accepted for row in examples] == [(deep,), ("[NaN]",)]
