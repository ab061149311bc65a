"""What tests of instructions need: a model that does as it is told, and a task that lists several."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.runtime.bench import Bench
from advisor.system import Prediction, Request, Usage
from advisor.task import Example, Split

from ..conftest import ANIMALS, Reader

VAGUE, HALF, CLEAR = "Answer.", "Name a burrow, sometimes.", "Name the burrow, always."


class Told(Reader):
    """A model that knows every burrow, and says it where its instruction asks for that: always, or for half of the animals."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request)
            at = next(i for i, name in enumerate(ANIMALS) if name in request.turns[-1].text)
            said = request.turns[0].text
            knows = CLEAR in said or (HALF in said and at < 5)
            yield i, Prediction(f"burrow{at}" if knows else "?", usage=Usage(10, 2))


def rows(side: str, count: int) -> tuple[Example, ...]:
    """Questions of one side, which no other side asks."""
    return tuple(
        Example(f"{side}{i}", f"{side} {i}: where does the {ANIMALS[i % 10]} sleep?", f"burrow{i % 10}")
        for i in range(count)
    )


@pytest.fixture
def several(bench: Bench) -> Bench:
    """A bench of a task without documents that lists two instructions beside a vague one of its own."""
    split = Split(rows("train", 20), rows("choose", 40), rows("compare", 40), rows("test", 10))
    task = replace(bench.task, instruction=VAGUE, instructions=(HALF, CLEAR), documents=(), split=split)
    runtime = replace(bench.runtime, model=Told(), pool=split.train)
    return replace(bench, task=task, runtime=runtime, purse=replace(bench.purse, choose=40, measure=40, tries=240))
