"""Labels that a person takes for one."""

from advisor.data.alike import Alike, alike


def test_labels_alike_but_for_what_a_program_minds_are_told_with_what_it_is() -> None:
    counts = {"billing": 9, "BILLING": 3, "bill\u00ading": 2, "bill-ing": 1, "returns": 5, "re turns": 4, "other": 7}
    assert alike(counts) == [
        Alike("billing", {"BILLING": "case", "bill\u00ading": "invisible characters", "bill-ing": "spaces or hyphens"}),
        Alike("returns", {"re turns": "spaces or hyphens"}),
    ]


def test_a_sign_at_the_end_is_told() -> None:
    assert alike({"billing": 9, "Billing.": 2, "退款": 4, "退款。": 1}) == [
        Alike("billing", {"Billing.": "the sign at the end"}),
        Alike("退款", {"退款。": "the sign at the end"}),
    ]


def test_numbers_are_alike_by_value() -> None:
    told = alike({"1": 8, "1.0": 2, "0": 5, "-0": 1, "10": 3, "1,000": 2, "1000": 4})
    assert [(one.label, list(one.others)) for one in told] == [("1", ["1.0"]), ("0", ["-0"]), ("1000", ["1,000"])]
    assert {reason for one in told for reason in one.others.values()} == {"the way a number is written"}


def test_composed_and_decomposed_letters_are_alike() -> None:
    assert alike({"caf\u00e9": 3, "cafe\u0301": 2}) == [Alike("café", {"cafe\u0301": "invisible characters"})]


def test_letters_and_digits_of_another_form_are_alike() -> None:
    assert alike({"type A1": 3, "type Ａ１": 2, "type A١": 1}) == [
        Alike("type A1", {"type Ａ１": "how letters are written", "type A١": "how letters are written"})
    ]


def test_one_slip_in_a_long_word_is_told_where_it_is_rarer() -> None:
    for slip in ("delvery", "deliverry", "delibery", "deilvery", "Delvery"):
        assert alike({"late_delivery": 10, f"late_{slip}": 2}) == [
            Alike("late_delivery", {f"late_{slip}": "one letter"})
        ]
    assert alike({"доставка": 10, "достовка": 1})[0].others == {"достовка": "one letter"}
    assert alike({"शिकायत दर्ज": 10, "शिकायात दर्ज": 1})[0].others == {"शिकायात दर्ज": "one letter"}


def test_labels_that_only_look_alike_are_left_alone() -> None:
    assert alike({"C": 9, "C++": 3, "C#": 3, "?": 2, "!": 2}) == []
    assert alike({"type_a": 9, "type_b": 2, "group1": 9, "group2": 2}) == []
    assert alike({"NA": 9, "NO": 2, "None": 2, "-5": 3, "5": 3}) == []
    assert alike({"legal": 9, "regal": 8}) == []  # as common as the other, so meant
    assert alike({"好评": 9, "差评": 2}) == []
    assert alike({}) == []
