"""A whole run over documents without any weights: the steps fit together, and the artifact answers alone."""

import json
import shutil
from pathlib import Path

import pytest

from advisor import flow, runfolder
from advisor.models import local
from advisor.runtime import built
from advisor.runtime.settings import Settings
from advisor.show import report

PLACES = ("barn", "loft", "mill", "tower", "cellar", "quay")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeper) -> flow.Run:
    """A run of 120 questions about 120 documents, by a model that reads off the last word of the first passage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "load", lambda name: keeper.model)
    monkeypatch.setattr("retrieval.load_embedder", lambda name, cache: keeper.finder.embedder)
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
    return flow.opened(folder, Settings(path="rag", said={"data_may_leave": "no"}))


def test_a_run_over_documents_chooses_how_to_search_proves_and_answers_alone(run: flow.Run, tmp_path: Path):
    result = run.prove()
    assert (result["path"], result["test"]) == ("rag", 100.0)
    assert result["answered"]["test"]["share"] >= 0.9

    searched = runfolder.read(run.folder / "retrieval.json")
    assert searched["by"] == "the documents that rows name" and searched["trials"]
    found = runfolder.read(run.folder / "diagnosis.json")
    assert found["recall"][0]["answer"] == 1.0 and {one["system"] for one in found["use"]} >= {
        "retrieved context",
        "all documents",
    }
    abstaining = runfolder.read(run.folder / "abstaining.json")
    assert any(one["below"] == abstaining["below"] for one in abstaining["trades"])
    text = report.write(run.folder)[0].read_text(encoding="utf-8")
    for section in ("How documents are searched", "What was retrieved", "When it says that it does not know"):
        assert f"## {section}" in text

    shutil.rmtree(tmp_path / "task")
    shutil.rmtree(run.folder / "index")
    known, unknown = built.load(run.folder).predict(["When was the mill3 built?", "Who wrote the anthem?"])
    assert known.text == "1520" and known.passages == ("mill3",)
    assert unknown.abstained and unknown.text == "Not in the documents."


def test_the_same_run_again_does_nothing_twice(run: flow.Run, tmp_path: Path):
    first = run.prove()
    asked = len(run.runtime.model.asked)  # type: ignore[attr-defined]
    again = flow.opened(tmp_path / "task", Settings(path="rag", said={"data_may_leave": "no"}))
    assert again.prove() == first
    assert len(again.runtime.model.asked) == asked  # type: ignore[attr-defined]
