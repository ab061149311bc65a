"""Reading documents: what is read, and how each kind of bad input is told."""

import os
from pathlib import Path

import pytest

from retrieval import Unreadable, read


def problem(path: Path) -> Unreadable:
    _, problems = read(path)
    assert len(problems) == 1, problems
    assert problems[0].do
    return problems[0]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_beir_corpus_is_read_with_the_line_of_each_document(tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus.jsonl", '{"_id": "a", "title": "T", "text": "x"}\n\n{"id": 7, "text": "y"}\n')
    documents, problems = read(corpus)
    assert not problems
    assert [(d.id, d.title, d.text, d.line) for d in documents] == [("a", "T", "x", 1), ("7", "", "y", 3)]
    assert documents[0].file == str(corpus)


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    documents, problems = read(write(tmp_path / "c.jsonl", b'\xef\xbb\xbf{"_id": "a", "text": "x"}\r\n'))
    assert [d.id for d in documents] == ["a"] and not problems
    [document], problems = read(write(tmp_path / "c.md", b"\xef\xbb\xbf# Title\r\n\r\nText\r\n"))
    assert (document.title, document.text, problems) == ("Title", "# Title\n\nText\n", ())


def test_a_folder_is_read_in_order_and_titles_come_from_headings_or_names(tmp_path: Path) -> None:
    write(tmp_path / "b" / "leave.md", "intro\n\n## Annual leave ##\n\n25 days.")
    write(tmp_path / "a.txt", "# not a heading in a text file")
    documents, problems = read(tmp_path)
    assert not problems
    assert [(d.id, d.title, d.line) for d in documents] == [("a.txt", "a", 0), ("b/leave.md", "Annual leave", 0)]


def test_every_problem_of_a_corpus_is_told_at_once_beside_what_could_be_read(tmp_path: Path) -> None:
    lines = [
        b'{"_id": "a", "text": "x"}',
        b'{"_id": "b", "text": ',
        b"[1]",
        b'{"text": "x"}',
        b'{"_id": "c", "text": " "}',
        b'{"_id": "a", "text": "again"}',
        b'{"_id": "d", "text": "caf\xe9"}',
        b'{"_id": "e", "text": "half \\ud83d"}',
        b'{"_id": "f", "text": "x", "title": 3}',
        b"[" * 100_000,
    ]
    documents, problems = read(write(tmp_path / "corpus.jsonl", b"\n".join(lines)))
    assert [d.id for d in documents] == ["a"]
    assert [p.line for p in problems] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    reasons = " | ".join(p.reason for p in problems)
    for said in (
        "not valid JSON",
        "not a JSON object",
        "no id",
        "'c' has no text",
        "used in line 1",
        "0xe9",
        "surrogate",
    ):
        assert said in reasons
    byte = sum(len(line) + 1 for line in lines[:6]) + lines[6].index(b"\xe9")
    assert f"byte {byte} " in problems[5].reason


def test_of_thousands_of_problems_in_a_file_the_first_are_told_and_how_many_more(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "broken\n" * 2500)
    write(tmp_path / "b.jsonl", '{"id": 1, "text": "x"}\n' * 2501)
    documents, problems = read(tmp_path)
    assert len(documents) == 1 and len(problems) == 2002
    assert [(Path(p.file).name, p.reason) for p in problems[-2:]] == [
        ("a.jsonl", "1,500 more problems"),
        ("b.jsonl", "1,500 more problems"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason", "line"),
    [
        ("a.md", b"one\ntwo \xff", "not UTF-8: byte 8 is 0xff", 2),
        ("a.txt", b"one\n\0", "a NUL at byte 4", 2),
        ("a.md", b" \n", "no text", 0),
        ("a.odt", b"PK", "'.odt' files are not read", 0),
        ("a.jsonl", b"\n", "no documents in this file", 0),
        ("a.jsonl", b'{"_id"\0', "a NUL at byte 6", 1),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: bytes, reason: str, line: int) -> None:
    told = problem(write(tmp_path / name, content))
    assert reason in told.reason and told.line == line


def test_what_is_missing_empty_or_not_a_file_is_told(tmp_path: Path) -> None:
    assert "No such file" in problem(tmp_path / "missing.jsonl").reason
    assert "no documents in this folder" in problem(tmp_path).reason
    os.mkfifo(tmp_path / "pipe.md")
    assert problem(tmp_path / "pipe.md").reason == "not a file"


def test_problems_can_be_written_whatever_the_names_of_files_and_documents_hold(tmp_path: Path) -> None:
    for name in (b"a\xff.md", b"b.\xff", b"c\x1b[2J\n.odt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    write(tmp_path / "d.jsonl", '{"id": "\\ud83d"}')
    documents, problems = read(tmp_path)
    assert not documents and [Path(p.file).name for p in problems] == [
        r"a\udcff.md",
        r"b.\udcff",
        r"c\x1b[2J\n.odt",
        "d.jsonl",
    ]
    assert all(f"{p.file}{p.reason}".isprintable() for p in problems)
    assert problems[0].reason == "its name is not UTF-8"


def test_links_that_leave_the_folder_are_refused_and_links_inside_are_read(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.md", "secret")
    inside = write(tmp_path / "docs" / "a.md", "open").parent
    (inside / "b.md").symlink_to(inside / "a.md")
    (inside / "out.md").symlink_to(secret)
    (inside / "up").symlink_to(tmp_path)
    (inside / "loop.md").symlink_to(inside / "loop.md")
    documents, problems = read(inside)
    assert [d.id for d in documents] == ["a.md", "b.md"]
    assert sorted(Path(p.file).name for p in problems) == ["loop.md", "out.md", "up"]
    assert [p.reason for p in problems if Path(p.file).name != "loop.md"] == ["a link that leaves the folder"] * 2
