"""The one tokenizer."""

import pytest

from retrieval.words import joined, signed, spaced, terms, tokenize, words, written


def test_words_become_stems_without_accents_and_stop_words() -> None:
    assert tokenize("The Röntgen's queries: 3 glasses, running") == ["rontgen", "s", "queri", "3", "glass", "run"]
    assert tokenize("東京 tower") == ["東", "京", "tower"]


def test_words_alone_keep_their_ends_and_the_stop_words() -> None:
    assert words("The Queries, ÉTÉ") == ["the", "queries", "ete"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5 is not 35, nor 5.3.", ["3.5", "is", "not", "35", "nor", "5.3"]),
        ("-5 °C, or −5 °C (-5)", ["-5", "c", "or", "-5", "c", "-5"]),
        ("3-5 and COVID-19, a - 5", ["3", "5", "and", "covid", "19", "a", "5"]),
        ("-$5, $-5, $5-$7", ["-5", "-5", "5", "7"]),
        (".5 -.5 end.5", ["0.5", "-0.5", "end", "5"]),
        ("1,000 12,345,678.90 1’000 1\u202f000", ["1000", "12345678.90", "1000", "1000"]),
        ("1,00,000 rupees; 0,125 and 3,5 here", ["100000", "rupees", "0,125", "and", "3,5", "here"]),
        ("v1.10.2. Python 3.11, 3.5km", ["v1.10.2", "python", "3.11", "3.5", "km"]),
        ("2024-01-15 24/7 12:30", ["2024", "01", "15", "24", "7", "12", "30"]),
        ("३.५ और ٣٫٥", ["3.5", "और", "3.5"]),
        ("10² m² CO₂ ½", ["10²", "m2", "co2", "½"]),
    ],
)
def test_signs_and_points_belong_to_their_number(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("U.S., e.g. J.K. Rowling, Ph.D. at 5 p.m.", ["us", "eg", "jk", "rowling", "phd", "at", "5", "pm"]),
        ("и т.д.", ["и", "тд"]),
        ("end.Next www.example.com", ["end", "next", "www", "example", "com"]),
        ("well-known and/or card_arrival", ["well", "known", "and", "or", "card", "arrival"]),
        ("C++, C# (not C); A+ x+1 ## end#a", ["c++", "c#", "not", "c", "a+", "x", "1", "end", "a"]),
        ("“Quoted”—dashed…", ["quoted", "dashed"]),
    ],
)
def test_punctuation_separates_but_for_the_points_of_abbreviations_and_signs_of_names(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("मेला माला।", ["मेला", "माला"]),
        ("ক্ষমা தமிழ் తెలుగు", ["ক্ষমা", "தமிழ்", "తెలుగు"]),
        ("مُحَمَّدٌ محمـد", ["محمد", "محمد"]),
        ("שָׁלוֹם שלום", ["שלום", "שלום"]),
        ("می‌خواهم میخواهم", ["میخواهم", "میخواهم"]),
        ("서울은 크다", ["서울은", "크다"]),
    ],
)
def test_marks_belong_to_their_letters(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京でガ", ["東", "京", "で", "ガ"]),
        ("第3章、2.5公里", ["第", "3", "章", "2.5", "公", "里"]),
        ("ปูปาปี เกมกำ", ["ปู", "ปา", "ปี", "เก", "ม", "กำ"]),
        ("ภาษาๆ ๓", ["ภา", "ษาๆ", "3"]),
        ("ພາສາລາວ", ["ພາ", "ສາ", "ລາ", "ວ"]),
        ("ភាសាខ្មែរ", ["ភា", "សា", "ខ្មែ", "រ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("เ", ["เ"]),
    ],
)
def test_scripts_without_spaces_are_read_by_character_or_cluster(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_search_counts_neighbours_too_where_no_spaces_are() -> None:
    assert terms("蜜蜂 tea") == ["蜜", "蜂", "tea", "蜜蜂"]
    assert terms("ปูปา, ปีน") == ["ปู", "ปา", "ปี", "ปูปา", "ปีน"]
    assert terms("서울은 크다") == ["서울은", "크다", "서울", "울은", "크다"]
    assert terms("Zürich lakes") == tokenize("Zürich lakes") == ["zurich", "lake"]


def test_written_words_keep_accents_and_symbols() -> None:
    assert written("Malmö: 5 €, 56°C 100% $3") == ["malmö", "5", "€", "56", "°", "c", "100", "3"]
    assert written("👍🏽 ❤️ 👨‍👩‍👧") == ["👍", "🏽", "❤", "👨‍👩‍👧"]


def test_joined_words_keep_apostrophes_dates_and_ranges_whole() -> None:
    assert joined("Don’t 'quote' the 90's, dogs'") == ["dont", "quote", "the", "90s", "dogs"]
    assert joined("24/7 on 2024-01-15, 1990–95, 12:30") == ["24/7", "on", "2024-01-15", "1990-95", "12:30"]


def test_signs_that_change_what_is_said_stand_between_words_where_they_are_asked_for() -> None:
    assert signed("($5), 50 %; 18+ at 3 °C") == ["$", "5", "50", "%", "18", "+", "at", "3", "°", "c"]


def test_spaces_are_put_where_a_script_writes_none() -> None:
    assert spaced("in 東京!").split() == ["in", "東", "京", "!"]
    assert spaced("nothing else") == "nothing else"
