"""Servers that think before they answer, and answers that a limit cuts off."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from advisor.errors import CannotError
from advisor.models.endpoint import Endpoint
from advisor.models.habits import LARGER, ROOM, SPARE, Habits
from advisor.models.spending import Meter, estimate
from advisor.system import Decoding, Prediction

from .conftest import FREE, PATIENT, Body, Server, requests, texts

THOUGHT = "First I look at the input, then I put it into capitals, one letter at a time."  # about 20 tokens
SPENT = estimate(THOUGHT)
Form = Callable[[str, str], Body]
FORMS: dict[str, Form] = {
    "tags": lambda thought, answer: {"content": f"<think>\n{thought}" + (f"\n</think>\n\n{answer}" if answer else "")},
    "capitals": lambda thought, answer: {"content": f"<THINKING>{thought}" + (f"</THINKING>{answer}" if answer else "")},
    "channels": lambda thought, answer: {
        "content": f"<|channel|>analysis<|message|>{thought}" + (f"<|channel|>final<|message|>{answer}" if answer else "")
    },
    "opened": lambda thought, answer: {"content": f"{thought}\n</think>\n\n{answer}" if answer else None},
    "beside": lambda thought, answer: {"content": answer, "reasoning_content": thought},
    "reasoning": lambda thought, answer: {"content": answer or None, "reasoning": thought},
    "details": lambda thought, answer: {
        "content": answer, "reasoning_details": [{"type": "reasoning.text", "text": thought}]
    },
    "parts": lambda thought, answer: {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": thought}]},
            {"type": "text", "text": answer},
        ]
    },
    "hidden": lambda thought, answer: {"content": answer},
}  # fmt: skip


@pytest.fixture(autouse=True)
def patient(server: Server) -> None:
    server.patience = PATIENT


def thinker(form: Form, thought: str = THOUGHT, details: bool = False, ends: bool = True) -> Callable[[Body], Body]:
    """Thinks, then says the last turn in capitals, as far as its cap goes; four characters are a token."""

    def reply(body: Body) -> Body:
        cap, answer = 4 * body["max_tokens"], body["messages"][-1]["content"].upper()
        whole = len(thought) + len(answer) <= cap and ends
        said = (
            form(thought, answer)
            if whole
            else form(thought[:cap], answer[: max(0, cap - len(thought))] if ends else "")
        )
        used = min(cap, len(thought) + len(answer)) // 4
        usage: Body = {"prompt_tokens": 12, "completion_tokens": used}
        if details:
            usage["completion_tokens_details"] = {"reasoning_tokens": min(cap, len(thought)) // 4}
        message = {"role": "assistant", **said}
        return {"choices": [{"message": message, "finish_reason": "stop" if whole else "length"}], "usage": usage}

    return reply


def made(endpoint: Endpoint, count: int, decoding: Decoding = FREE) -> list[Prediction]:
    answers = dict(endpoint.generate(requests(count, decoding)))
    return [answers[i] for i in range(count)]


def caps(server: Server) -> list[int]:
    return [body["max_tokens"] for body in server.bodies]


@pytest.mark.parametrize("form", FORMS)
def test_a_thought_is_no_answer_and_leaves_room_for_one(server: Server, form: str) -> None:
    server.reply = thinker(FORMS[form], details=form == "hidden")
    endpoint = server.endpoint(concurrency=1)
    assert [one.text for one in made(endpoint, 4)] == [f"INPUT {i}" for i in range(4)]
    first, again, *later = caps(server)
    assert (first, again) == (8, 16 + ROOM)  # the cap is for the answer; of the thought is only known that it is longer
    assert set(later) == {8 + endpoint.habits.room} and len(later) == 3  # learnt: nothing more is cut off
    assert SPENT - 2 <= endpoint.habits.room / SPARE <= SPENT + 2


def test_room_is_remembered_in_the_run_folder(server: Server, tmp_path) -> None:
    server.reply = thinker(FORMS["beside"])
    made(replace(server.endpoint(), folder=tmp_path), 1)
    server.bodies.clear()
    again = replace(server.endpoint(), folder=tmp_path)
    assert made(again, 1)[0].text == "INPUT 0" and caps(server) == [8 + again.habits.room]


def test_a_server_that_does_not_think_gets_the_cap_of_the_answer(server: Server) -> None:
    made(server.endpoint(), 3)
    assert set(caps(server)) == {8}


def test_a_thought_that_never_ends_gives_no_answer_and_is_told_as_cut(server: Server) -> None:
    server.reply = thinker(FORMS["reasoning"], ends=False)
    endpoint = server.endpoint()
    (one,) = made(endpoint, 1)
    assert (one.text, one.cut) == (None, True) and "cut off at the limit before it began" in str(one.error)
    assert caps(server) == [8, 16 + ROOM]  # once more, and no more
    assert endpoint.meter.spent.requests == 2
    assert one.usage.prompt_tokens == 24  # both tries count


def test_room_grows_where_thoughts_are_cut_off_and_shrinks_to_what_they_take() -> None:
    habits = Habits()
    assert habits.room == 0
    habits.thinks(8, ended=False)
    assert habits.room == ROOM
    habits.thinks(3000, ended=False)
    assert habits.room == LARGER * 3000
    habits.thinks(3500, ended=True)
    assert (habits.room, habits.thought) == (SPARE * 3500, 3500)


def test_room_is_no_larger_than_the_context_leaves(server: Server) -> None:
    server.reply = thinker(FORMS["beside"])
    endpoint = server.endpoint(context=512)
    made(endpoint, 1)
    assert caps(server)[0] == 8 and 400 < caps(server)[1] < 512


def test_a_server_that_can_not_hold_the_room_is_asked_without(server: Server) -> None:
    small = thinker(FORMS["beside"])
    server.reply = small
    endpoint = server.endpoint()
    made(endpoint, 1)
    server.bodies.clear()
    server.faults = {"input 0": [(400, {}, "maximum context length is 40 tokens")]}
    made(endpoint, 1)
    assert caps(server)[:2] == [8 + endpoint.habits.room, 8]


def test_a_cut_answer_is_asked_again_with_a_larger_cap_then_taken_as_it_stands(server: Server) -> None:
    server.reply = lambda body: reply_of("abcdefghij" * 20, body)
    endpoint = server.endpoint()
    (one,) = made(endpoint, 1)
    assert (one.text, one.cut, caps(server)) == (("abcdefghij" * 20)[:64], True, [8, 16])
    assert one.usage.generated_tokens == 8 + 16 and endpoint.meter.spent.completion_tokens == 24
    server.reply = lambda body: reply_of("abcdefghij" * 5, body)
    (one,) = made(endpoint, 1)
    assert (one.text, one.cut) == ("abcdefghij" * 5, False)


def reply_of(text: str, body: Body, **choice: Any) -> Body:
    """The text as far as the cap goes."""
    cap = 4 * body["max_tokens"]
    usage = {"prompt_tokens": 12, "completion_tokens": min(cap, len(text)) // 4}
    ended = {"finish_reason": "length" if len(text) > cap else "stop", **choice}
    return {"choices": [{"message": {"content": text[:cap]}, **ended}], "usage": usage}


def test_the_first_try_stands_where_the_second_fails(server: Server) -> None:
    server.reply = lambda body: reply_of("abcdefghij" * 20, body) if body["max_tokens"] == 8 else {"choices": []}
    (one,) = made(server.endpoint(), 1)
    assert (one.text, one.cut) == (("abcdefghij" * 20)[:32], True)


def test_a_cap_that_was_reached_is_a_cut_where_the_server_does_not_say_why_it_ended(server: Server) -> None:
    server.reply = lambda body: reply_of("abcdefghij" * 20, body, finish_reason=None)
    assert made(server.endpoint(), 1)[0].cut


def test_the_budget_covers_what_the_larger_cap_may_take(server: Server) -> None:
    server.reply = thinker(FORMS["beside"])
    meter = Meter(tokens=1000)
    with pytest.raises(CannotError, match=r"the next request may take 2,\d\d\d tokens"):
        list(server.endpoint(meter).generate(requests(1)))
    assert caps(server) == [8] and meter.spent.tokens == 12 + 8


@pytest.mark.parametrize("form", ["tags", "beside"])
def test_the_budget_holds_with_thoughts(server: Server, form: str) -> None:
    server.reply = thinker(FORMS[form])
    meter = Meter(tokens=4000)
    with pytest.raises(CannotError):
        list(server.endpoint(meter).generate(requests(400)))
    assert 3500 < meter.spent.tokens <= 4000 and meter.spent.requests == len(server.asked)


def test_thoughts_that_only_the_total_counts_are_spent(server: Server) -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 315}
    usage |= {"completion_tokens_details": {"reasoning_tokens": 300}}
    server.reply = lambda body: {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "usage": usage}
    endpoint = server.endpoint()
    assert made(endpoint, 1)[0].usage.generated_tokens == endpoint.meter.spent.completion_tokens == 303
    assert endpoint.habits.thought == 300


def test_what_a_server_can_do_and_how_fast_is_found_out_behind_its_thought(server: Server, tmp_path) -> None:
    def held(body: Body) -> Body:
        label = json.dumps({"label": "zebra"}) if "response_format" in body else "yes"
        return thinker(
            lambda thought, answer: {"content": label if answer else "", "reasoning_content": thought}, "x" * 300
        )(body)

    server.reply = held
    endpoint = Endpoint(server.address(can=None), folder=tmp_path, patience=PATIENT)
    assert endpoint.can == {"generate", "constrain"}
    assert endpoint.measure().decode > 0 and endpoint.habits.thought == 75


LABELLED = Decoding("constrained", labels=("yes", "no"), max_tokens=8)


def test_a_label_is_read_behind_a_thought(server: Server) -> None:
    server.reply = thinker(
        lambda thought, answer: {"content": f'<think>{thought}</think>{{"label": "no"}}' if answer else None}
    )
    assert texts(server.endpoint(), requests(1, LABELLED)) == ["no"]


@pytest.mark.parametrize(
    ("message", "finish", "text", "error"),
    [
        ({"content": None, "refusal": "I can't help with that."}, "stop", "I can't help with that.", None),
        ({"content": [{"type": "text", "text": "yes"}, {"type": "text", "text": " no"}]}, "stop", "yes no", None),
        ({"content": []}, "stop", None, "holds no text"),
        ({"content": ""}, "content_filter", None, "content filter"),
        ({"content": None}, "content_filter", None, "content filter"),
        ({"content": None, "reasoning_content": "all of it"}, "stop", None, "a thought and no text"),
        ({"content": None, "tool_calls": []}, "tool_calls", None, "holds no text"),
    ],
)
def test_other_forms_of_an_answer(
    server: Server, message: Body, finish: str, text: str | None, error: str | None
) -> None:
    server.reply = lambda body: {"choices": [{"message": message, "finish_reason": finish}]}
    (one,) = made(server.endpoint(), 1)
    assert one.text == text and not one.cut
    assert error is None or error in str(one.error)
