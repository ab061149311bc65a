from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from advisor.paths.finetuning import tuned
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.system import System
from advisor.task import Example, Split


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What a tuning is handed; nothing is trained."""
    kept = SimpleNamespace()

    def tune(
        self: Runtime,
        system: System,
        rows: Sequence[Example],
        rate: Callable[[Sequence[str | None]], float],
        choose: Sequence[Example],
        settings: Any,
        folder: str,
    ) -> System:
        vars(kept).update(rows=rows, rate=rate, choose=choose, settings=settings, folder=folder)
        return system

    monkeypatch.setattr(Runtime, "tune", tune)
    return kept


def test_checkpoints_are_chosen_on_examples_set_aside_and_none_by_what_it_did_not_answer(
    bench: Bench, handed: SimpleNamespace
):
    purse = replace(bench.purse, rows=4, epochs=3)
    tuned(replace(bench, purse=purse), baseline(bench), "build/finetuning")
    split = bench.task.split
    assert (handed.rows, handed.choose) == (split.train[:4], split.choose)
    assert (handed.settings.epochs, handed.settings.evaluations, handed.folder) == (3, 4, "build/finetuning")
    right = [row.output for row in split.choose]
    assert handed.rate([*right[:4], *["wrong"] * 6]) == pytest.approx(40)
    assert handed.rate([*right[:1], *[None] * 9]) == pytest.approx(10)
    assert handed.rate([None] * 10) == 0


def test_where_all_rows_train_the_last_checkpoint_is_kept(bench: Bench, handed: SimpleNamespace):
    rows = bench.task.split.train
    split = Split(rows, rows, rows, folds=(0, 1) * 5)
    few = replace(bench, task=replace(bench.task, split=split), purse=replace(bench.purse, rows=10, epochs=3))
    tuned(few, baseline(few), "build/finetuning")
    assert (handed.rows, handed.choose, handed.settings.evaluations) == (rows, (), 1)
    tuned(few.parts[1], baseline(few), "probes/short-tuning")
    assert (handed.rows, handed.choose, handed.folder) == (rows[::2], (), "probes/short-tuning/fold-1")
