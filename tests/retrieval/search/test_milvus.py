"""An index whose vectors lie in Milvus Lite."""

import sys
from pathlib import Path

import pytest

from retrieval import Document, Embedder, Index
from retrieval.index.stores import store
from retrieval.search.milvus import Milvus, MilvusUnavailable

DOCUMENTS = [
    Document(f"d{n}", text)
    for n, text in enumerate(["Dogs are welcome.", "The garage is next door.", "Breakfast from seven."])
]


def test_an_index_finds_updates_and_loads_as_with_faiss(minilm: Embedder, tmp_path: Path) -> None:
    where, folder = str(tmp_path / "milvus.db"), tmp_path / "index"
    Index.open(folder, DOCUMENTS, minilm, vectors=where)
    asked = ["May I bring my puppy?", "Where can I park?"]
    for documents in (DOCUMENTS, DOCUMENTS[1:], [*DOCUMENTS[1:], Document("new", "Puppies sleep in the barn.")]):
        index, changes = Index.open(folder, documents, minilm, vectors=where)
        assert changes.kept == min(len(documents), 2 if changes else 3)
        expected = Index.build(documents, minilm).search(asked, 3)
        for rows in (index.search(asked, 3), Index.load(folder, minilm).search(asked, 3)):
            assert [[hit.passage for hit in hits] for hits in rows] == [[h.passage for h in hits] for hits in expected]
    keeper = store(where)
    assert isinstance(keeper, Milvus)
    assert len(keeper.client.list_collections()) == len(index.segments)


def test_a_collection_that_is_gone_is_built_again_and_that_is_said(minilm: Embedder, tmp_path: Path) -> None:
    where, folder = str(tmp_path / "milvus.db"), tmp_path / "index"
    Index.open(folder, DOCUMENTS, minilm, vectors=where)
    client = Milvus(where).client
    for name in client.list_collections():
        client.drop_collection(name)
    index, changes = Index.open(folder, DOCUMENTS, minilm, vectors=where)
    assert changes.added == 3 and "is not in" in changes.repaired
    assert index.search(["puppy"], 1)[0][0].passage.id == "d0"


def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MilvusUnavailable, match=r"pip install 'advisor\[milvus\]'"):
        store("milvus.db")


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(MilvusUnavailable, match=r"no Milvus at 'http://127.0.0.1:1'"):
        store("http://127.0.0.1:1")
