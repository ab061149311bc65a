"""Our search against plain bm25s and plain MiniLM with FAISS, on questions whose right documents are known.

What is tuned is tuned on questions of another split, cut in two by the documents that they are about: three quarters
teach the embedding model, one quarter chooses the settings and whether the taught model is kept. The test chooses
nothing. Finished parts are kept in `--folder` and skipped when this is run again; `--fresh` starts over.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advisor.runfolder import step
from benchmarks.flags import given
from benchmarks.workers import key, machine, versions
from retrieval import Embedder, Index, SearchSettings, load_embedder
from retrieval.embedder import located
from retrieval.tune.evaluation import DEPTH, METHODS, Collection, evaluate, read_collection
from retrieval.tune.metrics import each, gain
from retrieval.tune.mining import mined
from retrieval.tune.questions import Question
from retrieval.tune.tuning import tune, wins
from trainers.embedding import Pair, tune_embedding

SETS = ("nq_open", "venue_faq", "fictional_facts")
SPLITS = ("train", "dev", "validation")  # where questions to tune on are looked for
DRAWS = 2000  # of the bootstrap
PLAIN = ("plain bm25s", "plain MiniLM + FAISS")
OURS = ("bm25", "dense", "hybrid", "tuned", "tuned_embedding")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """One collection, and where its finished parts lie."""

    name: str
    collection: Collection
    folder: Path

    def part(self, name: str, work: Callable[[], Any]) -> Any:
        """A part of the benchmark, done once for the code as it is."""
        mark = key(self.name, name, packages=("retrieval", "trainers", "benchmarks"))
        print(f"{self.name}: {name}", file=sys.stderr, flush=True)
        return step(self.folder, name, mark, Any, work)

    @property
    def test(self) -> Sequence[Question]:
        """The questions that are measured."""
        return self.collection.splits["test"]

    def embedder(self, name: str = "minilm") -> Embedder:
        """An embedder whose vectors outlast an interruption."""
        return load_embedder(name, self.folder / "vectors.sqlite")

    def halves(self) -> tuple[list[Question], list[Question]]:
        """Questions that teach and questions that choose; none of one half is about a document of the other's."""
        known = [self.collection.splits[split] for split in SPLITS if split in self.collection.splits]
        teach, choose = [], []
        for question in known[0] if known else ():
            mark = hashlib.sha256(min(question.right).encode()).digest()[0]
            (choose if mark < 64 else teach).append(question)
        return teach, choose


def plain_words(bench: Bench) -> list[float]:
    """bm25s as its documentation shows it: title and text, its tokenizer, English stop words, no stemmer."""
    import bm25s

    documents = bench.collection.documents
    model = bm25s.BM25()
    texts = [f"{document.title} {document.text}" for document in documents]
    model.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    asked = bm25s.tokenize([question.text for question in bench.test], stopwords="en", show_progress=False)
    found, _ = model.retrieve(asked, k=min(DEPTH, len(documents)), show_progress=False)
    return _ndcgs(bench, [[documents[at].id for at in row] for row in found])


def plain_vectors(bench: Bench) -> list[float]:
    """MiniLM and a flat FAISS index over whole documents."""
    import faiss

    documents, embedder = bench.collection.documents, bench.embedder()
    vectors = embedder([f"{document.title}\n{document.text}".strip() for document in documents])
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    _, found = index.search(embedder([q.text for q in bench.test], query=True), min(DEPTH, len(documents)))
    return _ndcgs(bench, [[documents[at].id for at in row] for row in found])


def ours(bench: Bench) -> Figures:
    """Every method that needs no tuning: nDCG@10 of each question, and milliseconds."""
    index = Index.build(bench.collection.documents, bench.embedder())
    return {name: asdict(evaluate(index, bench.test, name, settings)) for name, settings in METHODS.items()}


def tuned(bench: Bench) -> Figures:
    """Settings chosen on the questions that choose."""
    embedder = bench.embedder()
    found = tune(bench.collection.documents, embedder, bench.halves()[1])
    index = Index.build(bench.collection.documents, embedder)
    return {**asdict(evaluate(index, bench.test, "tuned", found.settings)), "settings": asdict(found.settings)}


def taught(bench: Bench, settings: SearchSettings) -> Figures:
    """The same with an embedding model taught on the questions that teach, where that wins on those that choose."""
    documents, embedder = bench.collection.documents, bench.embedder()
    teach, choose = bench.halves()
    before = Index.build(documents, embedder, settings)
    pairs = [Pair(question, right, (wrong,)) for question, right, wrong in mined(before, teach)]
    folder = tune_embedding(located("minilm"), pairs, bench.folder / "embedder", on_step=_shown)
    model = bench.embedder(str(folder))
    after, again = Index.build(documents, model), tune(documents, model, choose).settings
    scores = [np.array(evaluate(i, choose, "", s).ndcgs) for i, s in ((before, settings), (after, again))]
    kept = wins(scores[1] - scores[0])
    index, chosen = (after, again) if kept else (before, settings)
    measured = asdict(evaluate(index, bench.test, "tuned_embedding", chosen))
    alone = evaluate(after, bench.test, "", METHODS["dense"]).ndcg
    return {
        **measured,
        "kept": kept,
        "choose": [float(one.mean()) for one in scores],
        "settings": asdict(chosen),
        "dense": alone,
    }


def _shown(progress: Any) -> None:
    if progress.step % 10 == 0:
        print(f"  step {progress.step} of {progress.steps}, loss {progress.loss:.3f}", file=sys.stderr, flush=True)


def _ndcgs(bench: Bench, found: Sequence[Sequence[str]]) -> list[float]:
    return each(found, [question.right for question in bench.test], gain(10))


def measure(bench: Bench) -> Figures:
    """nDCG@10 of each question by every method, milliseconds, and what was chosen."""
    words, vectors = PLAIN
    figures = {words: {"ndcgs": bench.part("plain_bm25", lambda: plain_words(bench))}}
    figures[vectors] = {"ndcgs": bench.part("plain_dense", lambda: plain_vectors(bench))}
    figures |= bench.part("ours", lambda: ours(bench))
    if bench.halves()[1]:
        figures["tuned"] = bench.part("tuned", lambda: tuned(bench))
        settings = SearchSettings(**figures["tuned"]["settings"])
        figures["tuned_embedding"] = bench.part("tuned_embedding", lambda: taught(bench, settings))
    return figures


def removed(errors: np.ndarray, base: np.ndarray) -> tuple[float, float, float]:
    """The share of the base's remaining error that is gone, with its 95 % interval (bootstrap over questions, paired)."""
    draws = np.random.default_rng(0).integers(len(base), size=(DRAWS, len(base)))
    shares = 1 - errors[draws].mean(axis=1) / np.maximum(base[draws].mean(axis=1), 1e-9)
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(1 - errors.mean() / max(base.mean(), 1e-9)), float(high)


def show(name: str, figures: Mapping[str, Figures]) -> Figures:
    """Print the table of one collection; what goes to the last line."""
    errors = {method: 1 - np.array(found["ndcgs"]) for method, found in figures.items()}
    single = min((*PLAIN, "bm25", "dense"), key=lambda method: errors[method].mean())
    plain = min(PLAIN, key=lambda method: errors[method].mean())
    print(f"\n{name}: {len(errors[single])} questions; the best single method is {single}, the best plain one {plain}")
    print("                          nDCG@10   error removed of the best single     of the best plain    ms p50")
    for method, error in errors.items():
        shares = [removed(error, errors[base]) for base in (single, plain)]
        told = ["{1:4.0f} % [{0:4.0f}, {2:4.0f}]".format(*(max(100 * one, -999) for one in share)) for share in shares]
        took = f"{figures[method]['p50']:8.1f}" if "p50" in figures[method] else ""
        print(f"  {method:22}   {1 - error.mean():.4f}   {told[0]:>28}   {told[1]:>22}  {took}")
    if "tuned_embedding" in figures:
        found = figures["tuned_embedding"]
        said = "kept" if found["kept"] else "not kept"
        before, after = found["choose"]
        print(
            f"  embedding model taught: {said} ({before:.4f} -> {after:.4f} where chosen; alone {found['dense']:.4f})"
        )
    return {method: round(float(1 - error.mean()), 4) for method, error in errors.items()}


def main() -> None:
    """Print a table a collection, then one JSON line."""
    beir = {"type": Path, "nargs": "*", "default": [], "help": "folders in BEIR's layout to measure too"}
    asked = given("retrieval", __doc__, beir=beir)
    print("Retrieval: nDCG@10 and how much of the remaining error (1 - nDCG@10) is removed; 95 % intervals")
    print(machine())
    print(versions("bm25s", "faiss-cpu", "sentence-transformers", "torch"))
    sets, names = {}, {method: method for method in OURS} | dict(zip(PLAIN, ("plain_bm25", "plain_dense"), strict=True))
    for folder in (*(asked.data / name for name in SETS), *asked.beir):
        collection, problems = read_collection(folder)
        if problems or "test" not in collection.splits:
            sys.exit("\n".join(map(str, problems)) or f"{folder}: no questions in a split 'test'")
        into = asked.folder / folder.name
        into.mkdir(parents=True, exist_ok=True)
        found = show(folder.name, measure(Bench(folder.name, collection, into)))
        sets[folder.name] = {names[method]: score for method, score in found.items()}
    print(json.dumps({"bench": "retrieval", "sets": sets}))


if __name__ == "__main__":
    main()
