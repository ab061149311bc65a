"""Greedy decoding of many rows with one model. Works on token rows; knows nothing of tasks, prompts or metrics."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

from trainers.models import LanguageModel
from trainers.rendering import Ids, Row

BATCH_ROWS = 64
BATCH_TOKENS = 12_288  # own tokens of one batch, padding included: bounds memory for long contexts


@dataclass(frozen=True)
class Constraint:
    """What a text must be: one of `labels`, or JSON that follows `schema`."""

    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    @property
    def grammar(self) -> str:
        """The constraint as a llguidance grammar."""
        from llguidance import LLMatcher

        if self.schema is not None:
            return str(
                LLMatcher.grammar_from_json_schema(json.dumps(self.schema), defaults={"whitespace_flexible": False})
            )
        return str(LLMatcher.grammar_from_lark("start: " + " | ".join(json.dumps(label) for label in self.labels)))


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
    to leave out.
    """
    order = sorted(range(len(rows)), key=lambda i: (rows[i].shared, -len(rows[i].own), i))
    for shared, indices in groupby(order, key=lambda i: rows[i].shared):
        prefix = _run_prefix(lm, shared)
        for batch in _batches(list(indices), rows):
            yield from _decode(lm, prefix, len(shared), {i: rows[i].own for i in batch}, constraint, max_tokens)


def _batches(indices: Sequence[int], rows: Sequence[Row]) -> Iterator[Sequence[int]]:
    while indices:
        size = max(1, min(BATCH_ROWS, BATCH_TOKENS // max(1, len(rows[indices[0]].own))))
        yield indices[:size]
        indices = indices[size:]


def _run_prefix(lm: LanguageModel, shared: Ids) -> Any:
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=lm.model.config)
    if shared:
        with torch.inference_mode():
            lm.model(torch.tensor([shared], device=lm.model.device), cache=cache, use_cache=True, logits_to_keep=1)
    return cache


@dataclass
class _Active:
    """The rows of a batch that are not finished, in the order of the cache's rows."""

    indices: list[int]
    matchers: list[Any]
    texts: list[list[int]] = field(default_factory=list)


def _decode(
    lm: LanguageModel, prefix: Any, shared: int, own: Mapping[int, Ids], constraint: Constraint | None, max_tokens: int
) -> Iterator[Generation]:
    import torch

    device, pad = lm.model.device, lm.tokenizer.pad_token_id
    width = max(map(len, own.values()))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in own.values()], device=device)
    mask = torch.tensor(
        [[1] * shared + [0] * (width - len(row)) + [1] * len(row) for row in own.values()], device=device
    )
    cache = copy.deepcopy(prefix)
    if shared:
        cache.batch_repeat_interleave(len(own))
    active = _Active(list(own), _matchers(lm, constraint, len(own)), [[] for _ in own])
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
    stops = stop_ids(lm)
    while active.indices:
        with torch.inference_mode():
            logits = lm.model(
                ids, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1
            ).logits[:, -1]
        chosen = _choose(lm, logits, active.matchers)
        keep = []
        for i, token in enumerate(chosen):
            if token not in stops:
                active.texts[i].append(token)
            ended = token in stops or (bool(active.matchers) and active.matchers[i].is_stopped())
            if ended or len(active.texts[i]) >= max_tokens:
                text = lm.tokenizer.decode(active.texts[i], skip_special_tokens=True)
                yield Generation(active.indices[i], text, len(active.texts[i]), ended)
            else:
                keep.append(i)
        if len(keep) < len(chosen):
            select = torch.tensor(keep, dtype=torch.long, device=device)
            if keep:
                cache.batch_select_indices(select)
            mask, positions = mask[select], positions[select]
            active = _Active(
                [active.indices[i] for i in keep],
                [active.matchers[i] for i in keep] if active.matchers else [],
                [active.texts[i] for i in keep],
            )
        ids = torch.tensor([[chosen[i]] for i in keep], device=device)
        mask = torch.cat([mask, mask.new_ones(len(keep), 1)], 1)
        positions = positions[:, -1:] + 1


def _choose(lm: LanguageModel, logits: Any, matchers: Sequence[Any]) -> list[int]:
    """The likeliest token of each row that its matcher allows."""
    import torch

    if matchers:
        import llguidance.torch as guide

        bits = guide.allocate_token_bitmask(len(matchers), logits.shape[1])
        for i, matcher in enumerate(matchers):
            guide.fill_next_token_bitmask(matcher, bits, i)
        guide.apply_token_bitmask_inplace(logits, bits.to(logits.device))
    chosen: list[int] = torch.argmax(logits, dim=1).tolist()
    for matcher, token in zip(matchers, chosen, strict=False):
        matcher.consume_token(token)
    return chosen


def stop_ids(lm: LanguageModel) -> frozenset[int]:
    """The tokens that end an answer."""
    config = getattr(lm.model.generation_config, "eos_token_id", None)
    listed = config if isinstance(config, list) else [config]
    return frozenset(int(i) for i in (*listed, lm.tokenizer.eos_token_id) if i is not None)


@lru_cache(maxsize=4)
def _guide(tokenizer: Any, vocabulary: int, stop: int) -> Any:
    import llguidance.hf

    return llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=stop)


def _matchers(lm: LanguageModel, constraint: Constraint | None, count: int) -> list[Any]:
    if constraint is None:
        return []
    from llguidance import LLMatcher

    vocabulary = lm.model.get_output_embeddings().weight.shape[0]  # many models pad it beyond the tokenizer's
    first = LLMatcher(_guide(lm.tokenizer, vocabulary, lm.tokenizer.eos_token_id), constraint.grammar)
    if first.is_error():
        raise ValueError(f"the constraint cannot be compiled: {first.get_error()}")
    return [first, *(first.deep_copy() for _ in range(count - 1))]
