"""What retrieval gave a model and what the model made of it: is the answer in the passages, and is it used.

An answer is there where the words of an accepted output stand in a row in a passage. Knows nothing of how passages are
found or texts made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from advisor.runtime.finder import Finder
from advisor.task import Example
from retrieval.chunking import Passage
from retrieval.holding import holds

DEPTHS = (1, 3, 5, 10)  # numbers of passages at which recall is told


@dataclass(frozen=True)
class Recall:
    """Shares of 1 among the first `k` passages: of examples whose `answer` stands there, of the `gold` documents that
    examples name which are there (None where none names any)."""

    k: int
    answer: float
    gold: float | None


@dataclass(frozen=True)
class Use:
    """How a system uses what is shown, as shares of 1: examples whose answer is `there`, and those answered right with
    the answer there and without it (None where there are no such examples). `tokens`: of a request with its answer."""

    system: str
    there: float
    right_with: float | None
    right_without: float | None
    tokens: float


def answered(passages: Iterable[Passage], example: Example) -> bool:
    """Whether an accepted output of the example stands in one of the passages."""
    return any(holds(passage.titled, example.answers) for passage in passages)


def recall(finder: Finder, examples: Sequence[Example]) -> tuple[Recall, ...]:
    """How much of what is needed the finder finds, at each of `DEPTHS`."""
    rows = finder.search([example.input for example in examples], max(DEPTHS))
    return tuple(
        Recall(
            k,
            _mean([answered(row[:k], example) for row, example in zip(rows, examples, strict=True)]) or 0.0,
            _mean([_named(row[:k], example) for row, example in zip(rows, examples, strict=True) if example.gold]),
        )
        for k in DEPTHS
    )


def use(
    name: str, shown: Sequence[Sequence[Passage]], examples: Sequence[Example], right: Sequence[bool], tokens: float
) -> Use:
    """How the system of that name used the passages that it was shown."""
    there = [answered(passages, example) for passages, example in zip(shown, examples, strict=True)]
    with_it, without = ([r for r, t in zip(right, there, strict=True) if t is side] for side in (True, False))
    return Use(name, _mean(there) or 0.0, _mean(with_it), _mean(without), tokens)


def without_answers(finder: Finder, examples: Sequence[Example], k: int) -> list[tuple[Example, list[Passage]]]:
    """Each example of which the documents hold the answer, with the `k` passages found once those are taken out."""
    rows = finder.search([example.input for example in examples], finder.depth)
    taken = []
    for example, row in zip(examples, rows, strict=True):
        rest = [one for one in row if one.document not in example.gold and not answered([one], example)]
        if len(rest) < len(row) and rest:
            taken.append((example, rest[:k]))
    return taken


def _named(passages: Sequence[Passage], example: Example) -> float:
    return len({passage.document for passage in passages} & set(example.gold)) / len(set(example.gold))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
