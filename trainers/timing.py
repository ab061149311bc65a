"""How fast a model reads, writes and learns on this machine, from a few seconds of each."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter as clock

from trainers.estimates import Speed
from trainers.generation import generate
from trainers.models import LanguageModel
from trainers.rendering import Row
from trainers.schedule import TuneSettings
from trainers.tuning import tune

OWN, TARGET = 32, 16  # tokens of a row that is trained on


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
        tune(lm, rows, lambda model: 0.0, settings, Path(folder), lambda _: ends.append(clock()))
    return settings.batch * (OWN + TARGET) / (ends[1] - ends[0])


def _seconds(work: Callable[[], object]) -> float:
    since = clock()
    work()
    return clock() - since
