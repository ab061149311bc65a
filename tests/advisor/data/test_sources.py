"""Sources: which rows belong together, and by what a test is apart from rows."""

import json
import random

from advisor.data import sources
from advisor.data.sources import joined, key, links
from advisor.task import Example
from trainers.rendering import Turn

from .leaky import FILLERS, bookings, facts, talks


def row(at: int, text: str = "", output: str = "", **more: object) -> Example:
    words = random.Random(at).sample(FILLERS, 6)
    return Example(str(at), text or " ".join(words), output or str(at), **more)  # type: ignore[arg-type]


def said(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn(("user", "assistant")[at % 2], text) for at, text in enumerate(texts))


def grouped(rows: list[Example], kind: str) -> list[list[int]]:
    return [group for group in joined(len(rows), links(rows)[kind]) if len(group) > 1]


def test_conversations_differ_by_their_earlier_turns() -> None:
    one = Example("1", "Yes", "x", turns=(Turn("assistant", "Tea?"),))
    other = Example("2", "yes ", "x", turns=(Turn("assistant", "Coffee?"),))
    assert key(one) != key(other)
    assert key(one) == key(Example("3", " YES", "y", turns=(Turn("assistant", "tea?"),)))


def test_a_conversation_and_its_beginnings_are_one_source() -> None:
    rows = [
        row(0, "I want tea"),
        row(1, "Green", turns=said("I want tea", "Which?")),
        row(2, "Large", turns=said("I want tea", "Which?", "Black", "Sure, how big?")),
        row(3, "I want soup"),
        row(4, "Small", turns=said("I want soup", "How big?")),
        row(5, "I want bread"),
    ]
    assert grouped(rows, "conversations") == [[0, 1, 2], [3, 4]]


def test_rows_that_go_on_differently_from_the_same_turns_are_one_source() -> None:
    rows = [row(at, turns=said("Hello there", "What is it?")) for at in range(3)]
    assert grouped(rows, "conversations") == [[0, 1, 2]]


def test_neither_a_system_turn_nor_a_greeting_makes_a_source() -> None:
    system = Turn("system", "You are polite")
    assert grouped([row(at, turns=(system,)) for at in range(4)], "conversations") == []
    greeted = [row(at, turns=(system, Turn("assistant", "How can I help?"))) for at in range(4)]
    assert grouped(greeted, "conversations") == []
    many = [row(at, turns=said("hi", "Hello!")) for at in range(11)]
    assert grouped(many, "conversations") == []


def test_a_long_name_is_a_label_and_no_source_however_rare_it_is() -> None:
    label = "balance_not_updated_after_cheque_or_cash_deposit"
    assert grouped([row(0, output=label), row(1, output="other"), row(2, output=label)], "outputs") == []


def test_equal_long_outputs_are_one_source_in_json_too_and_short_ones_are_not() -> None:
    long = json.dumps({"name": "Marlowe", "people": 4, "time": "half past seven"})
    words = "It is in the hall by the old door"
    rows = [row(0, output=long), row(1, output="yes"), row(2, output=long), row(3, output="yes")]
    rows += [row(4, output=words), row(5, output=words.upper())]
    assert grouped(rows, "outputs") == [[0, 2], [4, 5]]


def test_outputs_that_are_labels_or_many_rows_answer_are_no_source() -> None:
    labels = [f"a complaint of the kind number {kind} about what was ordered lately" for kind in range(3)]
    assert grouped([row(at, output=labels[at % 3]) for at in range(60)], "outputs") == []
    refused = [row(at, output="I am sorry, but with this I can not help you") for at in range(11)]
    assert grouped(refused + [row(at) for at in range(11, 60)], "outputs") == []


def test_rows_that_name_one_document_are_one_source() -> None:
    rows = [row(0, gold=("a",)), row(1, gold=("b",)), row(2, gold=("a", "c")), row(3, gold=("c",)), row(4)]
    assert grouped(rows, "documents") == [[0, 2, 3]]


def test_what_a_test_shares_with_rows_as_they_do_among_themselves_is_no_source() -> None:
    draw = random.Random(1)
    asked, told = facts(draw, 40, 4), talks(draw, 40, 3)
    assert "documents" in links(asked, facts(draw, 20, 1))
    assert "documents" not in links(asked[::2], asked[1::2])
    assert "conversations" in links(told, talks(draw, 20, 1))
    assert "conversations" not in links(told[::2], told[1::2])


def test_the_outputs_of_a_test_are_never_looked_at() -> None:
    rows = bookings(random.Random(2), 60, [1, 2, 3])
    other = [Example(row.id, row.input, "?", gold=row.gold, turns=row.turns) for row in rows[40:]]
    assert links(rows[:40], rows[40:]) == links(rows[:40], other)
    assert sources.of_test(rows[40:]) == sources.of_test(other)


def test_groups_are_connected_and_in_order() -> None:
    assert joined(6, [(4, 1), (1, 5), (0, 0)]) == [[0], [1, 4, 5], [2], [3]]


def test_a_document_behind_every_row_tells_no_source() -> None:
    def asked(golds: list[tuple[str, ...]]) -> list[Example]:
        return [Example(str(i), f"What of {i * 7919 % 1009}?", "x", gold=gold) for i, gold in enumerate(golds)]

    everywhere = asked([("handbook",), ("handbook", "a"), ("handbook", "a"), ("handbook",)])
    assert sources.documents(everywhere) == [(), ("a",), ("a",), ()]
    assert sources.documents(asked([("handbook",), ()])) == [("handbook",), ()]
