"""Greedy decoding of many rows with one model. Works on token rows; knows nothing of tasks, prompts or metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from llguidance import LLMatcher
from torch import Tensor

from trainers.constraints import Constraint, allowed, matchers
from trainers.engine import plain
from trainers.engine.batching import Batch, BatchRow, by_prefix
from trainers.engine.layers import prepared
from trainers.engine.packing import packs
from trainers.models import LanguageModel
from trainers.rendering import Ids, Row

VOCABULARY_BLOCK = 512  # within which the largest logit is looked for
# With so few rows left a pass takes as long for a few more tokens: those that followed the last two the last time are
# tried, and kept as far as they are what is written anyway (Saxena 2023, "Prompt lookup decoding").
DRAFTED_ROWS, DRAFT, ALIKE = 8, 7, 2


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
        for i, (tokens, ended) in enumerate(plain.greedy(lm, rows, constraint, max_tokens)):
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
        self.batch: Batch[_Text, Generation] = Batch(lm, like[0].shared, capacity, self._take)

    def add(self, index: int, row: Row) -> None:
        """Queue a row."""
        self.batch.add(BatchRow(index, row.own, _Text(row, next(self._matchers))))

    def _take(self, rows: Sequence[BatchRow[_Text]], logits: Tensor) -> list[Generation | None]:
        tokens, drafts, at, done = largest(logits), len(rows) <= DRAFTED_ROWS, 0, []
        for row in rows:
            end = at + row.asked
            done.append(self._written(row, tokens[at:end], logits[at:end], drafts))
            at = end
        return done

    def _written(self, row: BatchRow[_Text], tokens: Sequence[int], logits: Tensor, drafts: bool) -> Generation | None:
        """Take in the likeliest tokens behind the last one and behind a draft, as far as the draft was right."""
        text, drafted = row.state, row.tokens[len(row.tokens) - row.asked + 1 :]
        row.keep += len(row.tokens) - len(drafted)
        for token, row_logits, guess in zip(tokens, logits, [*drafted, None], strict=True):
            if text.matcher is not None:
                token = allowed(text.matcher, token, row_logits)
            if token not in self._stops:
                text.written.append(token)
            ended = token in self._stops or (text.matcher is not None and text.matcher.is_stopped())
            if ended or len(text.written) >= self._max_tokens:
                return _generation(self._lm, row.index, text.written, ended)
            if token != guess:
                break
            row.keep += 1
        draft = text.draft(min(DRAFT, self._max_tokens - len(text.written))) if drafts else ()
        row.tokens, row.asked = (token, *draft), 1 + len(draft)
        return None


@dataclass
class _Text:
    """What is being written for a row."""

    row: Row
    matcher: LLMatcher | None
    written: list[int] = field(default_factory=list)

    def draft(self, length: int) -> Ids:
        """At most so many tokens that may come next: what followed the last tokens where they stood before."""
        before = (*self.row.shared, *self.row.own, *self.written)
        last = before[-ALIKE:]
        for start in range(len(before) - ALIKE - 1, -1, -1):
            if before[start : start + ALIKE] == last:
                return before[start + ALIKE : start + ALIKE + length]
        return ()


def _generation(lm: LanguageModel, index: int, tokens: list[int], ended: bool) -> Generation:
    return Generation(index, str(lm.tokenizer.decode(tokens, skip_special_tokens=True)), len(tokens), ended)


def largest(logits: Tensor) -> list[int]:
    """The first place of the largest value in each row of the (n, vocabulary) logits. torch.argmax is slow over many 16-bit
    values on a CPU: there, the largest of each block, then the place in the best block."""
    if logits.device.type != "cpu" or logits.shape[1] % VOCABULARY_BLOCK:
        places = torch.argmax(logits, dim=1)
    else:
        blocks = logits.view(len(logits), -1, VOCABULARY_BLOCK)
        best = blocks.amax(2).argmax(1)
        places = best * VOCABULARY_BLOCK + blocks[torch.arange(len(logits)), best].argmax(1)
    return [int(place) for place in places.tolist()]
