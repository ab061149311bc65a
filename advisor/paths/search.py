"""How a task's documents are searched, chosen on its development questions; the embedder fitted to them where that wins.

Says by what was chosen, and what was tried. How searching works, and how it is tuned, is the library's.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trainers
from advisor.errors import InputError, Problem
from advisor.paths import questions
from advisor.runtime import purse
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.system import PASSAGES, digest
from advisor.task import Task
from retrieval import Document, Embedder, Index, SearchSettings
from retrieval.embedder import located
from retrieval.index.index import BUDGET
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

_AS_IT_COMES = {"questions": 0, "measure": "", "passage_tokens": BUDGET, "k": PASSAGES, "trials": [], "embedder": None}


def choose(task: Task, runtime: Runtime, plan: Plan, seed: int) -> dict[str, Any]:
    """Choose how to search; with enough pairs of questions and documents also fit the embedder, and keep it where it wins.

    Gives the value of `retrieval.json`; `apply` takes it.
    """
    finder, reader = runtime.finder, runtime.finder.reader()
    rows = (
        task.split.choose if reader is None else task.split.choose[: plan.choose]
    )  # what reads takes seconds for each
    asked = questions.of_rows(task, rows)
    how: dict[str, Any] = {
        "reader": reader,
        "ask": partial(questions.written, runtime),
        "watch": runtime.watch,
    }
    try:
        found = tune(task.documents, finder.embedder, asked, budgets=SIZES[: plan.sizes], **how)
    except ValueError as error:  # nothing to judge by: searched as it comes
        return {**_AS_IT_COMES, "settings": asdict(SearchSettings()), "by": str(error)}
    value = {**_told(found), "embedder": None}
    if found.basis == "gold" and plan.pairs:
        pairs = _pairs(task, runtime, found, plan.pairs)
        if len(pairs) >= purse.LEAST_PAIRS:
            value["embedder"] = _fitted(task, runtime, found, pairs, asked, seed)
    return value


def apply(value: dict[str, Any], runtime: Runtime) -> None:
    """Search from now on as was chosen."""
    fitted = value["embedder"]
    folder = runtime.folder.parent / fitted["folder"] if fitted and fitted["kept"] else None
    if folder and not folder.is_dir():
        raise InputError(Problem("the embedder that was fitted is gone", folder, do="Run again with --fresh"))
    chosen = fitted if folder else value
    runtime.finder.use(SearchSettings(**chosen["settings"]), chosen["k"], value["passage_tokens"], folder)


def _told(found: Tuning) -> dict[str, Any]:
    several = len({one.budget for one in found.trials}) > 1

    def named(one: Trial) -> str:
        return f"{one.what}, passages of {one.budget} tokens" if several else one.what

    return {
        "by": BASES[found.basis],
        "questions": found.questions,
        "measure": found.measure,
        "settings": asdict(found.settings),
        "passage_tokens": found.budget,
        "k": found.k,
        "trials": [{"what": named(one), "score": one.score, "chosen": one.chosen} for one in found.trials],
    }


def _pairs(task: Task, runtime: Runtime, found: Tuning, most: int) -> list[trainers.Pair]:
    """Training questions, each with a passage of a document that it names and one that only looks right."""
    rows = [row for row in task.split.train if row.gold][:most]
    runtime.finder.use(found.settings, found.k, found.budget)
    asked = [Question(row.input, dict.fromkeys(row.gold, 1), row.answers) for row in rows]
    return [trainers.Pair(question, right, (wrong,)) for question, right, wrong in mined(runtime.finder.index, asked)]


def _fitted(
    task: Task, runtime: Runtime, found: Tuning, pairs: Sequence[trainers.Pair], asked: Sequence[Question], seed: int
) -> dict[str, Any]:
    """Fit the embedder, search with it, and compare on the same questions."""
    since, finder = time.perf_counter(), runtime.finder
    place = runtime.folder.parent / "embedders" / digest([task.fingerprint, finder.embedder.fingerprint, pairs, seed])
    if runtime.fresh:  # interrupted, it goes on without --fresh, as answers do that the store has
        shutil.rmtree(place, ignore_errors=True)

    def on_step(progress: trainers.Progress) -> None:
        runtime.watch(f"embedder · loss {progress.loss:.2f}", progress.step, progress.steps)

    settings = trainers.EmbeddingSettings(epochs=1, seed=seed)
    folder = trainers.tune_embedding(located(finder.how.embedder), pairs, place, settings, on_step)
    fitted = finder.load(str(folder))
    again = tune(task.documents, fitted, asked, budgets=(found.budget,), watch=runtime.watch)
    before, after = (
        _scores(task.documents, embedder, one, asked) for embedder, one in ((finder.embedder, found), (fitted, again))
    )
    return {
        "pairs": len(pairs),
        "folder": str(folder.relative_to(runtime.folder.parent)),
        "before": float(before.mean()),
        "after": float(after.mean()),
        "kept": wins(after - before),
        "settings": asdict(again.settings),
        "k": again.k,
        "seconds": round(time.perf_counter() - since, 1),
    }


def _scores(
    documents: Sequence[Document], embedder: Embedder, how: Tuning, asked: Sequence[Question]
) -> NDArray[np.float64]:
    """What each question that names documents gets."""
    index = Index.build(documents, embedder, how.settings, budget=how.budget)
    hits = index.search([question.text for question in asked], LOOKED)
    found = [[hit.passage.document for hit in row] for row in hits]
    return np.array(each(found, [question.right for question in asked], gain(DEPTH)))
