"""Reading questions, and how each kind of bad input is told."""

import json
from pathlib import Path

from retrieval.tune.questions import Question, read_questions


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_beir_folder_is_read_by_split_with_its_grades(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", '{"_id": "1", "text": "One?"}\n{"_id": "2", "text": "Two?"}\n')
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n2\tc\t1\n")
    write(tmp_path / "qrels" / "dev.tsv", "2 \td\t1\n2\tc\t0\n".replace("2 ", "2"))
    splits, problems = read_questions(tmp_path)
    assert not problems
    assert splits == {
        "test": (Question("One?", {"a": 2, "b": 0}), Question("Two?", {"c": 1})),
        "dev": (Question("Two?", {"d": 1, "c": 0}),),
    }


def test_trecs_four_columns_are_read_and_questions_without_right_documents_left_out(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", '{"_id": 1, "text": "One?"}\n{"_id": "2", "text": "Two?"}')
    write(tmp_path / "qrels" / "test.tsv", "1\t0\ta\t1\n2\t0\ta\t0\n")
    assert read_questions(tmp_path) == ({"test": (Question("One?", {"a": 1}),)}, ())


def test_a_tasks_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", '{"_id": "a", "text": "x"}')
    write(tmp_path / "test.jsonl", '{"input": "One?", "gold": ["a"], "accepted": ["1", "one"]}\n{"input": "No gold"}')
    rows = [{"input": "Two?", "output": output, "gold": ["a"]} for output in ("2", 2, None)]
    write(tmp_path / "train.jsonl", "\n".join(map(json.dumps, rows)))
    splits, problems = read_questions(tmp_path)
    assert not problems
    assert splits == {
        "test": (Question("One?", {"a": 1}, ("1", "one")),),
        "train": tuple(Question("Two?", {"a": 1}, accepted) for accepted in (("2",), ("2",), ())),
    }


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", '{"_id": "1", "text": "One?"}\n{"text": "x"}\n{\n[]\n')
    write(tmp_path / "qrels" / "test.tsv", "1\ta\n1\ta\tgood\n7\ta\t1\n")
    _, problems = read_questions(tmp_path)
    assert [(Path(one.file).name, one.line) for one in problems] == [
        *(("queries.jsonl", line) for line in (2, 3, 4)),
        *(("test.tsv", line) for line in (2, 3)),
    ]
    assert "'7' is not in queries.jsonl" in problems[-1].reason and all(one.do for one in problems)


def test_a_folder_without_questions_and_text_that_is_not_utf8_are_told(tmp_path: Path) -> None:
    _, [problem] = read_questions(tmp_path)
    assert "no questions" in problem.reason and "qrels" in problem.do
    write(tmp_path / "queries.jsonl", b'{"_id": "1", "text": "One?"}\n{"text": "\xff"}')
    assert read_questions(tmp_path)[1][0].line == 2
