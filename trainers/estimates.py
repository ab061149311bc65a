"""What a tuning will take, by counting: tokens, seconds at a speed that is known, memory. Runs nothing, and loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainers.models import LanguageModel, bare
from trainers.rendering import Row
from trainers.schedule import PASS_TOKENS, TuneSettings


@dataclass(frozen=True)
class Speed:
    """Tokens a second: read (`prefill`), written over a batch (`decode`), learned from (`train`)."""

    prefill: float
    decode: float
    train: float


@dataclass(frozen=True)
class Cost:
    """What a tuning takes, without the evaluations in between: tokens computed, seconds, and bytes of memory at its peak."""

    tokens: int
    seconds: float
    memory: int


def tuning_cost(lm: LanguageModel, rows: Sequence[Row], settings: TuneSettings, speed: Speed) -> Cost:
    """What tuning on `rows` takes; what rows share is computed once for each batch."""
    own = sum(len(row.own) + len(row.target) for row in rows)
    shared = max((len(row.shared) for row in rows), default=0)
    steps = settings.epochs * -(-len(rows) // settings.batch)
    tokens = settings.epochs * own + steps * shared
    once = min(PASS_TOKENS, shared + own * settings.batch // max(1, len(rows)))
    return Cost(tokens, tokens / speed.train, _memory(lm, once))


def _memory(lm: LanguageModel, tokens: int) -> int:
    """Weights, and what each layer keeps of a pass for going back: for every token about 15 values of the hidden size in
    float32 or its like (inputs of norms and linear layers, queries, keys, values) and 4 of the MLP's in 16 bits."""
    config = bare(lm.model).config.get_text_config()
    hidden = config.hidden_size
    wide = getattr(config, "intermediate_size", None) or 4 * hidden
    kept = config.num_hidden_layers * (15 * hidden * 2 + 4 * wide * 2)
    return int(sum(parameter.nbytes for parameter in lm.model.parameters()) + tokens * kept)
