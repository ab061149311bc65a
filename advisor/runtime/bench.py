"""What every measuring and building function is handed: the task, what runs systems on it, the metric, what may be spent."""

from dataclasses import dataclass, replace

from advisor.runtime.runtime import Runtime
from advisor.score.metric import Metric
from advisor.task import Example, Task
from trainers import Speed

LEAST_PAIRS = 100  # to fit an embedder on; fewer are learnt by heart


@dataclass(frozen=True)
class Purse:
    """What the budget buys: examples to `measure` and `choose` on, rows for the `short` tuning, rows and epochs of the
    full one; `room` for that many tokens of documents in every prompt, where all of them are to be tried there; `pairs` of
    questions and documents to fit an embedder on; how many `sizes` of passages to try."""

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


@dataclass(frozen=True)
class Bench:
    """A task with all that it takes to measure and build systems for it."""

    task: Task
    runtime: Runtime
    metric: Metric
    purse: Purse
    seed: int

    @property
    def choosing(self) -> tuple[Example, ...]:
        """The examples on which things are chosen inside a path."""
        return self.task.split.choose[: self.purse.choose]

    @property
    def comparing(self) -> tuple[Example, ...]:
        """The examples on which paths are compared."""
        return self.task.split.compare[: self.purse.measure]

    @property
    def short(self) -> "Bench":
        """The bench of the short tuning: fewer rows, once."""
        return replace(self, purse=replace(self.purse, rows=self.purse.short, epochs=1))
