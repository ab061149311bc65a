"""The tasks of the benchmarks as conversations and token rows. Knows nothing of timing or of peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trainers
from advisor.data import reading
from advisor.runtime import prompts
from advisor.system import ModelRef, Shot, Shots, System
from advisor.task import Example, Task
from retrieval.chunking import Passage
from trainers.rendering import Turn

MODEL = "smollm2"
BATCH = 16

Conversation = tuple[Turn, ...]


@dataclass(frozen=True)
class Workload:
    """A task and the system that is asked: its instruction, some fixed shots (the first training examples), no more."""

    task: Task
    shots: int = 0

    @property
    def train(self) -> tuple[Example, ...]:
        """The training examples that are not shots."""
        return self.task.split.train[self.shots :]

    @property
    def development(self) -> tuple[Example, ...]:
        """Held-out examples, the test left alone."""
        return (*self.task.split.choose, *self.task.split.compare)

    def ask(self, examples: Sequence[Example]) -> list[Conversation]:
        """The conversation that asks for each example's output, with its gold passage where it has one."""
        shots = [(e.input, e.output, ()) for e in self.task.split.train[: self.shots]]
        fixed = Shots("fixed", self.shots, tuple(Shot(given, output) for given, output, _ in shots))
        system = System(ModelRef(MODEL), self.task.instruction, shots=fixed)
        return [prompts.turns(system, example, shots, self._gold(example)) for example in examples]

    def teach(self, examples: Sequence[Example]) -> list[Conversation]:
        """The same, with the wanted output at the end."""
        return [
            prompts.with_answer(asked, example.output)
            for asked, example in zip(self.ask(examples), examples, strict=True)
        ]

    def _gold(self, example: Example) -> list[Passage]:
        found = [document for document in self.task.documents if document.id in example.gold[:1]]
        return [Passage(document.id, document.id, document.title, document.text, 0) for document in found]


def workload(data: Path, name: str, shots: int = 0) -> Workload:
    """The task of that name among the data."""
    return Workload(reading.load_task(data / name), shots)


def rows(lm: trainers.LanguageModel, conversations: Sequence[Conversation]) -> list[trainers.Row]:
    """The conversations as the model's token rows."""
    return [trainers.render(lm, turns) for turns in conversations]
