"""Scores of made-up systems."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.score.metric import Scored
from advisor.score.metrics import resolve

MEAN = resolve("exact_match")


def scored(values: NDArray[np.floating[Any]] | list[float]) -> list[Scored]:
    return [Scored(str(i), float(value), (float(value), 1.0)) for i, value in enumerate(values)]


def rights(k: int, n: int) -> list[Scored]:
    return scored([100.0] * k + [0.0] * (n - k))
