"""The index: built, searched, saved and loaded with the real embedder."""

import gc
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval import Changes, Document, Embedder, Index, IndexDamaged, IndexMismatch, SearchSettings

FAQ = [
    Document("pets", "Dogs and cats are welcome for a small charge.", "Hotel Alder"),
    Document("parking", "You can leave your car in the garage next door.", "Hotel Alder"),
    Document("breakfast", "The morning buffet is served from seven to ten.", "Hotel Alder"),
    Document("code", "Error E4711 means that the pump is blocked.", "Manual"),
]


class Other:
    """Another embedder."""

    fingerprint = "another"

    def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        """Never asked."""
        raise AssertionError


@pytest.fixture(scope="module")
def index(minilm: Embedder) -> Index:
    return Index.build(FAQ, minilm)


def test_a_paraphrase_and_a_rare_word_both_find_their_passage(index: Index) -> None:
    rows = index.search(["May I bring my puppy?", "Where do I park?", "E4711", "When can I eat?"], k=2)
    assert [hits[0].passage.document for hits in rows] == ["pets", "parking", "code", "breakfast"]


def test_hits_are_sorted_and_no_more_than_there_are_passages(index: Index) -> None:
    [hits] = index.search(["breakfast"], k=50)
    assert len(hits) == len(FAQ) == len({hit.passage.id for hit in hits})
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert index.search([], k=3) == [] and index.search(["x"], k=0) == [[]]


def test_a_query_finds_the_same_alone_and_among_others(index: Index) -> None:
    queries = [f"question {n} about the garage" for n in range(30)]
    for hits, query in zip(index.search(queries, 4), queries, strict=True):
        [alone] = index.search([query], 4)
        assert [hit.passage.id for hit in hits] == [hit.passage.id for hit in alone]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone], abs=1e-3)


def test_equal_passages_come_in_the_order_of_the_documents(minilm: Embedder) -> None:
    same = Index.build([Document(id, "Same text.") for id in "cab"], minilm)
    assert [hit.passage.id for hit in same.search(["same"], 3)[0]] == ["c", "a", "b"]


def test_only_passages_with_the_wanted_facts_are_found(index: Index) -> None:
    [hits] = index.search(["May I bring my puppy?"], 4, where={"title": "Manual"})
    assert [hit.passage.id for hit in hits] == ["code"]
    assert index.search(["puppy"], 4, where={"title": "Nowhere"}) == [[]]


def test_the_settings_of_an_index_are_saved_and_used(minilm: Embedder, tmp_path: Path) -> None:
    words = SearchSettings(share=0)
    Index.build(FAQ, minilm, words).save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index", minilm)
    assert loaded.settings == words
    assert loaded.search(["a puppy"], 4) == loaded.search(["a puppy"], 4, words)
    assert loaded.search(["a puppy"], 4) != loaded.search(["a puppy"], 4, SearchSettings())


def test_an_index_of_nothing_finds_nothing(minilm: Embedder, tmp_path: Path) -> None:
    Index.build([], minilm).save(tmp_path / "index")
    assert Index.load(tmp_path / "index", minilm).search(["anything"], 3) == [[]]


def test_what_was_saved_is_loaded_and_replaced_whole(index: Index, minilm: Embedder, tmp_path: Path) -> None:
    folder = tmp_path / "artifact" / "index"
    Index.build(FAQ[:1], minilm).save(folder)
    index.save(folder)
    loaded = Index.load(folder, minilm)
    assert loaded.passages == index.passages and loaded.fingerprint == index.fingerprint
    assert loaded.search(["puppy", "car"], 4) == index.search(["puppy", "car"], 4)
    assert sum(path.is_dir() for path in folder.iterdir()) == 1
    assert [p.name for p in folder.parent.iterdir()] == ["index"]


def test_an_index_that_was_never_saved_leaves_nothing_behind(
    minilm: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    updated = Index.build(FAQ[:2], minilm).update(FAQ)
    assert updated.search(["puppy"], 1)[0][0].passage.id == "pets" and any(tmp_path.iterdir())
    del updated
    gc.collect()
    assert not any(tmp_path.iterdir())


def test_the_fingerprint_follows_the_content(index: Index, minilm: Embedder) -> None:
    assert Index.build(FAQ, minilm).fingerprint == index.fingerprint
    assert Index.build(FAQ[:3], minilm).fingerprint != index.fingerprint


def test_an_index_of_another_embedder_is_refused(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path / "index")
    with pytest.raises(IndexMismatch, match=r"another embedder.*build the index again"):
        Index.load(tmp_path / "index", Other())
    with pytest.raises(IndexMismatch, match=r"another embedder.*build the index again"):
        Index.open(tmp_path / "index", FAQ, Other())


def damaged(folder: Path, what: str) -> None:
    """Cut a file of the index short, or take it away."""
    if what == "empty meta":
        (folder / "meta.json").write_text(json.dumps([]))
    else:
        name, _, how = what.partition(" ")
        [file] = folder.rglob(name)
        content = file.read_bytes()
        file.unlink()  # and not written over: the index in memory may share it
        if how != "missing":
            file.write_bytes(content[:-9])


DAMAGES = [
    "passages.jsonl",
    "vectors.faiss",
    "meta.json",
    "vectors.faiss missing",
    "empty meta",
    "order-*",
    "rows.npy",
    "sha256.json",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_refused_and_built_again_where_there_are_documents(
    index: Index, minilm: Embedder, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "index"
    index.save(folder)
    damaged(folder, damage)
    with pytest.raises(IndexDamaged, match="build it again"):
        Index.load(folder, minilm)
    repaired, changes = Index.open(folder, FAQ, minilm)
    assert changes.repaired and "built again what was damaged" in str(changes)
    assert (
        repaired.search(["puppy"], 4) == Index.load(folder, minilm).search(["puppy"], 4) == index.search(["puppy"], 4)
    )


def test_opening_builds_then_only_adds_and_removes_what_changed(minilm: Embedder, tmp_path: Path) -> None:
    seen: list[str] = []

    class Counting:
        fingerprint = minilm.fingerprint

        def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
            if not query:
                seen.extend(texts)
            return minilm(texts, query=query)

    changed = replace(FAQ[1], text="There is no car park here.")
    steps: list[tuple[list[Document], Changes]] = [
        (FAQ, Changes(added=4)),
        (FAQ, Changes(kept=4)),
        (FAQ[1:], Changes(kept=3, removed=1)),
        ([changed, *FAQ[2:]], Changes(kept=2, added=1, removed=1)),
        (FAQ[::-1], Changes(kept=2, added=2, removed=1)),
    ]
    encoded = [4, 4, 4, 5, 7]
    for (documents, expected), count in zip(steps, encoded, strict=True):
        index, changes = Index.open(tmp_path / "index", documents, Counting())
        assert changes == expected and len(seen) <= count
        fresh = Index.build(documents, minilm)
        asked = ["puppy", "car park", "E4711", "food"]
        assert index.fingerprint == fresh.fingerprint and index.passages == fresh.passages
        assert index.search(asked, 4) == fresh.search(asked, 4)
        assert Index.load(tmp_path / "index", minilm).search(asked, 4) == fresh.search(asked, 4)
    assert str(changes) == "documents: 2 kept, 2 added, 1 removed"


def test_progress_is_told_in_documents(minilm: Embedder) -> None:
    told: list[tuple[str, int, int]] = []
    Index.build(FAQ, minilm, watch=lambda *progress: told.append(progress))
    assert told == [("index", 4, 4)]


def test_opening_with_other_settings_keeps_the_segments(minilm: Embedder, tmp_path: Path) -> None:
    Index.open(tmp_path / "index", FAQ, minilm)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.faiss")}
    index, changes = Index.open(tmp_path / "index", FAQ, minilm, SearchSettings(share=0))
    assert not changes and index.settings == Index.load(tmp_path / "index", minilm).settings == SearchSettings(share=0)
    assert Index.open(tmp_path / "index", FAQ, minilm)[0].settings == SearchSettings(share=0)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.faiss")}


def test_another_passage_size_splits_all_documents_again(minilm: Embedder, tmp_path: Path) -> None:
    documents = [Document("long", " ".join(f"Sentence {n} of the text." for n in range(40)))]
    Index.open(tmp_path / "index", documents, minilm)
    index, changes = Index.open(tmp_path / "index", documents, minilm, budget=40)
    assert len(index.passages) > len(Index.build(documents, minilm).passages) and changes.added == changes.removed == 1
    assert Index.load(tmp_path / "index", minilm).update(documents).passages == index.passages


KILLED = """
import signal, sys
from pathlib import Path
from retrieval import Document, Index
import numpy as np

class Stub:
    fingerprint = "stub"
    def __call__(self, texts, *, query=False):
        return np.ones((len(texts), 4), np.float32) / 2

import os
last, calls = int(sys.argv[2]), 0
def stop(event, arguments):  # dies at the n-th change of the disk
    global calls
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree") and "index" in str(arguments[0]):
        if event == "open" and not ("w" in str(arguments[1]) or arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        calls += 1
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(stop)
Index.open(Path(sys.argv[1]), [Document(str(n), f"text {n}") for n in range(2000, 3000)], Stub())
print(calls)
"""


class Stub:
    """An embedder that finds all alike."""

    fingerprint = "stub"

    def __call__(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        """Return one vector for all."""
        return np.ones((len(texts), 4), np.float32) / 2


def test_an_index_that_an_earlier_version_made_is_never_mixed_with_this_one(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    made, _ = Index.open(folder, FAQ, Stub())
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "format": meta["format"] - 1}))
    with pytest.raises(IndexDamaged, match="another version of this program"):
        Index.load(folder, Stub())
    again, changes = Index.open(folder, [*FAQ, Document("new", "Something new.")], Stub())
    assert (changes.kept, changes.added) == (0, 5) and "another version" in str(changes)
    assert not {part.name for part in again.segments} & {part.name for part in made.segments}


def test_a_kill_at_any_moment_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    old, new = ([Document(str(n), f"text {n}") for n in range(start, start + 1000)] for start in (0, 2000))
    prints = {Index.build(documents, Stub()).fingerprint for documents in (old, new)}
    total = int(subprocess.check_output([sys.executable, "-c", KILLED, str(tmp_path / "whole-index"), "0"], text=True))
    left = set()
    for last in [*range(2, total, 5), total - 1]:
        Index.open(folder, old, Stub())
        subprocess.run([sys.executable, "-c", KILLED, str(folder), str(last)], check=False)
        left.add(Index.load(folder, Stub()).fingerprint)
    assert left <= prints and total > 15
    assert str(Index.open(folder, new, Stub())[1]).startswith("documents: 1,000")
    assert sum(path.is_dir() for path in folder.iterdir()) == 1


OPENING = """
import sys
from pathlib import Path
from retrieval import Document, Index
import numpy as np

class Stub:
    fingerprint = "stub"
    def __call__(self, texts, *, query=False):
        return np.ones((len(texts), 4), np.float32) / 2

folder, start, enough = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
for n in range(10_000):
    if enough.exists():
        break
    Index.open(folder, [Document(str(m), f"text {m}") for m in range(start + n % 8, start + n % 8 + 50)], Stub())
"""


def test_readers_find_a_whole_index_while_others_write(tmp_path: Path) -> None:
    folder, enough = tmp_path / "index", tmp_path / "enough"
    Index.open(folder, [Document(str(n), f"text {n}") for n in range(50)], Stub())
    command = [sys.executable, "-c", OPENING, str(folder)]
    writers = [subprocess.Popen([*command, start, str(enough)]) for start in ("0", "100")]
    seen = set()
    while len(seen) < 5 and all(writer.poll() is None for writer in writers):
        index = Index.load(folder, Stub())
        assert len(index.search(["text"], 50)[0]) == 50
        seen.add(index.fingerprint)
    enough.touch()
    assert [writer.wait() for writer in writers] == [0, 0] and len(seen) == 5


def test_an_index_that_somebody_sent_opens_no_other_place_than_the_one_it_should(tmp_path: Path) -> None:
    Index.open(tmp_path / "index", FAQ, Stub())
    assert Index.load(tmp_path / "index", Stub(), "faiss").search(["puppy"], 1)
    meta = json.loads((tmp_path / "index" / "meta.json").read_text())
    for elsewhere in ("http://127.0.0.1:9", "../../milvus.db"):
        (tmp_path / "index" / "meta.json").write_text(json.dumps({**meta, "vectors": elsewhere}))
        with pytest.raises(IndexMismatch, match="not in 'faiss'"):
            Index.load(tmp_path / "index", Stub(), "faiss")
    for name in ("..", "", "a/b"):
        (tmp_path / "index" / "meta.json").write_text(json.dumps({**meta, "segments": {name: ""}}))
        with pytest.raises(IndexMismatch, match="outside of it"):
            Index.load(tmp_path / "index", Stub(), "faiss")
