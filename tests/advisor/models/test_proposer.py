"""Whole runs in which a model behind an endpoint proposes instructions."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advisor.app.cli import app
from advisor.data.reading import load_task

from ..conftest import Words
from .conftest import Body, Server, told
from .test_run import DESKS

pytest.importorskip("gepa")

OWN, CLEAR = "Which desk is it for?", "Answer with the name of the desk alone."
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def reply(body: Body) -> Body:
    """`tiny` knows the desks, and says them in a sentence unless it is told not to; `big` says what to tell it."""
    asked = body["messages"][-1]["content"]
    usage = {"prompt_tokens": sum(len(m["content"]) for m in body["messages"]) // 4, "completion_tokens": 8}
    if body["model"] == "big":
        return told(f"Better:\n```\n{CLEAR}\n```", usage)
    desk = next((desk for desk, word in DESKS.items() if word in asked), "support")
    return told(desk if CLEAR in body["messages"][0]["content"] else f"This is for {desk}.", usage)


@pytest.fixture
def task(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a task whose model is behind an endpoint, and so is the proposer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("retrieval.load_embedder", lambda name, cache: Words())
    server.reply = reply
    folder = tmp_path / "post"
    folder.mkdir()
    model = f"{{endpoint: '{server.url}', name: tiny, can: []}}"
    proposer = f"{{endpoint: '{server.url}', name: big}}"
    yaml = f"name: post\ninstruction: {OWN}\ninstructions: [Say the desk.]\nmodel: {model}\nproposer: {proposer}\n"
    (folder / "task.yaml").write_text(yaml + "labels: labels.json\n")
    (folder / "labels.json").write_text(json.dumps(sorted(DESKS)))
    drawn = random.Random(0)
    rows = [
        {"input": f"{word} {' '.join(''.join(drawn.sample(LETTERS, 6)) for _ in range(6))}", "output": desk}
        for _ in range(110)
        for desk, word in DESKS.items()
    ]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert "Traceback" not in done.output, done.output
    return done.exit_code, done.stdout, done.stderr


def test_what_is_proposed_is_chosen_counted_told_and_goes_into_what_is_built(server: Server, task: Path):
    given = ("run", task, "--path", "prompting", "--budget", "400ktok")
    code, out, err = run(*given)
    assert code == 0, err
    assert "3 instructions tried; the third chosen: 100 against 0" in out
    (folder,) = Path("runs").glob("post-*")
    files = {
        name: json.loads((folder / f"{name}.json").read_text()) for name in ("instructions", "diagnosis", "result")
    }
    tried = [(one["text"], one["by"]) for one in files["instructions"]["tried"]]
    assert tried == [
        (OWN, "the task's own"), ("Say the desk.", "listed in the task"), (CLEAR, f"{server.url}#big"),
    ]  # fmt: skip
    assert files["diagnosis"]["instructions"] == files["instructions"]
    assert (files["result"]["baseline"], files["result"]["test"]) == (0, 100)
    assert json.loads((folder / "artifact" / "system.json").read_text())["instruction"] == CLEAR
    assert CLEAR in (report := (folder / "report.md").read_text()) and "the third chosen: 100 against 0" in report

    proposals = [body["messages"][-1]["content"] for body in server.bodies if body["model"] == "big"]
    split = load_task(task).split
    assert proposals and any(row.input in "\n".join(proposals) for row in split.choose)
    assert not any(row.input in "\n".join(proposals) for row in (*split.train, *split.compare, *split.test))

    spent = [json.loads(line) for line in (folder / "proposer" / "spent.jsonl").read_text().split("\n") if line]
    assert len(spent) == len(proposals) and files["result"]["spent"]["requests"] == len(server.bodies)
    assert sum(one["prompt_tokens"] + one["completion_tokens"] for one in spent) <= 40_000  # its share of the budget

    before = len(server.bodies)
    assert run(*given)[0] == 0 and len(server.bodies) == before
    assert run("verify", folder)[0] == 0


def test_a_choice_that_was_changed_and_sealed_is_found(server: Server, task: Path):
    assert run("run", task, "--path", "prompting", "--budget", "400ktok")[0] == 0
    (folder,) = Path("runs").glob("post-*")
    path = folder / "diagnosis.json"
    path.write_text(path.read_text().replace('"place": 2', '"place": 0'))
    code, out, _ = run("verify", folder, "--json")
    assert code == 1 and {"diagnosis.json: instructions", "place"} <= {
        text for one in json.loads(out)["problems"] for text in (one["file"], one["field"])
    }


@pytest.mark.parametrize(
    ("more", "why"), [("", "would be sent to"), ("answers: {data_may_leave: no}\n", "data may not leave")]
)
def test_nothing_goes_to_a_proposer_elsewhere_without_consent(server: Server, task: Path, more: str, why: str):
    yaml = (
        (task / "task.yaml").read_text().replace(f"'{server.url}', name: big", "https://models.example/v1, name: big")
    )
    (task / "task.yaml").write_text(yaml + more)
    code, _, err = run("run", task, "--quiet", *(["--yes"] if more else []))
    assert code == 2 and "proposer: " in err and why in err and "models.example" in err
    assert server.asked == []


def test_a_proposer_that_can_not_be_had_or_has_no_prices_is_told_before_anything_is_asked(server: Server, task: Path):
    assert f"{server.url}#big would be asked for instructions" in run("run", task, "--dry-run")[1]
    assert "needs the endpoint's prices" in run("run", task, "--budget", "5usd")[2]
    yaml = (task / "task.yaml").read_text()
    (task / "task.yaml").write_text(
        yaml.replace(yaml[yaml.index("proposer: ") : yaml.index("labels")], "proposer: no-such-model\n")
    )
    code, _, err = run("run", task)
    assert code == 2 and "proposer" in err and "no-such-model" in err and server.asked == []
