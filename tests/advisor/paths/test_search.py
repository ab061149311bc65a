import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.paths import search
from advisor.runtime.bench import Bench
from advisor.runtime.finder import over_documents
from advisor.task import Task

from ..conftest import Words


def test_what_is_chosen_and_by_what_is_told(zoo: Task, bench: Bench):
    chosen = search.choose(bench)
    assert chosen.by == "the documents that rows name" and chosen.questions == len(zoo.split.choose)
    assert sum(one.chosen for one in chosen.trials) >= 1 and chosen.embedder is None
    finder = over_documents(zoo.documents, bench.runtime.folder, zoo.retrieval, chosen, Words())
    assert finder.search(["Where sleeps the lynx?"], 1)[0][0].document == "lynx"


def test_what_was_tried_with_other_sizes_of_passages_is_told_apart(bench: Bench):
    more = replace(bench, purse=replace(bench.purse, sizes=2))
    tried = [one.what for one in search.choose(more).trials]
    assert len(set(tried)) == len(tried) and sum("passages of 320 tokens" in one for one in tried) == len(tried) / 2


def judged_by(bench: Bench, **changed: Any) -> str:
    """By what search is chosen where the rows to choose on are changed so."""
    split = bench.task.split
    rows = tuple(replace(row, gold=(), **changed) for row in split.choose)
    return search.choose(replace(bench, task=replace(bench.task, split=replace(split, choose=rows)))).by


def test_without_named_documents_it_is_chosen_by_accepted_answers(bench: Bench):
    assert judged_by(bench) == "the passages in which accepted answers stand"


def test_answers_that_stand_nowhere_leave_it_to_questions_that_the_model_writes(bench: Bench):
    assert judged_by(bench, output="nowhere") == "questions that the model wrote about passages"
    asked = bench.runtime.model.asked  # type: ignore[attr-defined]
    assert all("<passages>" in request.turns[-1].text for request in asked)


def test_a_fitted_embedder_is_kept_only_where_it_wins_by_more_than_chance():
    assert search.wins(np.array([0.2, 0.1, 0.3, 0.2]))
    assert not search.wins(np.array([0.5, -0.5, 0.4, -0.3]))
    assert not search.wins(np.zeros(10))


def test_a_fresh_run_fits_the_embedder_anew_and_others_take_up_what_is_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    there: list[bool] = []

    def fit(model: str, pairs: object, folder: Path, *_: object) -> Path:
        there.append(folder.exists())
        (folder / "model").mkdir(parents=True, exist_ok=True)
        return folder / "model"

    monkeypatch.setattr("trainers.tune_embedding", fit)
    monkeypatch.setattr(search, "LazyEmbedder", lambda name, runs: Words())
    monkeypatch.setattr(search, "LEAST_PAIRS", 5)
    for fresh in (False, False, True, False):
        again = replace(bench, runtime=replace(bench.runtime, fresh=fresh), purse=replace(bench.purse, pairs=10))
        assert search.choose(again).embedder
    assert there == [False, True, False, True]


def test_while_one_run_fits_an_embedder_no_other_does(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    hold = "import sys, pathlib; from advisor import runfolder; runfolder.alone(pathlib.Path(sys.argv[1]))"
    tried: list[str] = []

    def fit(model: str, pairs: object, folder: Path, *_: object) -> Path:
        command = [sys.executable, "-c", hold, str(folder.with_suffix(".lock"))]
        tried.append(subprocess.run(command, capture_output=True, text=True).stderr)
        return folder / "model"

    monkeypatch.setattr("trainers.tune_embedding", fit)
    monkeypatch.setattr(search, "LazyEmbedder", lambda name, runs: Words())
    monkeypatch.setattr(search, "LEAST_PAIRS", 5)
    search.choose(replace(bench, purse=replace(bench.purse, pairs=10)))
    assert len(tried) == 1 and f"in use by process {os.getpid()}" in tried[0]
