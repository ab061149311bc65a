"""What instructions were tried, what each scored, and which was chosen. Values only; `paths` finds them out."""

from collections.abc import Collection
from dataclasses import dataclass

from advisor.score.metric import Metric, Scored
from advisor.score.statistics import rating
from advisor.task import Task

OWN, LISTED = "the task's own", "listed in the task"  # who wrote an instruction; else the name of a model


@dataclass(frozen=True)
class Candidate:
    """An instruction, who wrote it (`by`), and what it scored, 0 to 100, over the examples that are `scored`;
    None where it was not asked."""

    text: str
    by: str
    score: float | None = None
    scored: tuple[Scored, ...] = ()


@dataclass(frozen=True)
class Instructions:
    """The instructions that were `tried`, the task's own first, and the place of the best one. `how`: with what they were
    asked, in words; `note`: what kept others from being tried, "" for nothing."""

    tried: tuple[Candidate, ...]
    place: int = 0
    how: str = ""
    note: str = ""

    @property
    def count(self) -> int:
        """How many were tried that say anything."""
        return sum(bool(one.text.strip()) for one in self.tried)

    @property
    def own(self) -> Candidate:
        """The task's own, which is the baseline's."""
        return self.tried[0]

    @property
    def chosen(self) -> Candidate:
        """The best on all examples."""
        return self.tried[self.place]

    def best(self, metric: Metric, ids: Collection[str]) -> Candidate:
        """The best on these examples alone, of those that were asked all that any was; of equal ones the first."""
        most = max(len(one.scored) for one in self.tried)
        asked = [one for one in self.tried if len(one.scored) == most]
        return max(asked, key=lambda one: rating(metric, [s for s in one.scored if s.id in ids]))


def only_own(task: Task, note: str = "") -> Instructions:
    """Where nothing else was tried."""
    return Instructions((Candidate(task.own_instruction, OWN),), note=note)
