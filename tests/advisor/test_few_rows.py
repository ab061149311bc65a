"""Tasks of few rows or none, through every command, with test doubles for what has weights."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.app.cli import app
from advisor.models import named
from advisor.runtime import built
from advisor.system import PATH_NAMES, Prediction, Request, Usage

from .conftest import Reader, Words

WORDS = [
    "river",
    "stone",
    "cloud",
    "lamp",
    "window",
    "garden",
    "paper",
    "train",
    "silver",
    "market",
    "bridge",
    "winter",
    "copper",
    "velvet",
    "meadow",
]
Call = Callable[..., Any]


class Copier(Reader):
    """A model that says what the last example in its prompt says, else the last word of the first passage."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request)
            said = [turn.text for turn in request.turns if turn.role == "assistant"]
            shown = [line for line in request.turns[-1].text.splitlines() if line.startswith("[1]")]
            text = said[-1] if said else shown[0].split()[-1].strip(".") if shown else "?"
            yield i, Prediction(text, usage=Usage(10, 2))


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In that folder, every model is a `Copier`, and every embedder one by words."""
    model = Copier()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(named, "model_named", lambda name: model)
    monkeypatch.setattr(built, "model_named", lambda name: model)
    monkeypatch.setattr("retrieval.load_embedder", lambda name, cache: Words())


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command line in an empty folder, its results as JSON."""
    stand_in(tmp_path, monkeypatch)

    def run(*arguments: object, **more: str) -> tuple[int, Any]:
        done = CliRunner().invoke(app, [*map(str, arguments), "--json", "--quiet"], **more)  # type: ignore[arg-type]
        assert done.exit_code in (0, 3) and "Traceback" not in done.output, done.output
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return run


def a_row(i: int, kind: str) -> dict[str, Any]:
    words = random.Random(i).sample(WORDS, 6)
    if kind == "labels":
        return {"input": f"{('rainy', 'sunny')[i % 2]} {' '.join(words)}", "output": "ab"[i % 2]}
    if kind == "json":
        return {"input": " ".join(words), "output": json.dumps({"first": words[0]})}
    return {"input": f"When was the mill{i} built?", "output": str(1500 + i)}


def a_task(count: int, kind: str, *, documents: bool = False, test: bool = False) -> Path:
    """The folder of a task of so many rows."""
    folder = Path("task")
    folder.mkdir()
    yaml = "instruction: Do it.\n"
    if kind == "labels":
        (folder / "labels.json").write_text('["a", "b"]')
        yaml += "metric: label_accuracy\n"
    files: dict[str, list[dict[str, Any]]] = {"train.jsonl": [a_row(i, kind) for i in range(count)]}
    others = range(max(200, count), max(200, count) + 20)
    files["test.jsonl"] = [a_row(i, kind) for i in others] if test else []
    files["corpus.jsonl"] = [
        {"_id": f"mill{i}", "text": f"The mill{i} was built in {1500 + i}."}
        for i in range(others.stop if documents else 0)
    ]
    for name, rows in files.items():
        if rows:
            (folder / name).write_text("\n".join(map(json.dumps, rows)))
    (folder / "task.yaml").write_text(yaml)
    return folder


@pytest.mark.parametrize("test", [False, True], ids=["no test", "test"])
@pytest.mark.parametrize("documents", [False, True], ids=["no documents", "documents"])
@pytest.mark.parametrize("kind", ["labels", "json"])
@pytest.mark.parametrize("count", [0, 12, 24, 62])
def test_every_command_goes_through_with_few_rows_or_none(
    call: Call, count: int, kind: str, documents: bool, test: bool
) -> None:
    folder = a_task(count, kind, documents=documents, test=test)
    code, profile = call("profile", folder)
    assert code == 0 and profile["examples"]["test"] == (20 if test else 0)
    assert [one for one in profile["findings"] if one["kind"] == "few_rows"]

    code, diagnosis = call("diagnose", folder)
    measured = count if count >= 16 else 0
    assert (code, bool(diagnosis["probes"])) == (0 if measured else 3, bool(measured))
    assert min(measured, 31) <= diagnosis["examples"] <= measured  # a race may end after its first round
    assert measured or "16 would do" in diagnosis["notes"][0]

    code, advice = call("recommend", folder)
    assert code == (0 if advice["path"] else 3) and {one["path"] for one in advice["ranking"]} == set(PATH_NAMES)

    code, result = call("run", folder)
    if advice["verdict"] == "nothing":  # what the model says is no better than no work at all
        assert (code, result["path"], result["test_items"]) == (3, None, 0) and measured
        assert "Nothing is recommended" in Path(result["run"], "report.md").read_text()
        assert not Path(result["run"], "artifact").exists() and not Path("runs/ledger.jsonl").read_text().count(
            "finalist"
        )
        code, result = call("run", folder, "--path", "prompting")
        assert code == 0 and result["forced"]
    else:
        assert code == (3 if result["provisional"] else 0)
    assert result["path"] == (advice["path"] or advice["provisional"] or "prompting")
    assert (result["measured"], result["test_items"]) == (diagnosis["examples"], 20 if test else 0)
    figures = [result[name] for name in ("baseline", "test", "gain", "verdict")]
    assert (None not in figures) if test else figures == [None] * 4
    report = Path(result["run"], "report.md").read_text()
    told = "16 would do to measure" if not measured else "" if test else "measured, not proven"
    assert told in report and "None" not in report and ("Ledger" in report) is test
    opened = [line for line in Path("runs/ledger.jsonl").read_text().splitlines() if "finalist" in line]
    assert bool(opened) is test

    code, said = call("predict", result["run"], input='{"input": "rainy river"}\n')
    assert code == 0 and said["prediction"]
    assert call("chat", result["run"], input="rainy river\n\n")[0] == 0
    assert call("evaluate", result["run"], folder / "train.jsonl")[1]["n"] == count if count else True


def test_what_documents_answer_is_built_without_a_row_and_said_not_to_be_measured(call: Call) -> None:
    folder = a_task(0, "facts", documents=True)
    with (folder / "task.yaml").open("a") as file:
        file.write("abstain: true\n")
    assert call("recommend", folder)[1]["path"] == "rag"
    code, result = call("run", folder)
    assert (code, result["path"], result["measured"], result["test"]) == (0, "rag", 0, None)
    assert "It always answers" in Path(result["run"], "report.md").read_text()
    code, said = call("predict", result["run"], input='{"input": "When was the mill7 built?"}\n')
    assert said["prediction"] == "1507"


def test_a_path_may_be_asked_for_and_one_that_learns_needs_rows(call: Call) -> None:
    folder = a_task(12, "labels", documents=True)
    assert call("run", folder, "--path", "rag")[1]["forced"]
    done = CliRunner().invoke(app, ["run", str(folder), "--path", "classifier"])
    assert done.exit_code == 2 and "16 are needed" in done.stderr


def test_what_is_built_of_few_rows_learned_from_all_of_them(call: Call) -> None:
    _, result = call("run", a_task(24, "labels"), "--path", "prompting")
    shots = json.loads(Path(result["run"], "artifact", "shots.json").read_text())
    assert len(shots) == 24
    diagnosis = json.loads(Path(result["run"], "diagnosis.json").read_text())
    assert diagnosis["folds"] == 4


def test_a_task_without_rows_or_anything_else_is_refused(call: Call) -> None:
    folder = a_task(0, "facts")
    (folder / "task.yaml").write_text("name: bare\n")
    for command in ("profile", "diagnose", "recommend", "run"):
        done = CliRunner().invoke(app, [command, str(folder)])
        assert done.exit_code == 2 and "no examples" in done.stderr


def test_a_dry_run_without_rows_says_that_nothing_would_be_measured(call: Call) -> None:
    done = CliRunner().invoke(app, ["run", str(a_task(0, "facts", documents=True)), "--dry-run"])
    assert done.exit_code == 0 and "on 0 examples" in done.stdout


@pytest.mark.parametrize(
    ("count", "told"), [(24, "in each fold chosen by the rows of the others"), (12, "too few examples")]
)
def test_instructions_are_compared_in_folds_and_with_fewer_rows_it_is_said_that_they_were_not(
    call: Call, count: int, told: str
) -> None:
    folder = a_task(count, "labels")
    with (folder / "task.yaml").open("a") as file:
        file.write("instructions: [Do it well., Do it again.]\n")
    _, result = call("run", folder, "--path", "prompting")
    tried = json.loads(Path(result["run"], "instructions.json").read_text())["tried"]
    assert [len(one["scored"]) for one in tried] == ([24] * 3 if count == 24 else [0])
    assert told in Path(result["run"], "report.md").read_text()
