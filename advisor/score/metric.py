"""What a metric is: a score for one text, and figures over many as functions of sums. Knows nothing of models."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.task import Example

COPIED = "copying the context"  # the floor that is an answer in itself
Floats = NDArray[np.float64]
Statistics = tuple[float, ...]


@dataclass(frozen=True)
class Metric:
    """A metric on the scale 0 to 100.

    `score` rates one text. `statistics` gives the same text's additive statistics (k floats), and `aggregate` turns sums
    of them, shape (b, k), into b figures: means, micro and macro F1 are all functions of such sums, so that a bootstrap is
    one matrix product. An example passes at `passing` or more. `beside` are further figures of the same sums by their
    names, each in a unit of its own, that are shown wherever the score is; NaN where there is nothing to tell.
    """

    name: str
    score: Callable[[str, Example], float]
    statistics: Callable[[str, Example], Statistics]
    aggregate: Callable[[Floats], Floats]
    passing: float
    beside: Mapping[str, Callable[[Floats], Floats]] = field(default_factory=dict)

    def rate(self, text: str, example: Example) -> tuple[float, Statistics]:
        """Score and statistics of one text."""
        return self.score(text, example), self.statistics(text, example)


class Mean(Metric):
    """A metric whose statistics follow from the score, so that a text is rated once: a person's own metric may be slow."""

    def rate(self, text: str, example: Example) -> tuple[float, Statistics]:
        """Score and statistics of one text."""
        score = self.score(text, example)
        return score, (score, 1.0)


@dataclass(frozen=True)
class Scored:
    """What one example got. `score` is None where the system gave no text: unscored, which is not a zero."""

    id: str
    score: float | None
    statistics: Statistics = ()


def score_all(metric: Metric, texts: Sequence[str | None], examples: Sequence[Example]) -> tuple[Scored, ...]:
    """Score one text per example; a text that is None stays unscored."""
    return tuple(
        Scored(example.id, None) if text is None else Scored(example.id, *metric.rate(text, example))
        for text, example in zip(texts, examples, strict=True)
    )


def beside(metric: Metric, scored: Sequence[Scored]) -> dict[str, float]:
    """The further figures of a metric over all that was scored; without those of which there is nothing to tell."""
    known = [one.statistics for one in scored if one.score is not None]
    sums = np.array(known, dtype=float).sum(0, keepdims=True)
    figures = {name: float(figure(sums)[0]) for name, figure in metric.beside.items() if known}
    return {name: value for name, value in figures.items() if not np.isnan(value)}


def floors(
    metric: Metric, examples: Sequence[Example], train: Sequence[Example], contexts: Mapping[str, str] | None = None
) -> dict[str, tuple[Scored, ...]]:
    """What each example scores for no work at all: copying the input, always the commonest output, copying the context.

    The commonest output is that of `train` (of the examples, where that has no rows): of few examples, the commonest of their
    own would win by chance. `contexts` maps example ids to the context that a system would see; the third floor is there only with it.
    """
    if not examples:
        return {}
    commonest = Counter(example.output for example in train or examples).most_common(1)[0][0]
    texts = {
        "copying the input": [example.input for example in examples],
        "the commonest output": [commonest] * len(examples),
    }
    if contexts:
        texts[COPIED] = [contexts.get(example.id, "") for example in examples]
    return {name: score_all(metric, given, examples) for name, given in texts.items()}


def over_all(metric: Metric, scored: Sequence[Scored]) -> float:
    """The metric's figure, 0 to 100, over texts that all were scored."""
    return float(metric.aggregate(np.array([one.statistics for one in scored], dtype=float).sum(0, keepdims=True))[0])


def ratio(part: Floats, whole: Floats, empty: float | Floats = 0.0) -> Floats:
    """part / whole, and `empty` where there is nothing to divide by."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), empty)


def mean(name: str, score: Callable[[str, Example], float], passing: float) -> Metric:
    """A metric whose figure over many examples is the mean of their scores."""
    return Mean(name, score, lambda t, e: (score(t, e), 1.0), lambda sums: ratio(sums[:, 0], sums[:, 1]), passing)


def best(compare: Callable[[str, str], float]) -> Callable[[str, Example], float]:
    """Score a text against each accepted answer, and keep the best."""
    return lambda text, example: 100 * max(compare(text, answer) for answer in example.answers)
