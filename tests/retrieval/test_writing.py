"""One form for what can be written in several."""

import unicodedata

import pytest

from retrieval.writing import clean, compared, folded


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_letters_are_one(form) -> None:
    text = "Café Łódź Győr क़ 각 が"
    assert clean(unicodedata.normalize(form, text)) == unicodedata.normalize("NFC", text)


def test_invisible_characters_are_gone() -> None:
    invisible = "\u00ad\u200b\u200e\u200f\ufeff\u2060\u202a\u2066\ufe0f\U000e0100\u034f\u061c\U000e0041"
    assert clean("Wärme".join(["", *invisible])) == "Wärme" * len(invisible)
    assert clean("plain\ttext\n") == "plain\ttext\n"
    assert clean("Cafe\u200b\u0301") == "Café"


@pytest.mark.parametrize("text", ["می‌خواهم", "क्‍ष", "ശ്‍", "👨‍👩‍👧", "❤‍🔥"])
def test_joiners_stay_where_a_script_uses_them_and_between_emoji(text: str) -> None:
    assert clean(text) == text


def test_joiners_are_invisible_elsewhere() -> None:
    assert clean("Auf\u200clage\u200d\u200c é") == "Auflage é"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße STRASSE", "strasse strasse"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
        ("ﬁnance ﻻ ｱｶﾞ ＡＢ１ ㎏ Ⅳ 𝐀 ℃", "finance لا アガ ab1 kg iv a °c"),
        ("CO₂ m² 10²", "co2 m2 10²"),
        ("don’t 3–5 −5", "don't 3-5 -5"),
        ("१२ ١٢ ๑๒", "12 12 12"),
    ],
)
def test_letters_and_digits_are_compared_in_one_form(text: str, expected: str) -> None:
    assert compared(text) == expected


def test_accents_are_folded_and_vowel_signs_are_not() -> None:
    assert folded("Málaga Ελλάδα Ёлка أحمد") == "malaga ελλαδα елка احمد"
    assert folded("मेला ปูน が") == "मेला ปูน が"
