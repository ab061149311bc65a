"""What work will take before it is begun: speed from a short timing on this machine, tokens and memory by counting."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.generation import generate
from trainers.models import LanguageModel, bare
from trainers.rendering import Row
from trainers.tuning import PASS_TOKENS, TuneSettings, tune

OWN, TARGET = 32, 16  # tokens of a row that is trained on


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


def measure(lm: LanguageModel, rows: int = 64, length: int = 32, written: int = 9) -> Speed:
    """Time one batch, in a few seconds."""
    generator = random.Random(0)
    vocabulary = min(len(lm.tokenizer), 10_000)
    batch = [Row((), tuple(generator.randrange(100, vocabulary) for _ in range(length))) for _ in range(rows)]
    _seconds(lambda: list(generate(lm, batch[:8], max_tokens=2)))  # the first call pays for warming up
    prefill = _seconds(lambda: list(generate(lm, batch, max_tokens=1)))
    whole = _seconds(lambda: list(generate(lm, batch, max_tokens=written)))
    # Reading is never the smaller part of so short a text's time by more than this: a hiccup in the first timing.
    writing = max(whole - prefill, 0.2 * whole)
    return Speed(rows * length / prefill, rows * (written - 1) / writing, _training(lm, batch))


def _training(lm: LanguageModel, batch: Sequence[Row]) -> float:
    """Tokens a second of one optimizer step, the second of three: the first warms up, the third ends the training."""
    settings = TuneSettings(epochs=1, evaluations=1)
    rows = [Row((), row.own[:OWN], row.own[:TARGET]) for row in batch[: settings.batch]] * 3
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        tune(lm, rows, lambda model: 0.0, settings, Path(folder), lambda _: ends.append(time.perf_counter()))
    return settings.batch * (OWN + TARGET) / (ends[1] - ends[0])


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


def _seconds(work: Callable[[], object]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since
