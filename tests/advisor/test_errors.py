"""What a problem looks like in the end: short, printable, and not a thousand times the same."""

from pathlib import Path

from advisor.errors import InputError, Problem


def test_what_a_person_wrote_is_cut_and_spelled_out_in_a_problem() -> None:
    problem = Problem("has the key " + "k" * 10_000, "a\udcff.jsonl", 3, "\x1b[31m", "Remove it")
    assert len(str(problem)) < 500
    assert str(problem).isprintable()
    assert str(problem).startswith("a\\udcff.jsonl:3: \\x1b[31m: has the key kkk")
    assert str(Problem("two\nlines", "ä b")) == "ä b: two\\nlines"


def test_of_problems_alike_in_one_file_the_lines_are_named() -> None:
    found = InputError([Problem("is broken", "a.jsonl", line, do="Mend it") for line in range(1, 101)]).problems
    assert len(found) == 21
    assert found[-1] == Problem("80 more like these, in lines 21-100", "a.jsonl", 21, do="Mend it")


def test_of_problems_alike_in_very_many_files_the_files_are_counted() -> None:
    found = InputError([Problem("is no text", Path("documents") / f"{at}.xyz") for at in range(500)]).problems
    assert len(found) == 21
    assert str(found[-1]) == "documents: 480 more files like these"
