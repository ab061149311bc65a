from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.errors import CannotError, InputError
from advisor.runtime.finder import Finder, Fitted, Search, of_artifact, over_documents
from advisor.runtime.runtime import Runtime
from advisor.system import Context
from advisor.task import Example, Retrieval, Task
from retrieval import Document, Index, SearchSettings

from ..conftest import Words


def test_a_query_is_searched_and_read_again_once_however_many_passages_are_wanted(
    keeper: Runtime, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    told: list[tuple[str, int, int]] = []
    whole = Index.search

    def search(self: Index, queries: Sequence[str], *rest: object, **more: object):
        asked.extend(queries)
        return whole(self, queries, *rest, **more)  # type: ignore[arg-type]

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        return [float("otter" in text) for text in texts]

    monkeypatch.setattr(Index, "search", search)
    finder = replace(keeper.finder, reranker=read, watch=lambda *one: told.append(one))
    first = finder.search(["Where sleeps the lynx?", "Where sleeps the adder?"], 2)
    again = finder.search(["Where sleeps the adder?"], 5)
    assert asked == ["Where sleeps the lynx?", "Where sleeps the adder?"]
    assert again[0][:2] == first[1] and len(again[0]) == 5 and "otter" in {p.document for p in again[0]}
    assert [one for one in told if one[0] == "read again what was found"] == [
        ("read again what was found", 1, 2),
        ("read again what was found", 2, 2),
    ]


def test_an_embedder_that_is_gone_is_told(zoo: Task, tmp_path: Path):
    fitted = Fitted(10, "embedders/x", 0.5, 0.6, True, SearchSettings(), 1, 2.0)
    with pytest.raises(InputError, match="--fresh"):
        over_documents(zoo.documents, tmp_path / "run", zoo.retrieval, Search(embedder=fitted), Words())
    dropped = Search(embedder=replace(fitted, kept=False))
    assert over_documents(zoo.documents, tmp_path / "run", zoo.retrieval, dropped, Words()).fitted is None


def test_an_index_in_milvus_lite_finds_the_same(zoo: Task, keeper: Runtime, tmp_path: Path):
    pytest.importorskip("milvus_lite")
    folder = tmp_path / "runs" / "milvus"
    folder.mkdir(parents=True)
    other = over_documents(zoo.documents, folder, Retrieval(index="milvus.db"), Search(), Words())
    asked = [row.input for row in zoo.split.test]
    assert other.search(asked, 1) == keeper.finder.search(asked, 1)
    assert (folder / "milvus.db").exists()


def test_as_many_passages_are_shown_as_the_task_says(tmp_path: Path):
    documents = [Document(f"d{i}", f"Burrow {i} is empty.") for i in range(60)]
    folder = tmp_path / "runs" / "burrows"
    folder.mkdir(parents=True)
    finder = over_documents(documents, folder, Retrieval(k=40), Search(), Words())
    asked = [Example("1", "Which burrow is empty?", "7")]
    assert finder.k == 40
    for k in (10, 40, 60, 40):
        (shown,) = finder.passages(Context("retrieved", k), asked)
        assert len({passage.document for passage in shown}) == k
    assert len(finder.search(["Is burrow 3 empty?"], 100)[0]) == 60


def test_the_oracle_shows_passages_in_which_an_answer_stands_by_its_words(tmp_path: Path):
    documents = [
        Document("north", "It lies in the north, and was built in 1924."),
        Document("rooms", "It has 24 rooms. No, not one is free."),
        Document("named", "All of them are taken.", title="Room 24"),
    ]
    folder = tmp_path / "runs" / "rooms"
    folder.mkdir(parents=True)
    finder = over_documents(documents, folder, Retrieval(), Search(), Words())

    def shown(answer: str, *gold: str) -> list[str]:
        return [passage.document for passage in finder.oracle(Example("1", "q", answer, gold=gold), 3)]

    assert shown("24") == ["rooms", "named"]
    assert shown("no") == ["rooms"] and shown("never") == []
    assert shown("24", "north", "named") == ["named", "north"]


def alone(keeper: Runtime, embedder: Words) -> Finder:
    return of_artifact(keeper.folder / "artifact", Retrieval(), embedder, None, keeper.watch)


def test_what_an_artifact_holds_is_enough_to_find(zoo: Task, keeper: Runtime):
    keeper.finder.save(keeper.folder / "artifact")
    shown = alone(keeper, Words()).passages(Context("retrieved", 1), zoo.split.test)
    assert [row[0].document for row in shown] == [row.gold[0] for row in zoo.split.test]


def test_an_index_of_another_embedder_is_built_again_in_a_run_and_refused_in_an_artifact(zoo: Task, keeper: Runtime):
    class Other(Words):
        fingerprint = "other"

    assert keeper.finder.changes == ""
    keeper.finder.save(keeper.folder / "artifact")
    assert "10 added" in keeper.finder.changes
    again = over_documents(zoo.documents, keeper.folder, zoo.retrieval, Search(), Other())
    assert again.search(["Where sleeps the stoat?"], 1)[0][0].document == "stoat"
    with pytest.raises(CannotError, match="another embedder"):
        alone(keeper, Other()).search(["x"], 1)
