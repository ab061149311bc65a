"""Whatever rows and tables hold: no traceback, every row an example or a problem with its line, every text used or told."""

import copy
import csv
import gzip
import io
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.rows.examples import read_inputs, read_rows
from advisor.task import Example

WORDS = ["river", "stone", "cloud", "lamp", "window", "garden", "paper", "train", "silver", "market"]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
FORMATS: Sequence[Mapping[str, Any]] = [
    {"id": "i", "input": "asked", "output": "wanted", "accepted": ["other"], "gold": ["d"], "beside": "told"},
    {"instruction": "do", "input": "this", "output": {"a": 1}, "system": "be", "history": [["first", "then"]]},
    {"instruction": "do", "context": "here", "response": "wanted", "category": "kind"},
    {"id": "q", "title": "t", "context": "here", "question": "asked", "answers": {"text": ["one", "two"], "answer_start": [0]}},
    {"messages": [
        {"role": "system", "content": "be"},
        {"role": "user", "content": [{"type": "text", "text": "asked"}], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 1},
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
        {"role": "assistant", "content": "wanted", "refusal": None},
    ], "tools": [{"type": "function", "function": {"name": "look"}}], "parallel_tool_calls": False},
    {"conversations": [{"from": "human", "value": "asked"}, {"from": "gpt", "value": "wanted"}], "system": "be"},
    {"prompt": [{"role": "user", "content": "asked"}], "chosen": "better", "rejected": "worse"},
    {"prompt": "asked", "completion": "wanted", "label": True},
    {"input": {"messages": [{"role": "user", "content": "asked"}]}, "preferred_output": [{"role": "assistant", "content": "better"}]},
]  # fmt: skip
ODD: Sequence[Any] = [
    None, "", " ", "text", 0, 1.5, True, False, [], {}, [None], ["a"], [[]], [["a", "b"]], {"a": None}, {"text": "x"},
    {"text": ["x", 3]}, {"role": "user"}, [{"role": "user", "content": "x"}], [{"from": "gpt", "value": "y"}], "[1, 2]",
    '{"a": 1}', "[{'a': 1}]", {"messages": []}, {"messages": [{"role": "assistant", "content": "z"}]}, [{"text": None}],
]  # fmt: skip
NAMES = ["input", "output", "id", "messages", "answers", "history", "weight", "context", "tools", "label", "", "x"]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a value: the keys and indices that lead to it."""
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*at, key))


def mutated(draw: random.Random, row: Mapping[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(dict(row))
    for _ in range(draw.randint(0, 3)):
        *path, last = draw.choice([*places(made), ("",)])
        holder: Any = made
        for step in path:
            holder = holder[step]
        what = draw.randrange(4)
        if what == 0 and isinstance(holder, dict):
            holder.pop(last, None)
        elif what == 1 and isinstance(holder, dict):
            holder[draw.choice(NAMES)] = holder.pop(last, "moved")
        elif what == 2 and isinstance(holder, list):
            holder.insert(last, copy.deepcopy(draw.choice([*ODD, holder[last]])))
        else:
            holder[last] = copy.deepcopy(draw.choice(ODD))
    return made


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a value, without what only links or marks others."""
    if isinstance(value, str):
        yield value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        if key not in ("id", "tool_call_id", "type", "role", "from"):
            yield from texts_in(one)


def all_of(example: Example) -> str:
    said = [example.id, example.input, example.output, *example.accepted, *example.gold]
    return "\n".join([*said, *(turn.text for turn in example.turns)]).replace('\\"', '"').replace(" ", "")


def test_every_mutated_row_is_an_example_or_a_problem_and_nothing_in_it_is_lost(tmp_path: Path) -> None:
    draw = random.Random(0)
    path = tmp_path / "train.jsonl"
    taken = 0
    for _ in range(1500):
        row = mutated(draw, draw.choice(FORMATS))
        path.write_text(f'\n{json.dumps(row)}\n{{"input": "a", "output": "b"}}\n')
        rows = read_rows(path, path.name)
        assert [one.row for one in rows.examples] == ([3] if rows.problems else [2, 3])
        assert all(problem.line == 2 and problem.what and problem.do for problem in rows.problems)
        given = read_inputs(path.read_bytes())
        assert [one.row for one in given.examples] == ([3] if given.problems else [2, 3])
        if not rows.problems:
            taken += 1
            told = " ".join(finding.message for finding in rows.findings)
            said = all_of(rows.examples[0])
            for key, value in row.items():
                lost = [text for text in texts_in(value) if text.strip() and text.replace(" ", "") not in said]
                assert not lost or repr(key)[:-1] in told or "turns after" in told or "text beside" in told, json.dumps(
                    row
                )
    assert 300 < taken < 1400


def cell(draw: random.Random, kind: str) -> str:
    """A cell such as people have: a label, a number, a sentence with signs that tables need, or a word."""
    words = " ".join(draw.sample(WORDS, draw.randint(5, 9)))
    return {
        "label": draw.choice(("red", "blue", "NA", "1")),
        "number": f"{draw.randint(-9, 99)},{draw.randint(0, 99)}",
        "sentence": draw.choice((f"{words}.", f'"{words}", they said?', f"{words};\n{words}!", f"\t{words}, {words}.")),
        "word": draw.choice(WORDS) + str(draw.randint(0, 10**6)),
    }[kind]


HEADERS = {"input": ("text", "Frage", "INPUT"), "output": ("label", "Antwort", "Class Index"), "context": ("context",)}


@pytest.mark.parametrize("headed", [True, False])
def test_no_row_of_a_table_is_lost_and_no_header_becomes_one(tmp_path: Path, headed: bool) -> None:
    draw = random.Random(1)
    path = tmp_path / "train.csv"
    whole = refused = 0
    for _ in range(400):
        roles = draw.choice((["input", "output"], ["output", "input"], ["input", "context", "output"]))
        kinds = ["sentence" if role != "output" else draw.choice(("label", "number", "word")) for role in roles]
        kinds = draw.choice((kinds, ["word"] * len(roles)))
        rows = [[cell(draw, kind) for kind in kinds] for _ in range(draw.randint(2, 40))]
        header = [[draw.choice(HEADERS[role]) for role in roles]] if headed else []
        separator, end = draw.choice(",;\t|"), draw.choice(("\n", "\r\n"))
        file = io.StringIO()
        csv.writer(file, delimiter=separator, lineterminator=end).writerows([*header, *rows])
        start = draw.choice(("", "\ufeff", f"sep={separator}{end}"))
        path.write_bytes((start + file.getvalue()).encode())
        made = read_rows(path, path.name)
        if not headed and made.problems:
            (problem,) = made.problems
            assert not made.examples
            assert problem.line and problem.do
            refused += 1
            continue
        assert made.problems == []
        assert len(made.examples) == len(rows)
        for example, cells in zip(made.examples, rows, strict=True):
            said = dict(zip(roles, (one.replace("\r\n", "\n") for one in cells), strict=True))
            assert example.output == said["output"]
            assert example.input == "\n\n".join(said[role] for role in roles if role != "output")
        whole += 1
    assert whole == 400 if headed else whole > 100
    assert headed or refused > 50


def test_every_line_of_a_mutated_table_is_read_or_named(tmp_path: Path) -> None:
    draw = random.Random(2)
    path = tmp_path / "train.csv"
    clean = b'id,question,answer\n1,"Who, me?",yes\n2,When?,"on\nMonday"\n3,Why?,"because ""so"""\n'
    for _ in range(1500):
        content = bytearray(clean)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(content))
            content[place : place + draw.randint(0, 4)] = draw.choice(
                (b"", b'"', b",", b";", b"\n", b"\t", b"\xff", b"\0", b"sep=", b"question", b"\xef\xbb\xbf", b"\r")
            )
        path.write_bytes(bytes(content))
        made = read_rows(path, path.name)
        assert made.examples or made.problems
        assert all(problem.line and problem.what and problem.do for problem in made.problems)


def test_every_mutated_spreadsheet_or_packed_file_is_read_or_named(tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = json.dumps([{"input": "a", "output": "b"}], indent=1).encode()
    for name, clean in (("train.json", rows), ("train.json.gz", gzip.compress(rows))):
        path = tmp_path / name
        for _ in range(500):
            content = bytearray(clean)
            place = draw.randrange(len(content))
            content[place : place + draw.randint(0, 4)] = draw.choice(
                (b"", b"[", b"]", b"{", b",", b"\xff", b"\0", b"1")
            )
            path.write_bytes(bytes(content))
            made = read_rows(path, path.name)
            assert made.examples or made.problems or name == "train.json"
            assert all(problem.what and problem.do for problem in made.problems)
