"""Splitting documents into passages."""

import re

from retrieval import Document, split
from retrieval.chunking import count_words

LONG = " ".join(f"Sentence {n} has exactly eight words in it." for n in range(40))


def test_a_short_document_stays_whole_and_keeps_its_id() -> None:
    [passage] = split([Document("a", "# Head\n\nText.", "T")])
    assert (passage.id, passage.document, passage.title, passage.text) == ("a", "a", "T", "# Head\n\nText.")


def test_a_document_without_text_gives_no_passage() -> None:
    assert split([Document("a", " \n ")]) == ()


def test_passages_are_verbatim_within_the_budget_and_numbered() -> None:
    passages = split([Document("a", LONG)], budget=50)
    assert all(p.text in LONG and count_words(p.text) <= 50 for p in passages)
    assert [p.id for p in passages] == [f"a#{n}" for n in range(len(passages))]
    assert [p.position for p in passages] == list(range(len(passages)))


def test_every_word_is_in_some_passage() -> None:
    words = {word for p in split([Document("a", LONG)], budget=50) for word in p.text.split()}
    assert words == set(LONG.split())


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
