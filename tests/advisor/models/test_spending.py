"""What requests cost, and where the budget ends them: against a real HTTP server."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import flow
from advisor.errors import CannotError, InputError
from advisor.measure import planning, proof
from advisor.measure.ledger import open_test
from advisor.measure.proof import Finalists
from advisor.models.spending import Meter, estimate
from advisor.runtime.settings import Settings, parse_budget
from advisor.system import Classifier, ModelRef, System
from advisor.task import Example, Split, Task
from retrieval import Document

from .conftest import Server, requests, texts, told


def test_tokens_are_estimated_by_alphabet():
    assert estimate("") == 0
    assert estimate("a" * 40) == 10
    assert estimate("ж" * 40) == 20
    assert estimate("漢" * 40) == 40
    assert estimate("a" * 20 + "漢" * 20) == 25


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
    assert measured[0] == planning.ASKED[0] < measured[1] < measured[2] == planning.ASKED[1]
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
    finalists = Finalists(System(ModelRef(run.model.name), ""), None, Classifier("", "", ""))

    def afford(rows: int) -> None:
        task = replace(run.task, split=replace(run.task.split, test=(run.task.split.train * 300)[:rows]))
        bench = SimpleNamespace(task=task, runtime=SimpleNamespace(folder=run.folder, model_of=lambda one: run.model))
        proof.afford(bench, finalists)  # type: ignore[arg-type]

    afford(10)
    with pytest.raises(CannotError, match="It was not opened"):
        afford(300)
    open_test(run.folder, run.task.split.test, "baseline", "s")
    afford(300)  # what is open already is finished as far as the budget goes
