"""Whole runs through an endpoint, as a person starts them."""

import json
import subprocess
import sys
from pathlib import Path

from .conftest import KEY, Body, told


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


def thoughtful(body: Body) -> Body:
    """The clerk, who thinks first and needs 120 tokens for it."""
    answer = clerk(body)
    message = answer["choices"][0]["message"]
    message["content"] = f"<think>{'Is it one of the desks? ' * 20}</think>\n\n{message['content']}"
    answer["usage"]["completion_tokens"] = 124
    if body["max_tokens"] < 124:
        message["content"] = message["content"][: 4 * body["max_tokens"]]
        answer["usage"]["completion_tokens"] = body["max_tokens"]
        answer["choices"][0]["finish_reason"] = "length"
    return answer


def test_a_whole_run_works_through_an_endpoint_that_thinks_first(server, tmp_path):
    server.reply = thoughtful
    write_task(tmp_path / "post", f"{{endpoint: '{server.url}', name: tiny}}", 108)
    done = advise(tmp_path, "run", "post", "--path", "prompting", "--json", "--budget", "400ktok")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["test"] == 100 and not any(result["cut"].values()) and not any(result["unscored"].values())
    cut = sum(body["max_tokens"] < 124 for body in server.bodies)
    assert cut < 20  # learnt from the first ones
    learnt = json.loads((tmp_path / result["run"] / "habits.json").read_text())
    assert 115 < learnt["thought"] < 125

    before = len(server.bodies)
    told = advise(tmp_path, "predict", result["run"], "--quiet", given='{"input": "where is my parcel"}\n')
    assert json.loads(told.stdout) == {"id": "1", "prediction": "delivery"}, told.stderr
    assert len(server.bodies) == before + 1

    server.reply = lambda body: (400, "the model was taken down")
    dead = advise(tmp_path, "evaluate", result["run"], "post/train.jsonl", "--min-score", "0", "--quiet")
    assert dead.returncode == 1 and "108 of 108 rows have no answer" in dead.stderr


def two_clerks(body: Body) -> Body:
    """One knows the desks, as `clerk`; the one called tiny takes everything for a matter of passwords."""
    if body["model"] == "big":
        return clerk(body)
    *before, last = body["messages"]
    return clerk({**body, "messages": [*before, {**last, "content": f"password {'x' * len(last['content'])}"}]})


def test_models_are_compared_and_the_best_is_built_proven_and_loaded_again(server, tmp_path):
    server.reply = two_clerks
    models = [
        f"{{endpoint: '{server.url}', name: {name}, price: {{prompt: 1, completion: 2}}}}" for name in ("tiny", "big")
    ]
    write_task(tmp_path / "post", f"[{', '.join(models)}]", 180)
    done = advise(tmp_path, "run", "post", "--path", "prompting", "--json", "--budget", "800ktok")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["test"] == 100 and result["baseline"] < 50
    run = tmp_path / result["run"]
    tiny, big = f"{server.url}#tiny", f"{server.url}#big"
    assert json.loads((run / "artifact" / "system.json").read_text())["model"]["name"] == big
    advice = json.loads((run / "recommendation.json").read_text())
    assert {one["path"]: one["model"] for one in advice["ranking"] if one["possible"]}["prompting"] == big
    told = {(one["path"], one["model"]): one for one in advice["models"]}
    assert told["prompting", big]["probability"] > 0.7 > 0.1 > told["prompting", tiny]["probability"]
    assert "constrained · big" in (run / "report.md").read_text()
    assert set(told) == {("prompting", tiny), ("prompting", big), ("classifier", tiny)}
    spent = [json.loads((run / f).read_text().splitlines()[-1]) for f in ("spent.jsonl", "model-2/spent.jsonl")]
    assert all(line["requests"] for line in spent) and result["spent"]["requests"] == len(server.bodies)
    assert "big" in (run / "report.md").read_text()
    again = advise(tmp_path, "predict", result["run"], "--quiet", given='{"input": "where is my parcel"}\n')
    assert json.loads(again.stdout)["prediction"] == "delivery" and server.bodies[-1]["model"] == "big"


def test_a_model_that_data_may_not_leave_for_is_left_out_of_the_comparison(server, tmp_path):
    server.reply = clerk
    models = f"[{{endpoint: '{server.url}', name: here}}, {{endpoint: 'https://models.example/v1', name: there}}]"
    write_task(tmp_path / "post", f"{models}\nanswers: {{data_may_leave: no}}", 108)
    done = advise(tmp_path, "diagnose", "post", "--json", "--budget", "400ktok")
    assert done.returncode == 0, done.stderr
    diagnosis = json.loads(done.stdout)
    assert diagnosis["notes"][0].startswith("https://models.example/v1#there is left out")
    assert {probe["model"] for probe in diagnosis["probes"]} == {f"{server.url}#here"}


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
