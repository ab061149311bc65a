"""How a tuning is set, which rows its steps take at which learning rate, how it stands and how it ended.

Plain values, counted and drawn before any weight is touched; no torch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.rendering import Row

WARM_UP = 0.1  # share of the steps
PASS_TOKENS = 8_192  # of a batch run at once, which bounds the memory of activations; a larger batch is run in pieces


@dataclass(frozen=True)
class TuneSettings:
    """How to tune. `evaluations` are spread evenly; after `patience` of them without a better score tuning stops.

    Rank, alpha = 2 * rank and "every linear layer" follow Hu et al. 2021 (arXiv 2106.09685) and Dettmers et al. 2023
    (arXiv 2305.14314). `full` tunes all weights instead of an adapter: in float32, for small models, and with a learning
    rate a tenth or less of an adapter's.
    """

    epochs: int = 2
    batch: int = 16
    rank: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    evaluations: int = 4
    patience: int = 2
    seed: int = 0
    full: bool = False


@dataclass(frozen=True)
class Progress:
    """Where tuning stands, after each optimizer step: its loss in nats per target token, and a score where one was asked."""

    step: int
    steps: int
    loss: float
    score: float | None


@dataclass(frozen=True)
class Tuned:
    """The adapter's (or model's) folder, its hash, and how tuning went: `scores` holds (step, score) pairs, best at `best`,
    `losses` each step's, `tokens` how many were computed."""

    folder: Path
    fingerprint: str
    best: int
    scores: tuple[tuple[int, float], ...]
    losses: tuple[float, ...]
    tokens: int


def planned(rows: Sequence[Row], settings: TuneSettings) -> Iterator[list[int]]:
    """The rows of each optimizer step: shuffled by epoch, then put together by length within windows of batches."""
    for epoch in range(settings.epochs):
        generator = random.Random(f"{settings.seed}:{epoch}")
        order = list(range(len(rows)))
        generator.shuffle(order)
        window = settings.batch * 8
        steps = []
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=lambda i: (rows[i].shared, len(rows[i].own), i))
            steps += [near[i : i + settings.batch] for i in range(0, len(near), settings.batch)]
        generator.shuffle(steps)
        yield from steps


def evaluated(settings: TuneSettings, steps: int) -> set[int]:
    """The steps after which the model is rated."""
    return {round(steps * (i + 1) / settings.evaluations) for i in range(settings.evaluations)} - {0}


def rate(step: int, steps: int) -> float:
    """The share of the learning rate at a step: linear warm-up, then a cosine down to a tenth."""
    warm = max(1, round(steps * WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def passes(batch: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows of a step in passes: with the same shared part, in pieces that fit memory."""
    together: list[Row] = []
    for row in sorted(batch, key=lambda row: (row.shared, row.tokens)):
        if together and (row.shared != together[0].shared or computed([*together, row]) > PASS_TOKENS):
            yield together
            together = []
        together.append(row)
    yield together


def computed(together: Sequence[Row]) -> int:
    """How many tokens a pass over rows with the same shared part computes."""
    return len(together[0].shared) + sum(len(row.own) + len(row.target) for row in together)
