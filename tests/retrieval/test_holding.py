"""Whether an accepted answer stands in a text."""

import pytest

from retrieval.holding import holder, holds


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("new york", "It opened in\nNew  York."),
        ("no", "Oh no, they closed."),
        ("24", "It costs 24."),
        ("24 euros.", "It costs 24 Euros per night."),
        ("The Beatles", "a song by Beatles"),
        ("Zürich", "the lake of Zurich"),
        ("Mary's", "St. Mary’s church"),
        ("$5", "It costs ($5)."),
        ("5", "It costs $5."),
        ("C++", "Written in C++, not C."),
        ("C#", "a prelude in C#"),
        ("24/7", "open 24/7!"),
        ("50%", "50 % of all"),
        ("3.5", "about 3.5km"),
        ("-5", "It fell to −5 at night."),
        ("-$5", "a balance of (-$5)"),
        ("5", "for 3-5 days"),
        ("19", "Covid-19"),
        ("2021", "the years 2020 -2021"),
        ("हिन्दी", "वह हिन्दी में है"),
        ("1924", "all 1,924 of them"),
        ("-", "from 3 - 5"),
        ("Vitamin A", "vitamin A is one"),
        ("東京", "東京都に住む"),
        ("ตลาด", "ไปตลาดกัน"),
        ("서울", "서울은 크다"),
        ("1879", "Einstein (1879–1955)"),
        ("-5 °C", "at −5 °C"),
        ("US", "the U.S. economy"),
        ("मेला", "यह मेला है।"),
        ("Stadtwerke", "Stadt\u00adwer\u200bke"),
        ("Malmö", "in Malmo\u0308"),
        ("محمد", "مُحَمَّدٌ رسول"),
    ],
)
def test_an_answer_stands_where_its_words_do(answer: str, text: str):
    assert holds(text, ["something else", answer])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("no", "You know."),
        ("24", "It was built in 1924."),
        ("24", "all 1,924 of them"),
        ("24", "the 24th"),
        ("5", "about 3.5"),
        ("35", "about 3.5"),
        ("3.5", "about 35"),
        ("5", "It fell to -5 at night."),
        ("-5", "It rose to 5."),
        ("-5", "for 3-5 days"),
        ("$5", "a balance of -$5"),
        ("5 度", "气温-5度"),
        ("कल", "काला"),
        ("कत", "कता"),
        ("$5", "It costs $50."),
        ("$5", "5 of them"),
        ("C++", "vitamin C"),
        ("C", "Written in C++."),
        ("24/7", "24 or 17"),
        ("New York", "a new house in York"),
        ("Vitamin A", "vitamin C"),
        ("東京", "京東"),
        ("가", "각"),
        ("5", "at -5 °C"),
        ("1.1", "version 1.10"),
        ("35", "about 3.5"),
        ("माला", "यह मेला है।"),
        ("ปา", "ปูปี"),
        (" ", "It opened."),
        ("?", "It opened."),
    ],
)
def test_nothing_else_is_an_answer(answer: str, text: str):
    assert not holds(text, [answer])


def test_an_answer_stands_in_one_of_many_texts_but_not_across_two():
    either = holder("It opened in New", "York is old.")
    assert either(["York"]) and either(["never", "new"]) and not either(["New York"])
    assert not holder()(["York"])


def test_an_answer_stands_in_one_of_several_texts_and_never_across_two():
    stands = holder("It opened in New", "York, in 1924; 5 < 6")
    assert stands(["1924"]) and stands(["<"])
    assert not stands(["New York"])
