"""Endpoints against a real HTTP server on loopback that fails in every way a server can."""

import time
from collections import Counter
from email.utils import formatdate

import pytest

from advisor import address
from advisor.errors import InputError, OutsideError
from advisor.models import named
from advisor.models.endpoint import Endpoint
from advisor.system import Decoding

from .conftest import KEY, QUICK, echo, requests, texts, told


def test_all_requests_are_answered_many_at_once_but_no_more_than_allowed(server):
    server.reply = lambda body: (time.sleep(0.02), told(echo(body)))[1]
    endpoint = server.endpoint(concurrency=4)
    assert texts(endpoint, requests(20)) == [f"INPUT {i}" for i in range(20)]
    assert 2 <= server.most_at_once <= 4
    assert endpoint.meter.spent.requests == 20
    assert endpoint.meter.spent.tokens == 20 * 15


FAULTS = {
    "input 1": [(429, {"Retry-After": "0"}, "slow down")] * 2,
    "input 2": [(500, {}, "oops"), (503, {}, "busy")],
    "input 3": ["slow"],
    "input 4": ["cut"],
    "input 5": ["malformed", "cut"],
    "input 6": ["no answer"],
}


def test_with_every_fault_nothing_is_lost_and_nothing_is_counted_twice(server):
    server.faults = {asked: list(faults) for asked, faults in FAULTS.items()}
    endpoint = server.endpoint()
    assert texts(endpoint, requests(8)) == [f"INPUT {i}" for i in range(8)]
    assert Counter(server.asked) == {f"input {i}": 1 + len(FAULTS.get(f"input {i}", ())) for i in range(8)}
    assert endpoint.meter.spent.requests == 8
    assert (endpoint.meter.spent.prompt_tokens, endpoint.meter.spent.completion_tokens) == (8 * 12, 8 * 3)


def test_a_request_that_fails_for_good_is_unscored_and_the_others_stand(server):
    server.faults = {
        "input 0": [(500, {}, "oops")] * 9,
        "input 1": [(400, {}, "too long for the context")] * 9,
        "input 2": ["slow"] * 9,
    }
    endpoint = server.endpoint()
    made = dict(endpoint.generate(requests(5)))
    assert [made[i].text for i in range(5)] == [None, None, None, "INPUT 3", "INPUT 4"]
    assert "500: oops, 4 times" in str(made[0].error)
    assert "too long for the context" in str(made[1].error)
    assert "no answer within 0.3 s" in str(made[2].error)
    assert server.asked.count("input 1") == 1  # what the server refuses is not asked again
    assert endpoint.meter.spent.requests == 2


def test_an_answer_without_a_text_is_unscored_and_an_empty_text_is_a_text(server):
    server.reply = lambda body: told(None if body["messages"][-1]["content"] == "input 0" else "")
    assert texts(server.endpoint(), requests(2)) == [None, ""]


@pytest.mark.parametrize("header", ["1", "date"])
def test_retry_after_is_honoured_as_seconds_and_as_a_date(server, header):
    # A date has whole seconds: the one that is two ahead is more than one second away.
    value = formatdate(time.time() + 2, usegmt=True) if header == "date" else header
    server.faults = {"input 0": [(429, {"Retry-After": value}, "slow down")]}
    since = time.monotonic()
    assert texts(server.endpoint(), requests(1)) == ["INPUT 0"]
    assert time.monotonic() - since >= 0.9


def test_a_server_that_asks_to_wait_for_hours_ends_the_work(server):
    server.faults = {"input 0": [(429, {"Retry-After": "7200"}, "quota")]}
    with pytest.raises(OutsideError, match="asks to wait 7,200 s"):
        list(server.endpoint().generate(requests(1)))


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "KEY_FOR_TEST"), (403, "KEY_FOR_TEST"), (404, "has no model tiny"), (307, "not the address")],
)
def test_what_every_request_would_meet_ends_the_work_at_once(server, monkeypatch, status, told):
    monkeypatch.setenv("KEY_FOR_TEST", KEY)
    server.faults = {f"input {i}": [(status, {"Location": "/elsewhere"}, "no")] * 9 for i in range(40)}
    with pytest.raises(OutsideError, match=told):
        list(server.endpoint(key_env="KEY_FOR_TEST", concurrency=2).generate(requests(40)))
    assert max(Counter(server.asked).values()) == 1
    assert len(server.asked) < 10


def test_the_answers_that_came_before_a_refused_key_are_handed_over(server):
    server.faults = {"input 3": [(401, {}, "expired")]}
    got = []
    with pytest.raises(OutsideError):
        for i, prediction in server.endpoint(concurrency=1).generate(requests(6)):
            got.append((i, prediction.text))
    assert got[:3] == [(i, f"INPUT {i}") for i in range(3)]


def test_a_server_that_is_not_there_is_an_error_of_each_request():
    endpoint = Endpoint(address.parse_address("http://127.0.0.1:9/v1#tiny"), patience=QUICK)
    assert "connection failed" in str(dict(endpoint.generate(requests(1)))[0].error)
    with pytest.raises(OutsideError, match="gave no answer"):
        endpoint.measure()


def test_stopping_early_sends_nothing_more(server):
    for _ in server.endpoint(concurrency=2).generate(requests(50)):
        break
    assert len(server.asked) < 10


def test_usage_that_is_not_told_is_estimated_and_said(server):
    server.reply = lambda body: told("x" * 40, usage=None)
    endpoint = server.endpoint()
    assert texts(endpoint, requests(3)) == ["x" * 40] * 3
    assert endpoint.meter.spent.estimated == 3
    assert endpoint.meter.spent.completion_tokens == 3 * 10
    assert endpoint.meter.spent.prompt_tokens > 0
    assert "told no usage" in str(endpoint.meter.spent)


def test_the_key_is_sent_and_stands_in_no_error_and_no_text(server, monkeypatch):
    monkeypatch.setenv("KEY_FOR_TEST", KEY)
    server.reply = lambda body: told(f"your key is {KEY}")
    server.faults = {
        "input 0": [(400, {}, "x" * 290 + KEY)],
        "input 1": [(500, {}, f"bad key {KEY}")] * 9,
    }
    endpoint = server.endpoint(key_env="KEY_FOR_TEST")
    made = dict(endpoint.generate(requests(3)))
    assert server.keys == {f"Bearer {KEY}"}
    shown = repr([made, endpoint, endpoint.address, str(endpoint.address)])
    assert "[key]" in shown
    assert "sk-secret" not in shown
    server.faults = {"input 0": [(401, {}, f"wrong key {KEY}")]}
    with pytest.raises(OutsideError) as refused:
        list(endpoint.generate(requests(1)))
    assert "sk-secret" not in str(refused.value)


def test_a_key_that_is_not_set_is_the_persons_mistake(server, monkeypatch):
    monkeypatch.delenv("KEY_FOR_TEST", raising=False)
    with pytest.raises(InputError, match="KEY_FOR_TEST"):
        list(server.endpoint(key_env="KEY_FOR_TEST").generate(requests(1)))
    assert "KEY_FOR_TEST" in named.problem(server.address(key_env="KEY_FOR_TEST"))
    assert server.asked == []


def test_labels_are_sent_as_a_schema_and_come_back_as_labels(server):
    decoding = Decoding("constrained", labels=("yes", "no"), max_tokens=8)
    assert texts(server.endpoint(), requests(2, decoding)) == ["yes", "yes"]
    sent = server.bodies[0]["response_format"]["json_schema"]
    assert sent["strict"] and sent["schema"]["properties"]["label"]["enum"] == ["yes", "no"]


def test_what_a_server_can_do_is_tried_once_and_remembered(server, tmp_path):

    able = Endpoint(address.parse_address(f"{server.url}#tiny"), folder=tmp_path, patience=QUICK)
    assert able.can == {"generate", "constrain"}
    asked = len(server.asked)
    assert Endpoint(able.address, folder=tmp_path).can == able.can
    assert len(server.asked) == asked == 1


def test_a_server_that_ignores_or_refuses_a_schema_can_not_constrain(server):
    plain = address.parse_address(f"{server.url}#tiny")
    server.reply = lambda body: told("Yes.")
    assert Endpoint(plain, patience=QUICK).can == {"generate"}
    server.faults = {"Is ice cold?": [(400, {}, "response_format is not known")]}
    assert Endpoint(plain, patience=QUICK).can == {"generate"}
    server.faults = {"Is ice cold?": [(500, {}, "down")] * 9}
    with pytest.raises(OutsideError, match="declare it"):
        _ = Endpoint(plain, patience=QUICK).can


def test_what_is_declared_is_not_tried(server):
    assert server.endpoint(can=["constrain"]).can == {"generate", "constrain"}
    with pytest.raises(ValueError, match="can"):
        address.parse_address({"endpoint": server.url, "name": "tiny", "can": ["tune"]})
    assert server.asked == []


def test_the_speed_is_that_of_requests_at_once_and_counts_as_spending(server):
    endpoint = server.endpoint(concurrency=2)
    speed = endpoint.measure()
    assert speed.prefill > 0 and speed.decode > 0
    assert endpoint.meter.spent.requests == len(server.asked) == 3
