"""How a task's documents are searched, chosen on its development questions; the embedder fitted to them where that wins.

Says by what was chosen, and what was tried. How searching works, and how it is tuned, is the library's.
"""

from __future__ import annotations  # what trainers offers is loaded with torch when it is first asked for

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trainers
from advisor import runfolder
from advisor.paths import questions
from advisor.runtime.bench import LEAST_PAIRS, Bench
from advisor.runtime.finder import Fitted, LazyEmbedder, Search, Tried, over_documents
from advisor.system import digest
from retrieval import Document, Embedder, Index
from retrieval.chunking import BUDGET
from retrieval.embedder import located
from retrieval.tune.metrics import each, gain
from retrieval.tune.mining import mined
from retrieval.tune.questions import Question
from retrieval.tune.tuning import Trial, Tuning, tune, wins

DEPTH = 10  # documents that count: nDCG@10
SIZES = (BUDGET, 2 * BUDGET, BUDGET // 2)  # tokens of a passage; each is encoded anew
LOOKED = 20  # passages found, so that ten documents are among them
BASES = {
    "gold": "the documents that rows name",
    "answers": "the passages in which accepted answers stand",
    "generated": "questions that the model wrote about passages",
}


def choose(bench: Bench) -> Search:
    """Choose how to search; with enough pairs of questions and documents also fit the embedder, and keep it where it wins."""
    task, runtime, purse = bench.task, bench.runtime, bench.purse
    reranker = runtime.finder.reranker
    rows = questions.judging(task)
    if reranker is not None:  # what reads again takes seconds for each
        rows = rows[: purse.choose or questions.LEAST]
    asked = questions.of_rows(task, rows)
    how: dict[str, Any] = {"reranker": reranker, "ask": partial(questions.written, runtime), "watch": runtime.watch}
    try:
        tuning = tune(task.documents, runtime.embedder, asked, budgets=SIZES[: purse.sizes], **how)
    except ValueError as error:  # nothing to judge by: searched as it comes
        return Search(by=str(error))
    search = _told(tuning)
    if tuning.basis == "gold" and purse.pairs:
        pairs = _pairs(bench, search)
        if len(pairs) >= LEAST_PAIRS:
            return replace(search, embedder=_fitted(bench, tuning, pairs, asked))
    return search


def _told(tuning: Tuning) -> Search:
    several = len({one.budget for one in tuning.trials}) > 1

    def named(one: Trial) -> str:
        return f"{one.what}, passages of {one.budget} tokens" if several else one.what

    return Search(
        settings=tuning.settings,
        k=tuning.k,
        passage_tokens=tuning.budget,
        by=BASES[tuning.basis],
        questions=tuning.questions,
        measure=tuning.measure,
        trials=tuple(Tried(named(one), one.score, one.chosen) for one in tuning.trials),
    )


def _pairs(bench: Bench, search: Search) -> list[trainers.Pair]:
    """Training questions, each with a passage of a document that it names and one that only looks right."""
    task, runtime = bench.task, bench.runtime
    rows = [row for row in task.split.train if row.gold][: bench.purse.pairs]
    asked = [Question(row.input, dict.fromkeys(row.gold, 1), row.answers) for row in rows]
    finder = over_documents(task.documents, runtime.folder, task.retrieval, search, runtime.embedder)
    return [trainers.Pair(question, right, (wrong,)) for question, right, wrong in mined(finder.index, asked)]


def _fitted(bench: Bench, tuning: Tuning, pairs: Sequence[trainers.Pair], asked: Sequence[Question]) -> Fitted:
    """Fit the embedder, search with it, and compare on the same questions."""
    since, task, runtime = time.perf_counter(), bench.task, bench.runtime
    runs, embedder = runtime.folder.parent, runtime.embedder
    folder = _tuned(bench, pairs)
    fitted = LazyEmbedder(str(folder), runs)
    again = tune(task.documents, fitted, asked, budgets=(tuning.budget,), watch=runtime.watch)
    before = _scores(task.documents, embedder, tuning, asked)
    after = _scores(task.documents, fitted, again, asked)
    return Fitted(
        pairs=len(pairs),
        folder=str(folder.relative_to(runs)),
        before=float(before.mean()),
        after=float(after.mean()),
        kept=wins(after - before),
        settings=again.settings,
        k=again.k,
        seconds=round(time.perf_counter() - since, 1),
    )


def _tuned(bench: Bench, pairs: Sequence[trainers.Pair]) -> Path:
    """The folder of the embedder that is tuned on these pairs, beside the runs: what one run has tuned, others wait for."""
    task, runtime = bench.task, bench.runtime
    name = digest([task.fingerprint, runtime.embedder.fingerprint, pairs, bench.seed])
    place = runtime.folder.parent / "embedders" / name

    def on_step(progress: trainers.Progress) -> None:
        runtime.watch(f"embedder · loss {progress.loss:.2f}", progress.step, progress.steps)

    settings = trainers.EmbeddingSettings(epochs=1, seed=bench.seed)
    held = runfolder.alone(place.with_suffix(".lock"), lambda who: runtime.watch(f"embedder · waits for {who}", 0, 1))
    try:
        if runtime.fresh:  # interrupted, it goes on without --fresh, as answers do that the store has
            shutil.rmtree(place, ignore_errors=True)
        return trainers.tune_embedding(located(task.retrieval.embedder), pairs, place, settings, on_step)
    finally:
        held.release()


def _scores(
    documents: Sequence[Document], embedder: Embedder, how: Tuning, asked: Sequence[Question]
) -> NDArray[np.float64]:
    """What each question that names documents gets."""
    index = Index.build(documents, embedder, how.settings, budget=how.budget)
    hits = index.search([question.text for question in asked], LOOKED)
    ranked = [[hit.passage.document for hit in row] for row in hits]
    return np.array(each(ranked, [question.right for question in asked], gain(DEPTH)))
