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

WARM_UP = 2  # steps
DECAY = 0.2  # share of the steps; more gained nothing in Hägele et al. 2024 (arXiv 2405.18392)
WINDOW = 4  # batches whose rows are put together by length
PASS_TOKENS = 8_192  # of a batch run at once, which bounds the memory of activations; a larger batch is run in pieces


@dataclass(frozen=True)
class TuneSettings:
    """How to tune. `evaluations` are spread evenly; after `patience` of them without a better score the rate decays, and
    tuning ends.

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
    """The adapter's (or model's) folder, its hash, and how tuning went: `scores` holds (step, score) pairs, `losses` each step's,
    `tokens` how many were computed."""

    folder: Path
    fingerprint: str
    scores: tuple[tuple[int, float], ...]
    losses: tuple[float, ...]
    tokens: int


def planned(rows: Sequence[Row], settings: TuneSettings) -> Iterator[list[int]]:
    """The rows of each optimizer step: shuffled by epoch, then put together by length within windows of batches. The first
    epoch takes them as they come, so that a tuning on the first windows of rows is the beginning of one on all."""
    for epoch in range(settings.epochs):
        generator = random.Random(f"{settings.seed}:{epoch}")
        order = list(range(len(rows)))
        if epoch:
            generator.shuffle(order)
        window = settings.batch * WINDOW
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=lambda i: (rows[i].shared, len(rows[i].own), i))
            steps = [near[i : i + settings.batch] for i in range(0, len(near), settings.batch)]
            random.Random(f"{settings.seed}:{epoch}:{start}").shuffle(steps)
            yield from steps


def evaluated(settings: TuneSettings, steps: int) -> set[int]:
    """The steps after which the model is rated."""
    return {round(steps * (i + 1) / settings.evaluations) for i in range(settings.evaluations)} - {0}


def decays(steps: int) -> int:
    """The step from which on the rate of a tuning of so many steps falls."""
    return steps - max(1, round(steps * DECAY))


def ended(step: int) -> int:
    """The last step of a tuning whose rate falls from this one on."""
    return step + max(1, round(step * DECAY / (1 - DECAY)))


def rate(step: int, steps: int, since: int) -> float:
    """The share of the learning rate at a step: a linear warm-up, then constant, and from step `since` on down to nothing by 1
    less the square root. So the part before is that of a longer tuning as well (warm-up, stable, decay: Hu et al. 2024,
    arXiv 2404.06395; Hägele et al. 2024, arXiv 2405.18392)."""
    warm, gone = min(1.0, (step + 1) / WARM_UP), max(0, step - since + 1)
    return warm * (1 - math.sqrt(gone / (steps - since + 1)))


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
