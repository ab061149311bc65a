"""What requests took as probes ran them, and what they are priced at for each kind of model."""

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.address import Address, Price
from advisor.decide.rates import SAID
from advisor.measure.diagnosis import Diagnosis, Probe
from advisor.measure.work import rates, work
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Meter
from advisor.runtime.bench import Purse
from advisor.task import Costs, Task

from ..test_few_rows import a_task
from .conftest import Call


def endpoint(at: str, name: str = "x", price: Price | None = None) -> Endpoint:
    return Endpoint(Address(endpoint=at, name=name, can=(), price=price), Meter())


HERE, THERE = "http://127.0.0.1:9/v1", "https://api.example.com/v1"


def probe(path: str, value: float, asked: int = 10, **more: int) -> Probe:
    scores = dict.fromkeys(map(str, range(asked)), value)
    told = {"seconds": 20, "tokens": 1000, "unscored": 0, **more}
    return Probe(
        f"{path} {value}",
        path,
        "",
        value,
        0,
        100,
        asked - told["unscored"],
        scores=scores,
        statistics={},
        model=endpoint(HERE).name,
        **told,
    )


def test_a_request_is_what_the_best_probe_that_stayed_longest_took(zoo: Task, purse: Purse) -> None:
    probes = (
        probe("prompting", 90, 5, tokens=100),  # left early
        probe("prompting", 60, tokens=3000, written=200),
        probe("prompting", 50, tokens=7000),
        probe("rag", 80, 10, unscored=3, tokens=9000),  # gave no text too often
    )
    found = work(zoo, endpoint(HERE), purse, Diagnosis("exact_match", 10, {}, probes, {}, {}))
    one = found["prompting"]
    assert (one.read, one.written, one.seconds, one.measured) == (280, 20, 2.0, True)
    assert not found["rag"].measured and found["rag"].read > 0 and not found["classifier"].measured


def test_a_foreign_endpoint_is_paid_by_tokens_and_one_on_this_machine_by_its_hours(zoo: Task) -> None:
    declared = rates(zoo, endpoint(HERE, price=Price(prompt=1.0, completion=2.0)))
    assert declared.prompt_usd and (declared.prompt_usd.value, declared.prompt_usd.source) == (1.0, SAID)
    here = rates(zoo, endpoint(HERE, "llama-8b"))
    assert here.machine_hour_usd and here.prompt_usd is None
    there = rates(zoo, endpoint(THERE, "llama-8b"))
    assert there.machine_hour_usd is None and there.prompt_usd and "gpt-4o-mini" in there.prompt_usd.source
    assert rates(zoo, endpoint(THERE, "unheard-of")).prompt_usd is None


def test_what_task_yaml_says_of_costs_wins(zoo: Task) -> None:
    own = replace(zoo, costs=Costs(hour_usd=33.0, machine_hour_usd=0.5))
    found = rates(own, endpoint(HERE))
    assert (found.hour_usd.value, found.machine_hour_usd and found.machine_hour_usd.value) == (33.0, 0.5)
    assert found.mend_minutes == pytest.approx(rates(zoo, endpoint(HERE)).mend_minutes)


def test_other_prices_decide_again_in_another_run_and_measure_nothing_anew(call: Call) -> None:
    folder = a_task(24, "labels")
    said = folder / "task.yaml"
    first = call("recommend", folder)[1]
    said.write_text(said.read_text() + "costs: {hour_usd: 90, machine_hour_usd: 7}\n")
    second = call("recommend", folder)[1]
    assert first["rates"]["hour_usd"]["source"] != SAID
    assert second["rates"]["hour_usd"] == {"value": 90, "source": SAID, "date": ""}
    costs = [next(one["cost"] for one in given["ranking"] if one["path"] == "prompting") for given in (first, second)]
    assert costs[0]["measured"] and costs[0]["seconds_per_request"] == costs[1]["seconds_per_request"]
    runs = sorted(Path("runs").glob("task-*"))
    assert len(runs) == 2 and "taken_over" in "".join((run / "journal.jsonl").read_text() for run in runs)
