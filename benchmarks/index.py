"""Our index of a million passages beside raw FAISS with the same kind of index.

Vectors are read from a file, so that encoding counts on neither side. Each side works in a process of its own; queries
are asked in turns. Finished parts are kept in `--folder` and skipped when this is run again; `--fresh` starts over,
but for the encoded passages.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from advisor.runfolder import forget, step
from benchmarks.flags import given
from benchmarks.passages import ASKED, VECTORS, Corpus, Stored, prepare
from benchmarks.workers import Worker, key, machine, peak_resident, versions
from retrieval.search.faissfile import BUILD_WIDTH, SEARCH_WIDTH, kind

REAL, QUESTIONS = 50_000, 500  # encoded passages, and questions
REPLACED = 100  # an update puts another document in the place of every hundredth
K, ROUND, ROUNDS = 10, 100, 10  # passages found; queries of a side's turn, and turns
BATCH = 16_384

Figures = dict[str, Any]


def made(pipe: Connection, data: Path, folder: Path, count: int) -> None:
    """The side that encodes and makes vectors, and finds each question's nearest by comparing with all of them."""
    pipe.recv()
    prepare(data, folder, min(REAL, count), count + count // REPLACED, QUESTIONS)
    asked = np.load(folder / ASKED)
    best = np.full((len(asked), K), -np.inf, np.float32)
    nearest = np.full((len(asked), K), -1)
    with (folder / VECTORS).open("rb") as file:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            some = np.fromfile(file, np.float32, size * asked.shape[1]).reshape(size, -1)
            scores = np.concatenate([best, asked @ some.T], axis=1)
            rows = np.concatenate(
                [nearest, np.broadcast_to(np.arange(start, start + size), (len(asked), size))], axis=1
            )
            top = np.argpartition(-scores, K, axis=1)[:, :K]
            best, nearest = np.take_along_axis(scores, top, 1), np.take_along_axis(rows, top, 1)
    pipe.send({"exact": nearest.tolist(), "dimensions": asked.shape[1]})


def ours_built(pipe: Connection, folder: Path, count: int) -> None:
    """The side that builds our index."""
    from retrieval import Index

    corpus, embedder, target = Corpus(folder, range(count)), Stored(folder), folder / "index"
    shutil.rmtree(target, ignore_errors=True)
    pipe.recv()
    since = time.perf_counter()
    Index.open(target, corpus, embedder)
    seconds = time.perf_counter() - since
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    pipe.send({"seconds": seconds, "memory": peak_resident(), "disk": size / 1e6})


def ours_updated(pipe: Connection, folder: Path, count: int) -> None:
    """The side that brings a copy of our index up to date."""
    from retrieval import Index

    target = folder / "updated"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder / "index", target, copy_function=os.link)
    numbers = np.arange(count)
    numbers[::REPLACED] = np.arange(count, count + len(numbers[::REPLACED]))
    corpus = Corpus(folder, numbers.tolist())
    embedder = Stored(folder, count)
    pipe.recv()
    since = time.perf_counter()
    _, changes = Index.open(target, corpus, embedder)
    pipe.send({"seconds": time.perf_counter() - since, "changes": str(changes), "memory": peak_resident()})


def raw_built(pipe: Connection, folder: Path, count: int, dimensions: int) -> None:
    """The side that builds a FAISS index of the same kind."""
    import faiss

    pipe.recv()
    since = time.perf_counter()
    index = faiss.index_factory(dimensions, kind(count), faiss.METRIC_INNER_PRODUCT)
    if hasattr(index, "hnsw"):
        index.hnsw.efConstruction = BUILD_WIDTH
    with (folder / VECTORS).open("rb") as file:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            index.add(np.fromfile(file, np.float32, size * dimensions).reshape(size, dimensions))
    faiss.write_index(index, str(folder / "raw.faiss"))
    seconds = time.perf_counter() - since
    size = (folder / "raw.faiss").stat().st_size
    pipe.send({"seconds": seconds, "memory": peak_resident(), "disk": size / 1e6})


def ours_asked(pipe: Connection, folder: Path, name: str) -> None:
    """The side that searches our index by meaning."""
    from retrieval import Index

    embedder = Stored(folder)
    index = Index.load(folder / name, embedder)
    _asked(pipe, list(embedder.queries), lambda query: index.meaning([query], K).positions[0])


def hybrid_asked(pipe: Connection, folder: Path) -> None:
    """The side that searches our index by words and meaning."""
    from retrieval import Index

    embedder = Stored(folder)
    index = Index.load(folder / "index", embedder)
    _asked(pipe, list(embedder.queries), lambda query: [hit.passage.id for hit in index.search([query], K)[0]])


def raw_asked(pipe: Connection, folder: Path) -> None:
    """The side that searches the FAISS index."""
    import faiss

    index = faiss.read_index(str(folder / "raw.faiss"))
    if hasattr(index, "hnsw"):
        index.hnsw.efSearch = SEARCH_WIDTH
    vectors = np.load(folder / ASKED)
    _asked(pipe, [vector[None] for vector in vectors], lambda query: index.search(query, K)[1][0])


def _asked(pipe: Connection, queries: Sequence[Any], search: Callable[[Any], Any]) -> None:
    """Answer (threads, first, last) with the milliseconds of each query, and what it found."""
    import faiss

    faiss.omp_set_num_threads(1)

    def one(query: Any) -> tuple[float, list[Any]]:
        since = time.perf_counter()
        found = search(query)
        return 1000 * (time.perf_counter() - since), list(map(str, found))

    while True:
        threads, start, end = pipe.recv()
        some = [queries[i % len(queries)] for i in range(start, end)]
        if threads == 1:
            pipe.send(list(map(one, some)))
        else:
            with ThreadPoolExecutor(threads) as pool:
                pipe.send(list(pool.map(one, some)))


def timed(folder: Path, sides: dict[str, tuple[Callable[..., None], tuple[Any, ...]]]) -> Figures:
    """Of each side: milliseconds of every query with one and two threads, in turns, and what was found."""
    outcome: Figures = {name: {"1": [], "2": [], "found": []} for name in sides}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(side, folder, *args)) for name, (side, args) in sides.items()}
        for worker in workers.values():
            worker.ask((1, 0, ROUND))  # what the first queries read stays in memory
        for turn in range(ROUNDS):
            for threads in (1, 2):
                for name, worker in workers.items():
                    answers = worker.ask((threads, turn * ROUND, (turn + 1) * ROUND))
                    outcome[name][str(threads)] += [milliseconds for milliseconds, _ in answers]
                    outcome[name]["found"] += [found for _, found in answers] if threads == 1 else []
    return outcome


def recall(found: Sequence[Sequence[str]], exact: Sequence[Sequence[int]]) -> float:
    """The share of the nearest that was found."""
    shares = [len(set(some) & set(map(str, exact[i % len(exact)]))) / K for i, some in enumerate(found)]
    return float(np.mean(shares))


def main() -> None:
    """Print the table, then one JSON line."""
    asked = given("index", __doc__, forget, vectors={"type": int, "default": 1_000_000, "help": "how many"})
    folder, count = asked.folder, asked.vectors
    mark = key(count, packages=("retrieval", "benchmarks"))

    def part(name: str, side: Callable[..., None], *args: Any) -> Figures:
        def work() -> Figures:
            with Worker(side, *args) as worker:
                figures: Figures = worker.ask(None)
                return figures

        return step(folder, name, mark, Figures, work)

    print(
        f"{count:,} vectors, {min(REAL, count):,} of them encoded passages of the tasks in {asked.data}, {kind(count)}"
    )
    print(machine())
    print(versions("faiss-cpu", "numpy"))
    corpus = part("corpus", made, asked.data, folder, count)
    ours = part("ours", ours_built, folder, count)
    raw = part("raw", raw_built, folder, count, corpus["dimensions"])
    update = part("update", ours_updated, folder, count)
    sides = {
        "ours": (ours_asked, ("index",)),
        "raw FAISS": (raw_asked, ()),
        "ours, updated": (ours_asked, ("updated",)),
        "ours, with words": (hybrid_asked, ()),
    }
    latency = step(folder, "latency", mark, Figures, lambda: timed(folder, sides))
    show(count, corpus, {"ours": ours, "raw FAISS": raw}, update, latency)


def show(count: int, corpus: Figures, built: Figures, update: Figures, latency: Figures) -> None:
    """The tables and the last line."""
    size = 4e-6 * count * corpus["dimensions"]
    print(f"\nbuilding, without encoding; the vectors alone are {size:,.0f} MB in float32")
    print("                      seconds   MB on disk   peak MB")
    for name, side in built.items():
        print(f"  {name:18}  {side['seconds']:9.1f}   {side['disk']:10,.0f}   {side['memory']:7,.0f}")
    share = update["seconds"] / built["ours"]["seconds"]
    print(f"  ours, updated       {update['seconds']:9.1f}   {update['changes']}: {share:.1%} of building")
    print(f"\nsearching for {K}; milliseconds a query, p50 and p99")
    print("                      1 thread           2 threads        recall@10")
    p50 = {}
    for name, side in latency.items():
        (a, b), (c, d) = (np.percentile(side[threads], [50, 99]) for threads in ("1", "2"))
        p50[name] = a
        exact = "" if name.startswith("ours, ") else f"{recall(side['found'], corpus['exact']):9.4f}"
        print(f"  {name:18}  {a:7.2f} {b:7.2f}   {c:7.2f} {d:7.2f}   {exact}")
    figures = {
        "p50_ratio": p50["ours"] / p50["raw FAISS"],
        "recall": recall(latency["ours"]["found"], corpus["exact"]),
        "memory_ratio": built["ours"]["memory"] / size,
        "update_share": share,
    }
    print(json.dumps({"bench": "index", **{name: round(value, 4) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
