"""The vectors of a segment: every kind of FAISS index behind the protocol, and Milvus Lite."""

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.index.stores import store
from retrieval.search import faissfile, vectors
from retrieval.search.vectors import Raw, Vectors

COUNT, SIZE = 3000, 16


@pytest.fixture(scope="module")
def given() -> NDArray[np.float32]:
    """Vectors of unit length."""
    drawn = np.random.default_rng(0).standard_normal((COUNT, SIZE)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture(scope="module", params=["flat", "hnsw", "ivf", "milvus"])
def kept(
    request: pytest.FixtureRequest, given: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory
) -> Vectors:
    """The vectors in each kind of store, written and opened again."""
    folder = tmp_path_factory.mktemp("vectors")
    given.tofile(folder / "raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "BATCH", 1000)
        patch.setattr(faissfile, "FLAT", COUNT if request.param == "flat" else 0)
        patch.setattr(faissfile, "HNSW", 0 if request.param == "ivf" else COUNT)
        keeper = store(str(folder / "milvus.db") if request.param == "milvus" else "faiss")
        keeper.write(folder, Raw(folder / "raw", SIZE))
        return keeper.open(folder)


def test_the_nearest_are_found(kept: Vectors, given: NDArray[np.float32]) -> None:
    nearest = kept.search(given[:50], 10)
    exact = np.argsort(-(given[:50] @ given.T), axis=1)[:, :10]
    assert len(kept) == COUNT
    own = nearest.positions[:, 0] == np.arange(50)
    assert own.mean() >= 0.98 and nearest.scores[own, 0] == pytest.approx(1, abs=1e-3)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(nearest.positions, exact, strict=True)]) >= 9.5


@pytest.mark.parametrize("share", [0.9, 0.02])
def test_only_allowed_rows_are_found_however_few(kept: Vectors, given: NDArray[np.float32], share: float) -> None:
    allowed = np.random.default_rng(1).random(COUNT) < share
    allowed[:20] = False
    nearest = kept.search(given[:20], 10, allowed)
    assert allowed[nearest.positions].all()
    exact = np.argsort(-np.where(allowed, given[:20] @ given.T, -np.inf), axis=1)[:, :10]
    assert np.mean([len(set(a) & set(b)) for a, b in zip(nearest.positions, exact, strict=True)]) >= 9.5


def test_where_fewer_are_allowed_the_last_places_are_empty(kept: Vectors, given: NDArray[np.float32]) -> None:
    allowed = np.zeros(COUNT, bool)
    allowed[[5, 7]] = True
    assert sorted(kept.search(given[5:6], 4, allowed).positions[0].tolist()) == [-1, -1, 5, 7]
    assert kept.search(given[5:6], 2, np.zeros(COUNT, bool)).positions.tolist() == [[-1, -1]]


def test_vectors_come_back(kept: Vectors, given: NDArray[np.float32]) -> None:
    rows = np.array([2999, 0, 17])
    assert np.allclose(kept.get(rows), given[rows], atol=1e-3)


def test_the_number_decides_the_kind() -> None:
    assert [faissfile.kind(count) for count in (1, 10_000, 10_001, 4_000_000, 5_000_000)] == [
        "Flat",
        "Flat",
        "HNSW32,SQfp16",
        "HNSW32,SQfp16",
        "IVF8192,SQfp16",
    ]
