"""A whole run over documents without any weights: the steps fit together, and the artifact answers alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from advisor import flow, runfolder
from advisor.errors import CannotError
from advisor.models import named
from advisor.paths.abstaining import Abstaining
from advisor.runtime import built
from advisor.runtime.settings import Settings, parse_budget

PLACES = ("barn", "loft", "mill", "tower", "cellar", "quay")


LONG = parse_budget("2h")  # on any machine enough for all arms


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeper) -> flow.Run:
    """A run of 120 questions about 120 documents, by a model that reads off the last word of the first passage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "model_named", lambda name: keeper.model)
    monkeypatch.setattr(built, "model_named", lambda name: keeper.model)
    monkeypatch.setattr("retrieval.load_embedder", lambda name, cache: keeper.embedder)
    folder = tmp_path / "task"
    folder.mkdir()
    names = [f"{kind}{n}" for n in range(20) for kind in PLACES]
    documents = [{"_id": name, "text": f"The {name} was built in {1500 + i}."} for i, name in enumerate(names)]
    rows = [
        {"input": f"When was the {name} built?", "output": str(1500 + i), "gold": [name]}
        for i, name in enumerate(names)
    ]
    for file, values in (("corpus.jsonl", documents), ("train.jsonl", rows)):
        (folder / file).write_text("\n".join(map(json.dumps, values)), encoding="utf-8")
    (folder / "task.yaml").write_text("metric: exact_match\nabstain: Not in the documents.\n", encoding="utf-8")
    return flow.opened(folder, Settings(budget=LONG, path="rag", said={"data_may_leave": "no"}))


def test_a_run_over_documents_chooses_how_to_search_proves_and_answers_alone(run: flow.Run, tmp_path: Path):
    flow.follow(run)
    assert (run.proof.path, run.proof.test) == ("rag", 100.0)
    assert run.proof.answered and run.proof.answered["test"].share >= 0.9

    assert run.search and run.search.by == "the documents that rows name" and run.search.trials
    assert run.diagnosis and run.diagnosis.recall[0].answer == 1.0
    assert {one.system for one in run.diagnosis.use} >= {"retrieved context", "all documents"}
    abstaining = runfolder.read(run.folder / "abstaining.json", Abstaining)
    assert any(one.below == abstaining.below for one in abstaining.trades)
    text = (run.folder / "report.md").read_text(encoding="utf-8")
    for section in ("How documents are searched", "What was retrieved", "When it says that it does not know"):
        assert f"## {section}" in text

    shutil.rmtree(tmp_path / "task")
    shutil.rmtree(run.folder / "index")
    known, unknown = built.load(run.folder).predict(["When was the mill3 built?", "Who wrote the anthem?"])
    assert known.text == "1520" and known.passages == ("mill3",)
    assert unknown.abstained and unknown.text == "Not in the documents."


def test_the_same_run_again_does_nothing_twice(run: flow.Run, tmp_path: Path):
    first = run.proof
    asked = len(run.model.asked)  # type: ignore[attr-defined]
    again = flow.opened(tmp_path / "task", Settings(budget=LONG, path="rag", said={"data_may_leave": "no"}))
    assert again.proof == first
    assert len(again.model.asked) == asked  # type: ignore[attr-defined]


def test_nothing_of_an_earlier_build_is_left_in_the_artifact(run: flow.Run, tmp_path: Path):
    assert run.build
    fitted = run.folder / "artifact" / "embedder"
    fitted.mkdir()
    (fitted / "modules.json").write_text("of an embedder that was kept then")
    settings = Settings(budget=LONG, path="rag", said={"data_may_leave": "no"}, fresh=True)
    assert flow.opened(tmp_path / "task", settings).build and not fitted.exists()
    assert built.load(run.folder).predict(["When was the mill3 built?"])[0].text == "1520"


def journal(run: flow.Run) -> list[str]:
    """The steps that were done, in the order in which they were."""
    return [json.loads(line)["step"] for line in (run.folder / "journal.jsonl").read_text().splitlines()]


def test_an_edited_rule_or_case_makes_the_recommendation_anew_and_measures_nothing_again(
    run: flow.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def again() -> list[str]:
        other = flow.opened(tmp_path / "task", Settings(budget=LONG, path="rag", said={"data_may_leave": "no"}))
        assert other.folder == run.folder and other.recommendation
        return journal(other)

    assert run.recommendation
    first = journal(run)
    assert again() == first
    rules = flow.load_rules()
    monkeypatch.setattr(flow, "load_rules", lambda: (replace(rules[0], weight=rules[0].weight / 2), *rules[1:]))
    assert again() == [*first, "recommendation"]
    cases = flow.load_cases()
    monkeypatch.setattr(flow, "load_cases", lambda: cases[1:])
    assert again() == [*first, "recommendation", "recommendation"]


def test_another_embedder_of_the_same_name_is_another_run(run: flow.Run, tmp_path: Path, keeper):
    keeper.embedder.fingerprint = "other words"
    assert (
        flow.opened(tmp_path / "task", Settings(budget=LONG, path="rag", said={"data_may_leave": "no"})).folder
        != run.folder
    )


@pytest.mark.parametrize(
    ("whose", "told"), [("model", "the model of reader"), ("embedder", "the embedding model minilm")]
)
def test_an_artifact_whose_base_has_changed_is_refused_by_name(run: flow.Run, keeper, whose: str, told: str):
    assert run.build and built.load(run.folder)
    getattr(keeper, whose).fingerprint = "changed"
    with pytest.raises(CannotError, match=f"has changed since: {told}; run it again"):
        built.load(run.folder)
