"""Endpoints against a real HTTP server on loopback that fails in every way a server can."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from advisor import address, flow
from advisor.address import Address
from advisor.errors import CannotError, InputError, OutsideError
from advisor.measure import planning
from advisor.measure.ledger import open_test
from advisor.models import named
from advisor.models.endpoint import Endpoint, Patience
from advisor.models.spending import Meter, estimate
from advisor.runtime.settings import Settings, parse_budget
from advisor.system import Decoding, Request
from advisor.task import Example, Split, Task
from retrieval import Document
from trainers.rendering import Turn

KEY = "sk-secret/0123456789"
USAGE = {"prompt_tokens": 12, "completion_tokens": 3}
QUICK = Patience(tries=4, pause=0.001, timeout=0.3)
Body = dict[str, Any]


def told(text: str | None, usage: Body | None = USAGE, **more: Any) -> Body:
    """An answer as servers give it."""
    return {"choices": [{"message": {"role": "assistant", "content": text}, **more}], "usage": usage}


def echo(body: Body) -> str:
    """The last turn in capitals, in whatever form the request is held to."""
    text = body["messages"][-1]["content"]
    if "response_format" not in body:
        return text.upper()
    schema = body["response_format"]["json_schema"]["schema"]
    return json.dumps({"label": schema["properties"]["label"]["enum"][0]})


@dataclass
class Server:
    """Answers with `reply`, once the faults that stand for an input (its last turn) have been used up.

    A fault is a status, with headers and a body, or the name of a trouble below HTTP.
    """

    url: str = ""
    reply: Callable[[Body], Body] = lambda body: told(echo(body))
    faults: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def address(self, **more: Any) -> Address:
        return address.parse_address({"endpoint": self.url, "name": "tiny", "can": ["constrain"], **more})

    def endpoint(self, meter: Meter | None = None, **more: Any) -> Endpoint:
        """Whose person agreed to everything."""
        return Endpoint(self.address(**more), meter or Meter(), agree=lambda address: None, patience=QUICK)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script: Server = self.server.script
        asked = body["messages"][-1]["content"]
        with script.lock:
            script.asked.append(asked)
            script.bodies.append(body)
            script.keys.add(self.headers.get("Authorization", ""))
            script.at_once += 1
            script.most_at_once = max(script.most_at_once, script.at_once)
            fault = script.faults[asked].pop(0) if script.faults.get(asked) else None
        try:
            self.answer(script, body, fault)
        finally:
            with script.lock:
                script.at_once -= 1

    def answer(self, script: Server, body: Body, fault: Any) -> None:
        whole = json.dumps(script.reply(body)).encode()
        if fault == "slow":
            time.sleep(2 * QUICK.timeout)
        elif fault == "cut":
            self.send(200, whole[: len(whole) // 2], {"Content-Length": str(len(whole))})
            self.close_connection = True
        elif fault == "malformed":
            self.send(200, whole[:-3])
        elif fault == "no answer":
            self.send(200, b'{"error": {"message": "overloaded"}}')
        elif fault:
            status, headers, said = fault
            self.send(status, json.dumps({"error": {"message": said}}).encode(), headers)
        else:
            self.send(200, whole)

    def send(self, status: int, content: bytes, headers: Any = ()) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class Listening(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that time out hang up


@pytest.fixture
def server() -> Iterator[Server]:
    listening = Listening(("127.0.0.1", 0), Handler)
    script = Server(f"http://127.0.0.1:{listening.server_port}/v1")
    listening.script = script  # type: ignore[attr-defined]
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield script
    listening.shutdown()
    listening.server_close()


FREE = Decoding(max_tokens=8)


def requests(count: int, decoding: Decoding = FREE) -> list[Request]:
    return [Request((Turn("user", f"input {i}"),), decoding) for i in range(count)]


def texts(endpoint: Endpoint, asked: list[Request]) -> list[str | None]:
    made = dict(endpoint.generate(asked))
    assert sorted(made) == list(range(len(asked)))  # each once, none lost
    return [made[i].text for i in range(len(asked))]


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


def test_tokens_are_estimated_by_alphabet():
    assert estimate("") == 0
    assert estimate("a" * 40) == 10
    assert estimate("ж" * 40) == 20
    assert estimate("漢" * 40) == 40
    assert estimate("a" * 20 + "漢" * 20) == 25


# Budget


def test_the_budget_in_tokens_stops_before_the_request_that_could_exceed_it(server):
    meter = Meter(tokens=100)
    with pytest.raises(CannotError, match="budget of 100 tokens is spent"):
        list(server.endpoint(meter, concurrency=8).generate(requests(50)))
    assert meter.spent.tokens <= 100
    assert meter.spent.tokens == 15 * len(server.asked)  # whatever was sent was counted
    assert meter.spent.tokens + 8 + 12 > 100  # and it was not stopped early either


def test_the_budget_in_money_stops_before_the_request_that_could_exceed_it(server):
    price = (1.0, 10.0)  # an answer takes 42 millionths, and 92 may be needed for the next
    meter = Meter(price, usd=300e-6)
    with pytest.raises(CannotError, match="usd"):
        list(server.endpoint(meter, concurrency=8).generate(requests(50)))
    assert meter.spent.usd == pytest.approx(42e-6 * len(server.asked))
    assert 300e-6 - 92e-6 < meter.spent.usd <= 300e-6


def test_every_answer_that_was_paid_for_is_handed_over_before_the_budget_ends_the_work(server):
    meter, got = Meter(tokens=100), []
    with pytest.raises(CannotError):
        for _, prediction in server.endpoint(meter).generate(requests(50)):
            got.append(prediction.text)
    assert len(got) == meter.spent.requests == len(server.asked)
    assert all(got)


def test_a_prompt_that_is_dearer_than_estimated_makes_the_next_reservation_larger(server):
    server.reply = lambda body: told("x", {"prompt_tokens": 120, "completion_tokens": 1})
    meter = Meter(tokens=470)  # of which three take 363, and the fourth would make it 484
    with pytest.raises(CannotError):
        list(server.endpoint(meter, concurrency=1).generate(requests(50)))
    assert meter.spent.tokens == 363


def test_what_was_spent_is_counted_on_when_a_run_is_resumed(server, tmp_path):
    file = tmp_path / "spent.jsonl"
    texts(server.endpoint(Meter(tokens=1000, file=file)), requests(4))
    with file.open("a") as cut:
        cut.write('\n{"requests": 1, "prompt_')  # a kill in the middle of a line
    assert Meter(file=file).spent.tokens == 60
    texts(server.endpoint(Meter(file=file)), requests(1))
    again = Meter(tokens=90, file=file)
    assert (again.spent.tokens, again.spent.requests) == (75, 6)
    with pytest.raises(CannotError):
        list(server.endpoint(again).generate(requests(2)))
    assert len(server.asked) == 5


def run_within(
    server: Server, tmp_path: Path, spend: str, monkeypatch: pytest.MonkeyPatch, documents: tuple[Document, ...] = ()
) -> flow.Run:
    monkeypatch.chdir(tmp_path)
    train, choose, compare, test = (
        tuple(Example(f"{side} {i}", f"the input {i} {side}", "the output") for i in range(100))
        for side in ("train", "choose", "compare", "test")
    )
    split, models = Split(train, choose, compare, test), (server.address(),)
    task = Task("t", tmp_path, instruction="Do it.", split=split, models=models, documents=documents)
    return flow.Run(task, Settings(budget=parse_budget(spend)))


def test_a_smaller_budget_measures_on_fewer_examples_and_one_that_is_too_small_is_refused(
    server, tmp_path, monkeypatch
):
    measured = [run_within(server, tmp_path, f"{k}ktok", monkeypatch).assumed_purse.measure for k in (30, 60, 1000)]
    assert measured[0] == planning.MEASURED[0] < measured[1] < measured[2] == planning.MEASURED[1]
    with pytest.raises(InputError, match=r"measuring on only 48 examples takes about .* tokens"):
        _ = run_within(server, tmp_path, "3ktok", monkeypatch).assumed_purse
    assert server.asked == []


def test_questions_that_search_is_tuned_on_are_planned_for(server, tmp_path, monkeypatch):
    documents = tuple(Document(str(i), f"The {i}th is {'very ' * 100}long.") for i in range(60))
    run = run_within(server, tmp_path, "200ktok", monkeypatch, documents)
    rows = tuple(replace(row, gold=("0",)) for row in run.task.split.choose)
    judged = replace(run.task, split=replace(run.task.split, choose=rows))
    both = [planning.whole_run(task, run.model, run.assumed_purse) for task in (run.task, judged)]
    assert both[0].requests == both[1].requests + 60 and both[0].tokens > both[1].tokens + 60 * 100
    plans = [
        planning.plan(task, run.model, run.embedder, run.settings.budget, planning.ASSUMED)
        for task in (run.task, judged)
    ]
    assert plans[0].measure < plans[1].measure
    small = run_within(server, tmp_path, "50ktok", monkeypatch, documents)
    with pytest.raises(InputError, match="540 requests"):
        _ = small.assumed_purse
    assert server.asked == []


def test_the_sealed_test_stays_sealed_where_the_budget_does_not_cover_it(server, tmp_path, monkeypatch):
    run = run_within(server, tmp_path, "2ktok", monkeypatch)
    run.afford(10)
    with pytest.raises(CannotError, match="It was not opened"):
        run.afford(300)
    open_test(run.folder, run.task.split.test, "baseline", "s")
    run.afford(300)  # what is open already is finished as far as the budget goes


# The key


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


@pytest.mark.parametrize("url", ["http://me:pw@host/v1", "http://host/v1?api_key=pw", "ftp://host", "host:80/v1"])
def test_an_address_that_holds_a_secret_or_is_none_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match="endpoint") as refused:
        address.parse_address({"endpoint": url, "name": "tiny"})
    assert "pw" not in str(refused.value)


def test_an_address_has_one_short_form_that_is_read_back():
    found = address.parse_address("https://host:8000/v1/#org/tiny:8b#SOME_KEY")
    assert (found.endpoint, found.name, found.key_env) == ("https://host:8000/v1", "org/tiny:8b", "SOME_KEY")
    assert address.parse_address(str(found)) == found
    same = address.parse_address(
        {"endpoint": "https://host:8000/v1", "name": "org/tiny:8b", "price": {"prompt": 1, "completion": 2}}
    )
    assert same.fingerprint == found.fingerprint  # the key and the price make it no other model
    assert address.parse_address("https://host:8000/v1#other").fingerprint != found.fingerprint


# What it can do


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


def write_task(folder: Path, model: str, count: int = 0) -> Path:
    """A task of labels, told by a word in the input."""
    folder.mkdir()
    lines = [f"name: post\ninstruction: Which desk is it for?\nlabels: labels.json\nmodel: {model}"]
    (folder / "task.yaml").write_text("\n".join(lines))
    (folder / "labels.json").write_text(json.dumps(sorted(DESKS)))
    rows = [
        {"input": f"{WHO[i % 9]} {WHAT[i // 9 % 12].format(word=word)}", "output": desk}
        for i in range(count)
        for desk, word in [list(DESKS.items())[i % 3]]
    ]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


DESKS = {"billing": "invoice", "delivery": "parcel", "support": "password"}
WHO = ["Dear team,", "Hello,", "Hi there,", "Good morning,", "To whom it concerns:", "Sorry to bother you,", "Please help,",
       "Hey,", "Once more,"]  # fmt: skip
WHAT = ["my {word} never came", "the {word} looks wrong to me", "who changed the {word} yesterday?", "I lost the {word}",
        "a {word} from March is missing", "can somebody send the {word} again", "is the {word} meant to be blue",
        "the {word} of my brother was mixed up with mine", "no {word} since the holidays", "what about the second {word}",
        "your last {word} made us laugh", "we want one {word} for the whole office"]  # fmt: skip


def clerk(body: Body) -> Body:
    """Knows the desks, but says them in a sentence unless it is held to the labels."""
    asked = body["messages"][-1]["content"]
    desk = next((desk for desk, word in DESKS.items() if word in asked), "support")
    if "response_format" not in body:
        text = f"This is for {desk}."
    else:
        labels = body["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"]
        text = json.dumps({"label": desk if desk in labels else labels[0]})
    return told(text, {"prompt_tokens": sum(len(m["content"]) for m in body["messages"]) // 4, "completion_tokens": 4})


def advise(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "advisor", *arguments]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True)


def test_a_whole_run_works_through_an_endpoint_that_fails_now_and_then(server, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY_FOR_TEST", KEY)
    server.reply = clerk
    price = "price: {prompt: 1, completion: 2}"
    write_task(tmp_path / "post", f"{{endpoint: '{server.url}', name: tiny, key_env: KEY_FOR_TEST, {price}}}", 108)
    rows = [json.loads(line) for line in (tmp_path / "post" / "train.jsonl").read_text().splitlines()]
    troubles = [(500, {}, f"oops {KEY}"), (429, {"Retry-After": "0"}, "busy"), "cut", "malformed"]
    server.faults = {row["input"]: [troubles[i % 4]] for i, row in enumerate(rows) if i % 5 == 0}

    planned = advise(tmp_path, "run", "post", "--dry-run", "--json", "--budget", "1usd")
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert set(plan["costs"]) == {"prompting", "classifier", "rag"}
    assert server.asked == []

    unasked = advise(tmp_path, "run", "post", "--path", "prompting", "--json", "--budget", "1usd")
    assert unasked.returncode == 2 and "the key in $KEY_FOR_TEST would be sent to" in unasked.stderr
    assert server.asked == []

    done = advise(tmp_path, "run", "post", "--path", "prompting", "--json", "--budget", "1usd", "--yes")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["test"] == 100 and result["baseline"] < 50 and not any(result["unscored"].values())
    faults = sum(asked in server.faults and not server.faults[asked] for asked in server.faults)
    assert faults and result["spent"]["requests"] == len(server.asked) - faults
    # Less than expected: with so few examples those chosen on are those compared on, and are asked once.
    assert 0.25 < result["spent"]["usd"] / plan["expected"]["usd"] < 1.2
    run = tmp_path / result["run"]
    ranking = {one["path"]: one for one in json.loads((run / "recommendation.json").read_text())["ranking"]}
    assert set(ranking) == {"prompting", "classifier", "rag", "finetuning", "rag+finetuning"}
    assert "endpoint" in ranking["finetuning"]["note"]
    assert (
        json.loads((run / "artifact" / "system.json").read_text())["model"]["name"] == f"{server.url}#tiny#KEY_FOR_TEST"
    )

    before = len(server.asked)
    again = advise(tmp_path, "run", "post", "--path", "prompting", "--json", "--budget", "1usd")
    assert json.loads(again.stdout) == result and len(server.asked) == before

    told = advise(tmp_path, "predict", result["run"], "--quiet", given='{"input": "where is my parcel"}\n')
    assert json.loads(told.stdout)["prediction"] == "delivery", told.stderr
    assert server.keys == {f"Bearer {KEY}"}
    monkeypatch.delenv("KEY_FOR_TEST")
    locked = advise(tmp_path, "predict", result["run"], given='{"input": "where is my parcel"}\n')
    assert locked.returncode == 2 and "KEY_FOR_TEST" in locked.stderr

    said = [*(each.stdout + each.stderr for each in (planned, unasked, done, again, told, locked))]
    written = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not any("sk-secret" in text for text in (*said, *written))


def test_a_run_says_what_would_be_sent_and_sends_nothing_without_consent(tmp_path, config):
    write_task(tmp_path / "post", "{endpoint: 'https://models.example/v1', name: tiny}", 108)
    done = advise(tmp_path, "run", "post", "--quiet")
    assert done.returncode == 2
    assert "would be sent to https://models.example/v1" in done.stderr and "--yes" in done.stderr
    assert not any(config.iterdir())


def test_a_budget_in_money_needs_prices_and_one_that_is_too_small_is_refused_before_asking(server, tmp_path):
    write_task(tmp_path / "post", f"{{endpoint: '{server.url}', name: tiny}}", 108)
    done = advise(tmp_path, "run", "post", "--quiet", "--budget", "5usd")
    assert done.returncode == 2
    assert "price: {prompt: 0.15" in done.stderr
    small = advise(tmp_path, "run", "post", "--quiet", "--dry-run", "--budget", "1ktok")
    assert small.returncode == 2 and "--budget" in small.stderr
    assert server.asked == []
