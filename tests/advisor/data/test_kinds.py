"""What kind outputs are: both sides of each line that is drawn, in several scripts."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.data.kinds import Sort, default_metric, sort_of
from advisor.task import Example, Task
from retrieval.documents import Document

LONG = (
    "Complaint about the late delivery of a parcel inside the country where it was sent",
    "Request to change the address of a parcel that was already handed over",
    "Report of a parcel that came damaged or was opened on the way to its receiver",
    "Question about the customs duty of a parcel from a country outside the union",
)
CHINESE = (
    "客户要求公司尽快安排处理并给出书面的答复",
    "客户对送货的时间不满意并要求退还全部款项",
    "客户询问怎样更换已经损坏的零件",
)
HINDI = ("पार्सल देर से पहुँचा और ग्राहक नाराज़ है", "पार्सल टूटा हुआ मिला और ग्राहक पैसे चाहता है", "ग्राहक पता बदलना चाहता है")


def rows(outputs: Sequence[str], inputs: Sequence[str] = ()) -> list[Example]:
    return [Example(str(i), inputs[i] if inputs else f"question {i}", text) for i, text in enumerate(outputs)]


def sort(outputs: Sequence[str], inputs: Sequence[str] = (), **parts: Any) -> Sort:
    return sort_of(Task("t", Path(), **parts), rows(outputs, inputs))


def metric(outputs: Sequence[str], **parts: Any) -> str:
    return default_metric(Task("t", Path(), **{"metric": "", **parts}), rows(outputs))


@pytest.mark.parametrize("labels", [LONG, CHINESE, HINDI, ("yes", "no"), ("متأخر", "تالف")])
def test_outputs_that_keep_coming_back_are_labels_however_long(labels: Sequence[str]) -> None:
    outputs = random.Random(0).choices(labels, k=120)
    assert sort(outputs).kind == "label"
    assert metric(outputs) == "label_accuracy"


@pytest.mark.parametrize(("classes", "each"), [(8, 4), (10, 3), (30, 3), (31, 5), (77, 5), (2, 3)])
def test_a_few_rows_of_each_class_are_enough(classes: int, each: int) -> None:
    assert sort([f"goods of class {name(i)}" for i in range(classes)] * each).kind == "label"


@pytest.mark.parametrize(("texts", "each"), [(60, 2), (60, 3), (100, 4), (1, 5), (3, 1), (10, 2)])
def test_texts_that_come_back_now_and_then_are_not(texts: int, each: int) -> None:
    assert sort([f"It is the {name(i)} one, I think" for i in range(texts)] * each).kind != "label"


def test_a_canned_reply_among_free_text_makes_no_labels() -> None:
    outputs = [f"You can find the {name(i)} in the hall" for i in range(40)] + ["I do not know that"] * 60
    assert sort(outputs).kind == "short_answer"
    # one row in 20 of its own, as slips are: labels still
    assert sort([*outputs[:3], *["stays", "leaves"] * 30]).kind == "label"


def name(i: int) -> str:
    return chr(97 + i // 26) + chr(97 + i % 26) + "x"


def test_answers_that_are_copied_from_the_input_are_not_chosen_from_a_set() -> None:
    people = [f"{name(i)} Pratt" for i in range(10)]
    asked = random.Random(1).choices(people, k=50)
    assert sort(asked, [f"Who leads? {one} leads, and {people[0]} helps." for one in asked]).kind == "short_answer"
    assert sort(asked, [f"Who leads in house {i}?" for i in range(50)]).kind == "label"
    houses = tuple(Document(one, f"House of {one}.") for one in people)
    named = [Example(str(i), f"Who leads in house {i}?", one, gold=(one,)) for i, one in enumerate(asked)]
    assert sort_of(Task("t", Path(), documents=houses), named).kind == "short_answer"
    often = ["play", "stop"] * 25
    assert sort(often, [f"please {one} the music" for one in often]).kind == "label"


def test_labels_that_are_alike_count_as_one_when_it_is_told_whether_they_come_back() -> None:
    spellings = ["Billing", "billing", "BILLING", "bill\u00ading", "billing\u200b", "re turn", "return", "Return"]
    assert sort(spellings * 2).kind == "label"


@pytest.mark.parametrize("between", [", ", ",", "; ", " | ", "、", "，", "، "])
def test_lists_of_parts_that_keep_coming_back_are_sets_of_labels(between: str) -> None:
    outputs = [between.join(parts) for parts in several(("food", "服务", "السعر", "wait"), 80)]
    assert sort(outputs) == Sort("label", between)
    assert metric(outputs) == "set_f1"
    assert sort(outputs).labels(rows(outputs)) == ("food", "wait", "السعر", "服务")


def several(labels: Sequence[str], n: int) -> list[list[str]]:
    """Sets of one label or more, in any order."""
    rng = random.Random(2)
    return [rng.sample(labels, rng.choice((1, 1, 2, 3))) for _ in range(n)]


def test_json_arrays_of_such_parts_are_sets_of_labels_empty_ones_too() -> None:
    outputs = [json.dumps(parts) for parts in [*several(LONG, 60), [], []]]
    assert sort(outputs) == Sort("label", "")
    assert metric(outputs) == "set_f1"
    schema = {"type": "array", "items": {"type": "string"}}
    assert sort(outputs, schema=schema) == Sort("label", "")
    assert sort(outputs, metric="json_field_f1") == Sort("json")


@pytest.mark.parametrize(
    "arrays",
    [
        [[f"word {name(i)}", f"word {name(i + 50)}"] for i in range(60)],  # new ones keep coming
        [["up", "up", "down"], ["down", "up", "down"]] * 30,  # steps, not a set
        [[1, 2], [2], [3, 1]] * 20,
        [[]] * 20,
    ],
)
def test_other_arrays_are_json(arrays: Sequence[list[object]]) -> None:
    assert sort([json.dumps(one) for one in arrays]) == Sort("json")
    assert metric([json.dumps(one) for one in arrays]) == "json_field_f1"


@pytest.mark.parametrize(
    "outputs",
    [
        ["Food, drink and service", "Price", "Rooms, beds"] * 20,  # labels with commas in them
        ["Paris, Texas", "Paris, France", "London, Ontario"] * 20,
        [f"{colour}, {size}" for colour in ("red", "blue", "green", "grey") for size in "SML"] * 5,  # always two
        ["yes, please", "no"] * 20,
    ],
)
def test_a_label_with_a_comma_is_one_label(outputs: Sequence[str]) -> None:
    assert sort(outputs) == Sort("label")


def test_sentences_with_commas_are_no_sets() -> None:
    outputs = [f"In {name(i)}, as far as I know, it rains{', often' * (i % 2)}" for i in range(60)]
    assert sort(outputs).between is None
    assert sort([f"SELECT a, b, {'cd'[i % 2]} FROM t WHERE x = {i}" for i in range(60)]) == Sort("sql")


def test_labels_that_the_task_names_tell_sets_where_rows_are_few() -> None:
    labels = ("food", "drinks, hot", "price")
    assert sort(["food; price", "drinks, hot", "price"], labels=labels) == Sort("label", "; ")
    assert sort(['["food"]', '["price", "food"]'], labels=labels) == Sort("label", "")
    assert sort(["food", "drinks, hot"], labels=labels) == Sort("label")
    assert metric(["food; price", "drinks, hot", "price"], labels=labels) == "set_f1"


def test_a_task_that_names_set_f1_has_sets_however_few_its_rows() -> None:
    assert sort(['["a"]'], metric="set_f1") == Sort("label", "")
    assert sort(["a, b"], metric="set_f1") == Sort("label", ", ")
    assert sort(["a, b"] * 3 + ["b"], metric="label_accuracy") == Sort("label")


@pytest.mark.parametrize(
    ("outputs", "unit"),
    [
        ([f"{300 + 7 * i}.{i:02}" for i in range(60)], ""),
        ([f"{300 + 7 * i}" for i in range(60)], ""),
        ([f"{i},5" for i in range(60)], ""),
        ([f"${300 + 77 * i:,}" for i in range(60)], "$"),
        ([f"{3 * i} 公里" for i in range(60)], "公里"),
        ([str(i % 97) for i in range(200)], ""),
        ([str(18 + i % 60) for i in range(600)], ""),  # ages come back, and are no classes
    ],
)
def test_numbers_are_told_with_their_unit(outputs: Sequence[str], unit: str) -> None:
    assert sort(outputs) == Sort("short_answer", unit=unit)
    assert metric(outputs) == "number"


@pytest.mark.parametrize(
    "outputs",
    [
        ["0", "1"] * 30,
        ["1", "1.0", "0", "0.0"] * 20,
        [str(i % 5 + 1) for i in range(60)],
        [str(i % 77) for i in range(770)],  # the numbers of 77 classes
    ],
)
def test_numbers_of_classes_are_labels(outputs: Sequence[str]) -> None:
    assert sort(outputs) == Sort("label")


@pytest.mark.parametrize(
    "outputs",
    [
        [f"0{i}123" for i in range(60)],  # codes
        [f"{i} kg" if i % 2 else f"{i} m" for i in range(60)],
        [f"{i}" if i % 3 else f"about {name(i)}" for i in range(60)],
    ],
)
def test_codes_and_mixed_answers_are_no_numbers(outputs: Sequence[str]) -> None:
    assert sort(outputs).unit is None
    assert metric(outputs) == "exact_match"


def test_the_metric_follows_the_kind_in_every_script() -> None:
    for text in (
        "客户购买的微波炉使用后漏水多次致电仍无人上门维修客户要求尽快安排处理{}",
        "word " * 11 + "{}",
        "слово " * 11 + "{}",
    ):
        assert metric([text.format(name(i)) for i in range(48)]) == "rouge_l"
    for text in ("北京{}", "the {} hall", "дом {}"):
        assert metric([text.format(name(i)) for i in range(48)]) == "exact_match"


def test_outputs_that_say_the_input_again_are_rewritings() -> None:
    inputs = [f"give me the damn {name(i)} right now you fool" for i in range(20)]
    again = rows([f"please give me the {name(i)} now" for i in range(20)], inputs)
    assert default_metric(Task("t", Path(), metric=""), again) == "sari"


def test_with_documents_answers_are_compared_by_words_unless_they_are_of_a_form() -> None:
    documents = (Document("d", "Thirty days."),)
    assert metric(["thirty days", "ten days"] * 30, documents=documents) == "token_f1"
    assert metric([str(3 * i) for i in range(60)], documents=documents) == "token_f1"
    assert metric(["yes", "no"] * 30, documents=documents, labels=("yes", "no")) == "label_accuracy"
    assert metric(['{"a": 1}'] * 3, documents=documents) == "json_field_f1"
