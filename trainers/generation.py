"""Greedy decoding of many rows with one model. Works on token rows; knows nothing of tasks, prompts or metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainers import plain
from trainers.batching import Batch, Request, by_prefix
from trainers.constraints import Constraint, allowed, matchers
from trainers.layers import prepared
from trainers.models import LanguageModel
from trainers.packing import packs
from trainers.rendering import Row

BLOCK = 512  # of the vocabulary, within which the largest logit is looked for


@dataclass(frozen=True)
class Generation:
    """The text for one row: `index` into the rows, `tokens` generated, `complete` unless it ran into the limit."""

    index: int
    text: str
    tokens: int
    complete: bool


def generate(
    lm: LanguageModel, rows: Sequence[Row], constraint: Constraint | None = None, max_tokens: int = 128
) -> Iterator[Generation]:
    """Decode greedily, yielding each text as it ends (not in the order of the rows).

    The tokens that rows share are run once for all of them. A row that does not fit the model's context is the caller's
    to leave out. Raises ValueError for a constraint that cannot be compiled.
    """
    if not packs(lm):
        for i, (tokens, ended) in enumerate(plain.generate(lm, rows, constraint, max_tokens)):
            yield _generation(lm, i, tokens, ended)
        return
    with prepared(lm):
        for _, indices in by_prefix(rows):
            writer = Writer(lm, [rows[i] for i in indices], constraint, max_tokens)
            for i in indices:
                writer.add(i, rows[i])
            while writer.batch.busy:
                yield from writer.batch.step()


class Writer:
    """Rows with the same shared part, written token by token as one batch; more may be added while it goes.

    like: rows of the kind that will come, by which room is made.
    """

    def __init__(self, lm: LanguageModel, like: Sequence[Row], constraint: Constraint | None, max_tokens: int) -> None:
        self._lm, self._max_tokens = lm, max_tokens
        self._stops, self._matchers = plain.stop_ids(lm), matchers(lm, constraint)
        capacity = max(len(row.own) for row in like) + max_tokens
        self.batch: Batch[Generation] = Batch(lm, like[0].shared, capacity, self._take)

    def add(self, index: int, row: Row) -> None:
        """Queue a row."""
        self.batch.add(Request(index, row.own, state=(next(self._matchers), [])))

    def _take(self, requests: Sequence[Request], logits: Any) -> list[Generation | None]:
        return [
            self._written(request, token, row_logits)
            for request, token, row_logits in zip(requests, largest(logits), logits, strict=True)
        ]

    def _written(self, request: Request, token: int, logits: Any) -> Generation | None:
        matcher, written = request.state
        if matcher is not None:
            token = allowed(matcher, token, logits)
        if token not in self._stops:
            written.append(token)
        ended = token in self._stops or (matcher is not None and matcher.is_stopped())
        if ended or len(written) >= self._max_tokens:
            return _generation(self._lm, request.index, written, ended)
        request.keep, request.tokens = request.keep + len(request.tokens), (token,)
        return None


def _generation(lm: LanguageModel, index: int, tokens: Sequence[int], ended: bool) -> Generation:
    return Generation(index, lm.tokenizer.decode(tokens, skip_special_tokens=True), len(tokens), ended)


def largest(logits: Any) -> list[int]:
    """The first place of the largest value in each row. torch.argmax is slow over many 16-bit values on a CPU: there, the
    largest of each block, then the place in the best block."""
    import torch

    if logits.device.type != "cpu" or logits.shape[1] % BLOCK:
        return torch.argmax(logits, dim=1).tolist()  # type: ignore[no-any-return]
    blocks = logits.view(len(logits), -1, BLOCK)
    best = blocks.amax(2).argmax(1)
    inside = blocks[torch.arange(len(logits)), best].argmax(1)
    return (best * BLOCK + inside).tolist()  # type: ignore[no-any-return]
