"""What every measuring and building function is handed: the task, what runs systems on it, the metric, what may be spent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from advisor.runtime.runtime import Runtime
from advisor.score.metric import Metric
from advisor.task import Example, Task
from trainers import Speed

LEAST_PAIRS = 100  # to fit an embedder on; fewer are learnt by heart


@dataclass(frozen=True)
class Purse:
    """What the budget buys: examples to `measure` and `choose` on, rows that the `short` tuning sees, rows and epochs of the
    full one; in how many `folds` the short one is measured where rows are few, each a tuning of its own; `room` for that many
    tokens of documents in every prompt, where all of them are to be tried there; `pairs` of questions and documents to fit an
    embedder on; how many `sizes` of passages to try. `measure` is the most: the race takes `racing` seconds and no further round
    beyond; where tokens are `counted`, as long as these usually take."""

    measure: int
    choose: int
    short: int
    rows: int
    epochs: int
    max_tokens: int
    speed: Speed
    room: int = 0
    pairs: int = 0
    sizes: int = 1
    folds: int = 0
    racing: float = math.inf
    counted: bool = False


@dataclass(frozen=True)
class Bench:
    """A task with all that it takes to measure and build systems for it. `fold`: what is made here lies in a folder of
    that name, apart from what is made for other folds, or with another seed."""

    task: Task
    runtime: Runtime
    metric: Metric
    purse: Purse
    seed: int
    fold: str = ""

    @property
    def choosing(self) -> tuple[Example, ...]:
        """The examples on which things are chosen inside a path."""
        return self.task.split.choose[: self.purse.choose]

    @property
    def comparing(self) -> tuple[Example, ...]:
        """The examples on which paths are compared."""
        return self.task.split.compare[: self.purse.measure]

    @cached_property
    def parts(self) -> Mapping[int, "Bench"]:
        """Where rows are few, for each fold the bench to make things on that answer it: with the rows of the others alone."""
        return {fold: self._without(fold) for fold in sorted(set(self.task.split.folds))}

    def _without(self, fold: int) -> "Bench":
        split = self.task.split.without(fold)
        runtime = replace(self.runtime, pool=split.train)
        return replace(self, task=replace(self.task, split=split), runtime=runtime, fold=f"fold-{fold}")

    @property
    def short(self) -> "Bench":
        """The bench of the short tuning: fewer rows, or fewer times; in as many folds as the purse has."""
        rows, split = min(self.purse.short, self.purse.rows), self.task.split
        folds = tuple(fold % self.purse.folds for fold in split.folds) if self.purse.folds else split.folds
        purse = replace(self.purse, rows=rows, epochs=max(1, self.purse.short // max(1, rows)))
        return replace(self, task=replace(self.task, split=replace(split, folds=folds)), purse=purse)

    def folder(self, name: str) -> str:
        """Where what is made under a name lies in the run folder."""
        return f"{name}/{self.fold}" if self.fold else name
