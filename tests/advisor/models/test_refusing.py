"""Servers that refuse a part of a request which others want."""

from dataclasses import replace

import pytest

from advisor.errors import InputError, OutsideError
from advisor.system import Request
from trainers.rendering import Turn

from .conftest import FREE, PATIENT, Body, Server, requests, texts, told

SAID = {
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "temperature": "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported.",
    "system": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
}
ASKED = Request((Turn("system", "Shout."), Turn("user", "hello")), FREE)


@pytest.fixture(autouse=True)
def patient(server: Server) -> None:
    server.patience = PATIENT


def refusing(*parts: str):
    def reply(body: Body) -> Body | tuple[int, str]:
        has = {*body, *(message["role"] for message in body["messages"])}
        said = next((SAID[part] for part in parts if part in has), "")
        return (400, said) if said else told(body["messages"][-1]["content"])

    return reply


def test_what_a_server_refuses_is_left_out_from_then_on(server: Server, tmp_path) -> None:
    server.reply = refusing(*SAID)
    endpoint = replace(server.endpoint(concurrency=1), folder=tmp_path)
    assert texts(endpoint, [ASKED, ASKED]) == ["Shout.\n\nhello"] * 2
    assert len(server.bodies) == len(SAID) + 2
    last = server.bodies[-1]
    assert last["max_completion_tokens"] == 8 and not {"max_tokens", "temperature"} & set(last)
    assert last["messages"] == [{"role": "user", "content": "Shout.\n\nhello"}]
    assert endpoint.meter.spent.requests == 2
    server.bodies.clear()
    assert texts(replace(server.endpoint(), folder=tmp_path), [ASKED]) == ["Shout.\n\nhello"]
    assert len(server.bodies) == 1  # remembered


@pytest.mark.parametrize("part", SAID)
def test_only_what_is_refused_is_left_out(server: Server, part: str) -> None:
    server.reply = refusing(part)
    assert texts(server.endpoint(), [ASKED] * 20) == ["Shout.\n\nhello" if part == "system" else "hello"] * 20
    whole = {"max_tokens", "temperature", "max_completion_tokens"} & set(server.bodies[-1])
    assert len(whole) == (1 if part == "temperature" else 2)


@pytest.mark.parametrize("said", ["System role not supported", "Conversation roles must alternate user/assistant"])
def test_a_template_without_a_system_turn_gets_none(server: Server, said: str) -> None:
    server.faults = {"hello": [(500, {}, f"Jinja Exception: {said}")]}
    assert texts(server.endpoint(), [ASKED]) == ["SHOUT.\n\nHELLO"]


def test_what_is_refused_for_another_reason_stays_refused_and_teaches_nothing(server: Server) -> None:
    server.faults = {"input 0": [(400, {}, "too long for the context")]}
    assert texts(server.endpoint(), requests(1)) == [None] and len(server.asked) == 1
    endpoint = server.endpoint()
    server.faults = {"input 0": [(400, {}, "no such temperature"), (400, {}, "no such temperature")]}
    assert texts(endpoint, requests(1)) == [None] and endpoint.habits.shown.refuses == ()


@pytest.mark.parametrize(
    "said",
    ["This model only support stream mode, please enable the stream parameter to access the model.",
     "parameter.enable_thinking must be set to false for non-streaming calls"],
)  # fmt: skip
def test_a_server_that_only_streams_is_refused_with_what_to_do(server: Server, said: str) -> None:
    server.faults = {f"input {i}": [(400, {}, said)] for i in range(20)}
    with pytest.raises(OutsideError, match=r"as a stream only.*Choose a model"):
        list(server.endpoint(concurrency=2).generate(requests(20)))
    assert len(server.asked) < 8
    server.faults = {"input 0": ["stream"]}
    with pytest.raises(OutsideError, match="as a stream only"):
        list(server.endpoint().generate(requests(1)))


def test_habits_that_no_run_wrote_are_told(server: Server, tmp_path) -> None:
    (tmp_path / "habits.json").write_text('{"refuses": ["everything"]}')
    with pytest.raises(InputError, match=r"habits\.json.*refuses"):
        texts(replace(server.endpoint(), folder=tmp_path), requests(1))
