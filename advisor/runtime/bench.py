"""What every measuring and building function is handed: the task, what runs systems on it, the metric, what may be spent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from advisor.models.protocol import Model
from advisor.runtime.instructions import Instructions
from advisor.runtime.runtime import Runtime
from advisor.score.metric import Metric
from advisor.task import Example, Task
from trainers import Speed

LEAST_PAIRS = 100  # to fit an embedder on; fewer are learnt by heart


@dataclass(frozen=True)
class Purse:
    """What the budget buys: examples to `measure` and `choose` on, rows that the `short` tuning sees, rows and epochs of the
    full one; on how many `folds` at the most the short one is measured where rows are few, each a tuning of its own; `room` for that many
    tokens of documents in every prompt, where all of them are to be tried there; `pairs` of questions and documents to fit an
    embedder on; how many `sizes` of passages to try. `measure` is the most: the race takes `racing` seconds and no further round
    beyond; where tokens are `counted`, as long as these usually take. `brief`: that is far from enough for a round of all arms, so
    that only those that tell most are tried. Of several instructions one is chosen by at most `tries`
    answers, and a proposer takes `proposing` seconds."""

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
    brief: bool = False
    tries: int = 0
    proposing: float = math.inf


@dataclass(frozen=True)
class Bench:
    """A task with all that it takes to measure and build systems for it. `apart`: what is made here lies in folders of
    that name, apart from what is made for other models, folds and seeds. `instructions`: of which one that is not the task's own
    stands in `task`, so that all that is made here says it. `out`: arms that a path does not try, because they take too
    much, or were seen not to be its best."""

    task: Task
    runtime: Runtime
    metric: Metric
    purse: Purse
    seed: int
    apart: str = ""
    instructions: Instructions | None = None
    out: frozenset[str] = frozenset()

    @property
    def choosing(self) -> tuple[Example, ...]:
        """The examples on which things are chosen inside a path."""
        return self.task.split.choose[: self.purse.choose]

    @property
    def comparing(self) -> tuple[Example, ...]:
        """The examples on which paths are compared, fold by fold where rows are few."""
        return self.task.split.compare[: self.purse.measure]

    @cached_property
    def parts(self) -> Mapping[int, "Bench"]:
        """Where rows are few, for each fold the bench to make things on that answer it: with the rows of the others alone."""
        return {fold: self._without(fold) for fold in sorted(set(self.task.split.folds))}

    @property
    def first(self) -> "Bench":
        """Where rows are few, the bench of the fold that is asked first; a tuning there begins as one on all rows does."""
        return next(iter(self.parts.values()), self)

    def _without(self, fold: int) -> "Bench":
        split = self.task.split.without(fold)
        runtime, task = replace(self.runtime, pool=split.train), replace(self.task, split=split)
        if self.instructions:
            best = self.instructions.best(self.metric, {row.id for row in split.train})
            task = replace(task, instruction=best.text)
        return replace(self, task=task, runtime=runtime, apart=f"{self.apart}/fold-{fold}".lstrip("/"))

    def of(self, model: Model, purse: Purse, apart: str) -> "Bench":
        """The same for systems of another of the runtime's models, with what may be spent on it."""
        return replace(self, runtime=self.runtime.of(model), purse=purse, apart=apart)

    @property
    def model(self) -> str:
        """The name of the model that systems are made for."""
        return self.runtime.model.name

    @property
    def plain(self) -> "Bench":
        """The same with the task's own instruction, on which the baseline is made."""
        if not self.instructions:
            return self
        return replace(self, task=replace(self.task, instruction=self.instructions.own.text), instructions=None)

    def saying(self, instructions: Instructions) -> "Bench":
        """The bench on which all says the best of the instructions, where rows are few in each fold the best on the others;
        as it is where that is the task's own."""
        task = replace(self.task, instruction=instructions.chosen.text)
        made = replace(self, task=task, instructions=instructions)
        said = {one.task.instruction for one in (made, *made.parts.values())}
        return self if said == {instructions.own.text} else made

    @property
    def short(self) -> "Bench":
        """The bench of the short tuning: fewer rows, or fewer times."""
        rows = min(self.purse.short, self.purse.rows, *(len(part.task.split.train) for part in self.parts.values()))
        return replace(self, purse=replace(self.purse, rows=rows, epochs=max(1, self.purse.short // max(1, rows))))

    def folder(self, name: str) -> str:
        """Where what is made under a name lies in the run folder."""
        return f"{name}/{self.apart}" if self.apart else name
