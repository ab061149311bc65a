"""How fast a model is on this machine, from a short timing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from trainers.generation import generate
from trainers.models import LanguageModel
from trainers.rendering import Row

TRAIN_SHARE = 1 / 4  # of the speed of reading: forward, backward through activations, and the adapter on top


@dataclass(frozen=True)
class Speed:
    """Tokens a second: read (`prefill`), written over a batch (`decode`), learned from (`train`)."""

    prefill: float
    decode: float
    train: float


def measure(lm: LanguageModel, rows: int = 16, length: int = 64, written: int = 12) -> Speed:
    """Time one batch, in a few seconds."""
    generator = random.Random(0)
    vocabulary = min(len(lm.tokenizer), 10_000)
    batch = [Row((), tuple(generator.randrange(100, vocabulary) for _ in range(length))) for _ in range(rows)]
    _seconds(lambda: list(generate(lm, batch[:2], max_tokens=1)))  # the first call pays for warming up
    prefill = _seconds(lambda: list(generate(lm, batch, max_tokens=1)))
    whole = _seconds(lambda: list(generate(lm, batch, max_tokens=written)))
    reading = rows * length / prefill
    return Speed(reading, rows * (written - 1) / max(whole - prefill, 1e-3), reading * TRAIN_SHARE)


def _seconds(work: Callable[[], object]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since
