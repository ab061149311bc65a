from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import CannotError, InputError
from advisor.paths import search
from advisor.runtime import purse
from advisor.runtime.runtime import Runtime
from advisor.system import Context
from advisor.task import Retrieval, Task


def test_what_is_chosen_and_by_what_is_told_and_applied(zoo: Task, keeper: Runtime, plan):
    value = search.choose(zoo, keeper, plan, 0)
    assert value["by"] == "the documents that rows name" and value["questions"] == len(zoo.split.choose)
    assert sum(one["chosen"] for one in value["trials"]) >= 1 and value["embedder"] is None
    search.apply(value, keeper)
    assert keeper.finder.search(["Where sleeps the lynx?"], 1)[0][0].document == "lynx"


def test_what_was_tried_with_other_sizes_of_passages_is_told_apart(zoo: Task, keeper: Runtime, plan):
    tried = [one["what"] for one in search.choose(zoo, keeper, replace(plan, sizes=2), 0)["trials"]]
    assert len(set(tried)) == len(tried) and sum("passages of 320 tokens" in one for one in tried) == len(tried) / 2


def test_without_named_documents_it_is_chosen_by_accepted_answers(zoo: Task, keeper: Runtime, plan):
    rows = tuple(replace(row, gold=()) for row in zoo.split.choose)
    value = search.choose(replace(zoo, split=replace(zoo.split, choose=rows)), keeper, plan, 0)
    assert value["by"] == "the passages in which accepted answers stand"


def test_answers_that_stand_nowhere_leave_it_to_questions_that_the_model_writes(zoo: Task, keeper: Runtime, plan):
    rows = tuple(replace(row, gold=(), output="nowhere") for row in zoo.split.choose)
    value = search.choose(replace(zoo, split=replace(zoo.split, choose=rows)), keeper, plan, 0)
    assert value["by"] == "questions that the model wrote about passages"
    assert all("<passages>" in request.turns[-1].text for request in keeper.model.asked)  # type: ignore[attr-defined]


def test_a_fitted_embedder_is_kept_only_where_it_wins_by_more_than_chance():
    assert search.wins(np.array([0.2, 0.1, 0.3, 0.2]))
    assert not search.wins(np.array([0.5, -0.5, 0.4, -0.3]))
    assert not search.wins(np.zeros(10))


def test_a_fresh_run_fits_the_embedder_anew_and_others_take_up_what_is_there(
    zoo: Task, keeper: Runtime, plan, monkeypatch: pytest.MonkeyPatch
):
    there: list[bool] = []

    def fit(model: str, pairs: object, folder: Path, *_: object) -> Path:
        there.append(folder.exists())
        (folder / "model").mkdir(parents=True, exist_ok=True)
        return folder / "model"

    embedder = keeper.finder.embedder
    monkeypatch.setattr("trainers.tune_embedding", fit)
    monkeypatch.setattr(search, "located", str)
    monkeypatch.setattr(keeper.finder, "load", lambda name: embedder)
    monkeypatch.setattr(purse, "LEAST_PAIRS", 5)
    for fresh in (False, False, True, False):
        keeper.fresh = fresh
        assert search.choose(zoo, keeper, replace(plan, pairs=10), 0)["embedder"]
    assert there == [False, True, False, True]


def test_an_embedder_that_is_gone_is_told(zoo: Task, keeper: Runtime, plan):
    fitted = {"folder": "embedders/x", "kept": True, "settings": {}, "k": 1}
    with pytest.raises(InputError, match="--fresh"):
        search.apply({"embedder": fitted}, keeper)


def test_an_index_in_milvus_lite_finds_the_same(zoo: Task, keeper: Runtime, tmp_path: Path):
    pytest.importorskip("milvus_lite")
    other = Runtime("reader", tmp_path / "runs" / "milvus", (), zoo.documents, how=Retrieval("milvus.db"))
    other.folder.mkdir(parents=True)
    other.finder.embedder = keeper.finder.embedder  # type: ignore[misc]
    asked = [row.input for row in zoo.split.test]
    assert other.finder.search(asked, 1) == keeper.finder.search(asked, 1)
    assert (other.folder / "milvus.db").exists()


def test_what_an_artifact_holds_is_enough_to_find(zoo: Task, keeper: Runtime, tmp_path: Path):
    keeper.finder.save(keeper.folder / "artifact")
    alone = Runtime("reader", keeper.folder)
    alone.finder.embedder = keeper.finder.embedder  # type: ignore[misc]
    shown = alone.finder.passages(Context("retrieved", 1), zoo.split.test)
    assert [row[0].document for row in shown] == [row.id for row in zoo.split.test]


def test_an_index_of_another_embedder_is_built_again_in_a_run_and_refused_in_an_artifact(zoo: Task, keeper: Runtime):
    class Other:
        fingerprint = "other"
        __call__ = staticmethod(keeper.finder.embedder)

    _ = keeper.finder.index
    keeper.finder.save(keeper.folder / "artifact")
    again = Runtime("reader", keeper.folder, (), zoo.documents)
    again.finder.embedder = Other()  # type: ignore[misc]
    assert again.finder.search(["Where sleeps the stoat?"], 1)[0][0].document == "stoat"
    alone = Runtime("reader", keeper.folder)
    alone.finder.embedder = Other()  # type: ignore[misc]
    with pytest.raises(CannotError, match="another embedder"):
        alone.finder.search(["x"], 1)
