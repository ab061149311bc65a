"""Splitting documents into passages."""

import re
import tracemalloc
import unicodedata
from random import Random

import pytest

from retrieval import Document, split
from retrieval.chunking import count_words

LONG = " ".join(f"Sentence {n} has exactly eight words in it." for n in range(40))


def test_a_short_document_stays_whole_and_keeps_its_id() -> None:
    [passage] = split([Document("a", "# Head\n\nText.", "T")])
    assert (passage.id, passage.document, passage.title, passage.text) == ("a", "a", "T", "# Head\n\nText.")


def test_a_document_without_text_gives_no_passage() -> None:
    assert split([Document("a", " \n ")]) == ()


def test_a_document_with_a_title_alone_is_a_passage_of_it() -> None:
    [passage] = split([Document("a", "", "Herons nest on pylons")])
    assert (passage.id, passage.document, passage.title, passage.text) == ("a", "a", "", "Herons nest on pylons")
    assert passage.titled == "Herons nest on pylons"


def test_a_text_that_is_no_markdown_has_no_headings_tables_or_code() -> None:
    text = f"Kind | Days\n--- | ---\n\nTitle\n=====\n\n# 1 is the key\n\nInstalling\n~~~~~~~~~~\n\n{LONG}\n\n~~~\nlast"
    passages = split([Document("a", text, "manual", plain=True)], budget=50)
    assert {passage.title for passage in passages} == {"manual"}
    assert passages[0].text.startswith(text[: text.index("Sentence")].strip())
    assert passages[-1].text.endswith("~~~\nlast") and len(passages) > 5
    as_markdown = split([Document("a", text, "manual")], budget=50)
    assert {passage.title for passage in as_markdown} == {"manual", "manual > Title", "manual > 1 is the key"}


def test_passages_are_verbatim_within_the_budget_and_numbered() -> None:
    passages = split([Document("a", LONG)], budget=50)
    assert all(p.text in LONG and count_words(p.text) <= 50 for p in passages)
    assert [p.id for p in passages] == [f"a#{n}" for n in range(len(passages))]
    assert [p.position for p in passages] == list(range(len(passages)))


def test_every_word_is_in_some_passage() -> None:
    words = {word for p in split([Document("a", LONG)], budget=50) for word in p.text.split()}
    assert words == set(LONG.split())


def test_a_section_of_many_paragraphs_takes_no_memory_by_the_paragraph() -> None:
    text = "a\n\n" * 30_000
    tracemalloc.start()
    passages = split([Document("a", text)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(passages) > 200 and most < 1_000_000


def test_the_last_sentences_are_repeated_as_asked() -> None:
    first, second = split([Document("a", LONG)], budget=50, overlap=2)[:2]
    repeated = re.findall(r"Sentence (\d+)", first.text)[-2:]
    assert re.findall(r"Sentence (\d+)", second.text)[:2] == repeated
    plain = split([Document("a", LONG)], budget=50, overlap=0)
    assert " ".join(p.text for p in plain) == LONG


def test_a_sentence_that_does_not_fit_beside_the_next_is_not_repeated() -> None:
    short, long = "Short one.", " ".join(["long"] * 35) + "."
    passages = split([Document("a", f"{short} {long} {long}")], budget=60)
    assert [p.text for p in passages] == [f"{short} {long}", long]


def test_headings_begin_a_passage_and_become_its_title() -> None:
    text = f"# Guide\n\nIntro.\n\n## Rooms\n\n{LONG[:200]}\n\n### Pets\n\nNo pets.\n\n## Food\n\nBreakfast is free."
    passages = split([Document("a", text, "Guide")], budget=60)
    assert [p.title for p in passages] == ["Guide", "Guide > Rooms", "Guide > Rooms > Pets", "Guide > Food"]
    assert passages[-1].text == "Breakfast is free."


def test_a_paragraph_that_fits_is_not_cut() -> None:
    paragraphs = [LONG[:150], LONG[150:320], LONG[320:500]]
    passages = split([Document("a", "\n\n".join(paragraphs))], budget=50, overlap=0)
    assert [p.text for p in passages] == [p.strip() for p in paragraphs]


def test_an_endless_sentence_is_cut_between_words_only() -> None:
    text = " ".join(f"word{n}" for n in range(300))
    passages = split([Document("a", text)], budget=40)
    assert len(passages) > 5 and " ".join(p.text for p in passages) == text
    assert [p.text for p in split([Document("a", "x" * 5000)], count=len, budget=100)] == ["x" * 5000]


def test_the_counter_that_is_given_decides() -> None:
    assert all(len(p.text) <= 100 for p in split([Document("a", LONG)], count=len, budget=100))


def test_a_passage_knows_its_place() -> None:
    text = f"# Guide\n\n{LONG}\n\n## Rooms\n\n{LONG}"
    pages = (0, text.index("## Rooms"))
    document = Document("guide.pdf", text, "Guide", pages=pages, metadata={"year": "2026"})
    passages = split([document], budget=60)
    assert all(p.text == text[p.start : p.end] and p.metadata == {"year": "2026"} for p in passages)
    assert {(p.title, p.page) for p in passages} == {("Guide", 1), ("Guide > Rooms", 2)}
    assert passages[-1].place == "guide.pdf, page 2, Guide > Rooms"
    [whole] = split([Document("a", "\n Short. \n")])
    assert (whole.text, whole.start, whole.end, whole.page, whole.place) == ("Short.", 2, 8, 0, "a")


def test_a_heading_without_text_is_not_lost() -> None:
    text = f"# Guide\n\n## Rooms\n\n## Food\n\n{LONG}\n\n## Contact"
    passages = split([Document("a", text, "Guide")], budget=60)
    assert [(p.title, p.text) for p in passages if p.text.startswith("#")] == [
        ("Guide > Rooms", "## Rooms"),
        ("Guide > Contact", "## Contact"),
    ]


def test_a_comment_in_code_is_no_heading_and_code_is_cut_between_lines() -> None:
    code = "\n".join(f"# step {n}\nrun --with {n}\n" for n in range(30))
    passages = split([Document("a", f"Intro.\n\n```sh\n{code}```\n", "Guide")], budget=40)
    assert {p.title for p in passages} == {"Guide"}
    lines = {line for p in passages for line in p.text.split("\n") if line}
    assert lines == {line for line in f"Intro.\n```sh\n{code}```".split("\n") if line}


def rows(number: int) -> str:
    return "| name | days |\n| --- | --- |\n" + "\n".join(f"| kind {n} | {n} |" for n in range(number))


def test_the_rows_of_a_table_keep_their_header() -> None:
    text = f"Before.\n\n{rows(30)}\n\nAfter."
    passages = split([Document("a", text)], budget=40)
    header = "| name | days |\n| --- | --- |\n"
    assert len(passages) > 4
    for passage in passages:
        cells = [line for line in passage.text.split("\n") if line.startswith("| kind")]
        assert not cells or header + cells[0] in passage.text
        assert passage.text in (text[passage.start : passage.end], header + text[passage.start : passage.end])
        assert count_words(passage.text) <= 40
    assert re.findall(r"kind (\d+)", "".join(p.text for p in passages)) == [str(n) for n in range(30)]


def test_a_header_of_a_hundred_thousand_columns_is_not_counted_for_each_row() -> None:
    table = "| name " * 100_000 + "|\n" + "| --- " * 100_000 + "|\n" + "| 1 | 2 |\n" * 2000
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return count_words(text)

    split([Document("a", table)], count)
    assert counted < 50 * len(table)


def test_a_header_that_leaves_no_room_for_a_row_stands_alone() -> None:
    header = "| " + " | ".join(f"column{n}" for n in range(12)) + " |"
    table = f"{header}\n|{' --- |' * 12}\n" + "\n".join("| " + f"{n} | " * 12 for n in range(6))
    passages = split([Document("a", table)], budget=60)
    assert all(count_words(p.text) <= 60 and p.text == table[p.start : p.end] for p in passages)
    assert " ".join(p.text for p in passages).split() == table.split()


def test_abbreviations_end_no_sentence() -> None:
    text = "Bring proof, e.g. Dr. J. Smith's letter. " * 12
    passages = split([Document("a", text)], budget=30, overlap=0)
    assert all(p.text.startswith("Bring") and p.text.endswith("letter.") for p in passages)


def test_scripts_without_spaces_are_cut_between_letters_but_not_anywhere() -> None:
    chinese = "通知期限为三个月，较大的变更必须以书面形式进行（见附件）" * 20
    passages = split([Document("zh", chinese)], budget=30)
    assert "".join(p.text for p in passages) == chinese
    assert all(len(p.text) <= 30 and p.text[0] not in "，）" and p.text[-1] != "（" for p in passages)
    thai = "การลางานต้องแจ้งล่วงหน้าเป็นลายลักษณ์อักษร" * 20
    passages = split([Document("th", thai)], budget=30)
    assert "".join(p.text for p in passages) == thai
    assert not any(unicodedata.combining(p.text[0]) or p.text[0] in "ะาำ" or p.text[-1] in "เแโใไ" for p in passages)


def structured(seed: int) -> str:
    """Text of all kinds of blocks, in random order and random lengths."""
    random = Random(seed)

    def words(most: int) -> str:
        return " ".join(
            random.choice(("word", "日本語の文章", "x" * 30, "e.g.", "end.", "a|b", "ไทย"))
            for _ in range(random.randint(1, most))
        )

    def block() -> str:
        return random.choice(
            (
                lambda: "#" * random.randint(1, 4) + " " + words(4),
                lambda: words(120),
                lambda: "\n".join(words(20) for _ in range(random.randint(1, 9))),
                lambda: "\n".join(f"- {words(12)}" for _ in range(random.randint(1, 9))),
                lambda: (
                    f"| {words(3)} | b |\n|---|---|\n"
                    + "\n".join(f"| {words(9)} | {n} |" for n in range(random.randint(0, 15)))
                ),
                lambda: (
                    "```\n"
                    + "\n".join(random.choice(("# c", "", words(9))) for _ in range(random.randint(1, 20)))
                    + "\n```"
                ),
                lambda: "  ",
            )
        )()

    return random.choice(("\n\n", "\n")).join(block() for _ in range(random.randint(1, 25)))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_text_nothing_is_lost_and_order_and_budget_are_kept(seed: int) -> None:
    text, random = structured(seed), Random(seed)
    budget, count = random.choice((8, 40, 160)), random.choice((count_words, len))
    passages = split([Document("a", text)], count, budget, overlap=random.choice((0, 1, 3)))
    reached = 0
    for passage in passages:
        own = text[passage.start : passage.end]
        assert passage.text == own or (passage.text.endswith(own) and "---|\n" in passage.text)
        # what no passage holds is white space, and headings, which stand in the titles
        for line in text[reached : passage.start].split("\n"):
            assert not line.strip() or line.lstrip("# ").rstrip() in passage.title
        assert passage.end > reached
        assert count(passage.text) <= budget or not re.search(r"\s", passage.text)
        # no word is cut
        for before, after in ((passage.start - 1, passage.start), (passage.end - 1, passage.end)):
            assert not re.fullmatch(r"[a-z]{2}", text[max(0, before) : after + 1])
        reached = passage.end
    assert all(line.startswith("#") or not line for line in text[reached:].strip().split("\n"))
    assert [p.position for p in passages] == [*range(len(passages))]


@pytest.mark.parametrize("text", [LONG, "word " * 2000, "字" * 9000, rows(700), "x\n\n" * 2000, "a. " * 3000])
def test_counting_costs_a_few_times_the_text(text: str) -> None:
    counted = 0

    def count(part: str) -> int:
        nonlocal counted
        counted += len(part)
        return count_words(part)

    split([Document("a", text * 2)], count)
    assert counted < 15 * len(text * 2)
