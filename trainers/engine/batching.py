"""A batch that rows enter and leave at any step: what to run next is each row's own, running it is done for all at once.

Works on token ids and logits; knows nothing of what they are for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from torch import Tensor

from trainers.engine.layout import Slots
from trainers.engine.packing import extend, prefixed
from trainers.models import LanguageModel
from trainers.rendering import Ids, Row

ROWS = 256  # run at once
KEPT_TOKENS = 49_152  # whose keys and values are kept at once, which bounds memory for long rows
READ_TOKENS = 4_096  # in one pass over rows that enter, which bounds the memory between layers

State = TypeVar("State")
Result = TypeVar("Result")


@dataclass
class BatchRow(Generic[State]):
    """A row of a batch: the tokens to be run next, behind the first `keep` of those that were run, and behind how many of
    its last ones the logits are asked for. `state` is the caller's own."""

    index: int
    tokens: Ids
    state: State
    keep: int = 0
    asked: int = 1


def by_prefix(rows: Sequence[Row]) -> Iterator[tuple[Ids, list[int]]]:
    """The places of the rows that share their first part, by that part; within it those with the longest own part first."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i].shared, -len(rows[i].own), i))
    for shared, group in groupby(order, key=lambda i: rows[i].shared):
        yield shared, list(group)


class Batch(Generic[State, Result]):
    """Rows that share one prefix. Any number may be added at any time; those for which there is room are run.

    capacity: the most tokens of a row, without the prefix. take: is handed the rows that were run and the logits
    (sum of their `asked`, vocabulary); it sets what each is to run next, and returns for each its result, or None while it
    goes on.
    """

    def __init__(
        self,
        lm: LanguageModel,
        shared: Ids,
        capacity: int,
        take: Callable[[Sequence[BatchRow[State]], Tensor], Sequence[Result | None]],
    ) -> None:
        self._lm, self._take = lm, take
        self._prefix = prefixed(lm, shared)
        self._slots = Slots(max(1, min(ROWS, KEPT_TOKENS // capacity)), capacity)
        self._waiting: deque[BatchRow[State]] = deque()
        self._active: list[BatchRow[State]] = []  # in the order of their slots

    @property
    def busy(self) -> bool:
        """Whether any row is unfinished."""
        return bool(self._waiting or self._active)

    def add(self, row: BatchRow[State]) -> None:
        """Queue a row; its tokens are its own part of the prompt."""
        self._waiting.append(row)

    def step(self) -> list[Result]:
        """One pass: over rows that enter where there is room, else over all that are in. The results it ended."""
        entering = self._entering()
        first = len(self._active) if entering else 0
        self._active += entering
        running = self._active[first:]
        self._slots.past[first:] = [row.keep for row in running]
        tokens, asked = [row.tokens for row in running], [row.asked for row in running]
        logits = extend(self._lm, tokens, self._prefix, self._slots, first, asked)
        results = self._take(running, logits)
        for slot in reversed(range(first, len(self._active))):  # from the end: the last row moves into a freed slot
            if results[slot - first] is not None:
                self._slots.drop(slot)
                self._active[slot] = self._active[-1]
                self._active.pop()
        return [result for result in results if result is not None]

    def _entering(self) -> list[BatchRow[State]]:
        """The rows that enter now: not before a quarter of the batch is free, so that many are read at once."""
        free = self._slots.shape[0] - len(self._active)
        if self._active and free < min(len(self._waiting), max(1, self._slots.shape[0] // 4)):
            return []
        entering: list[BatchRow[State]] = []
        while self._waiting and len(entering) < free and sum(len(row.tokens) for row in entering) < READ_TOKENS:
            entering.append(self._waiting.popleft())
        return entering
