"""What is a heading, a table, a fence or a paragraph."""

import time
import tracemalloc

import pytest

from retrieval.structure import blocks, first_heading, table


def seen(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text)]


def test_blocks_come_in_order_and_leave_out_blank_lines_only() -> None:
    text = (
        "# Guide\nIntro,\ntwo lines.\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\nAfter.\n\n```sh\n# no heading\n\nls\n```\nEnd."
    )
    assert seen(text) == [
        ("heading", "# Guide"),
        ("paragraph", "Intro,\ntwo lines."),
        ("table", "| a | b |\n|---|:-:|\n| 1 | 2 |"),
        ("paragraph", "After."),
        ("fence", "```sh\n# no heading\n\nls\n```"),
        ("paragraph", "End."),
    ]


@pytest.mark.parametrize(
    ("text", "level", "name"),
    [
        ("## Annual leave ##", 2, "Annual leave"),
        ("# C#", 1, "C#"),
        ("Title\n=====", 1, "Title"),
        ("Section\n---", 2, "Section"),
        ("   ### indented", 3, "indented"),
    ],
)
def test_a_heading_has_a_level_and_a_name(text: str, level: int, name: str) -> None:
    [block] = blocks(text)
    assert (block.kind, block.level, block.name) == ("heading", level, name)


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag",
        "    # indented code",
        "# ##",
        "#",
        "####### seven",
        "two\nlines\n---",
        "# " + "long " * 100,
        "a -- b\n--",
    ],
)
def test_what_looks_like_a_heading_and_is_none(text: str) -> None:
    assert {block.kind for block in blocks(text)} == {"paragraph"}
    assert first_heading(text) == ""


def test_a_fence_ends_with_its_own_marks_only_and_an_open_one_with_the_text() -> None:
    assert seen("````\n```\n# no\n```\n````\n# yes") == [("fence", "````\n```\n# no\n```\n````"), ("heading", "# yes")]
    assert seen("~~~\n# no\n```") == [("fence", "~~~\n# no\n```")]
    assert seen("``` not a fence ```\n# yes")[1] == ("heading", "# yes")


def test_a_table_takes_its_header_from_the_line_above_and_ends_at_a_line_without_cells() -> None:
    [before, middle, after] = blocks("Days:\nType | Days\n--- | ---\nAnnual | 25\nNothing here")
    assert (before.kind, middle.kind, after.kind) == ("paragraph", "table", "paragraph")
    assert middle.header == len("Days:\nType | Days\n--- | ---")
    assert [block.kind for block in blocks("a | b\nc | d")] == ["paragraph"]


def test_a_table_that_is_written_is_a_table_that_is_read() -> None:
    written = table(["name", "a|b"], [["x\ny", "1"], ["short"]])
    assert written == "| name | a\\|b |\n| --- | --- |\n| x y | 1 |\n| short |"
    assert [block.kind for block in blocks(written)] == ["table"]


@pytest.mark.parametrize("line", ["# a" + " " * 400_000 + "b", "#" * 400_000, "|" + " " * 400_000 + "x", "`" * 400_000])
def test_endless_lines_take_no_time(line: str) -> None:
    started = time.process_time()
    assert len([*blocks(f"a | b\n{line}\n{line}")]) < 4
    assert time.process_time() - started < 5  # minutes where every place is tried


def test_a_paragraph_of_a_million_lines_takes_no_memory_by_the_line() -> None:
    text = "a\n" * 50_000
    tracemalloc.start()
    [block] = blocks(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (block.start, block.end) == (0, len(text) - 1) and most < 100_000
