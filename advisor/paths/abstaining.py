"""When a system with passages says that it does not know: the support under which it does, set on development examples.

The support of a request is the cosine of its input with the nearest passage shown. Knows nothing of how answers are made:
supports go in with whether each answer was right, a threshold and what it trades come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.paths.arms import Arm, predictions
from advisor.paths.prompting import fixed_shots
from advisor.runtime.bench import Bench
from advisor.runtime.grounding import without_answers
from advisor.score.metric import score_all
from advisor.system import System

WITHHELD = 0.05  # of the right answers, at most, that the threshold costs
STEPS = 10  # thresholds shown beside the one chosen


@dataclass(frozen=True)
class Trade:
    """What a threshold gives, as shares of 1: of the questions `answered`, of the answers `wrong`, of the right answers
    `withheld`, and of the questions whose documents were taken out `refused` (None where there was nothing to take out)."""

    below: float
    answered: float
    wrong: float | None
    withheld: float
    refused: float | None


@dataclass(frozen=True)
class Abstaining:
    """The text said in place of an answer where the support is `below`; measured on so many `questions`, with the trade of
    the threshold chosen and of others. Without questions to set it on it is -1: there is always an answer."""

    text: str
    below: float
    questions: int
    trades: tuple[Trade, ...]


def trade(below: float, supports: Sequence[float], right: Sequence[bool], unanswerable: Sequence[float]) -> Trade:
    """What the threshold gives on questions with these supports and answers, and on unanswerable ones."""
    given = np.asarray(supports) >= below
    good = np.asarray(right, dtype=bool)
    return Trade(
        below=below,
        answered=float(given.mean()),
        wrong=float((~good[given]).mean()) if given.any() else None,
        withheld=float((~given[good]).mean()) if good.any() else 0.0,
        refused=float((np.asarray(unanswerable) < below).mean()) if len(unanswerable) else None,
    )


def threshold(supports: Sequence[float], right: Sequence[bool]) -> float:
    """The highest support to ask for that withholds at most `WITHHELD` of the right answers; -1 where none was right."""
    of_right = sorted(support for support, good in zip(supports, right, strict=True) if good)
    return of_right[int(WITHHELD * len(of_right))] if of_right else -1.0


def fit(bench: Bench, system: System) -> Abstaining:
    """The threshold for a system on development examples, with the trade of it and of others.

    The examples are asked as they are, and their support is looked at once more with every passage taken out that holds
    the answer: what is answered then can't be right.
    """
    metric, finder = bench.metric, bench.runtime.finder
    examples = bench.choosing or bench.comparing
    if not examples:
        return Abstaining(bench.task.abstain, -1.0, 0, ())
    made = predictions(bench, _remade(replace(system, abstain=None)), examples, "abstain")
    scored = score_all(metric, [prediction.text for prediction in made], examples)
    right = [(one.score or 0.0) >= metric.passing for one in scored]
    shown = finder.passages(replace(system.context, kind="retrieved"), examples)
    supports = finder.support(examples, shown)
    taken = without_answers(finder, examples, max(1, system.context.k))
    unanswerable = finder.support(*zip(*taken, strict=True)) if taken else []
    chosen = threshold(supports, right)
    others = np.quantile(supports, np.linspace(0, 0.9, STEPS)).tolist()
    trades = tuple(trade(below, supports, right, unanswerable) for below in sorted({chosen, *others}))
    return Abstaining(bench.task.abstain, chosen, len(examples), trades)


def _remade(system: System) -> Arm:
    """The system with shots from the rows of a bench; where rows are few, none is asked about that was shown. An adapter
    stays, and where it learned from all rows, more of its answers are right than will be."""
    if system.shots.kind != "fixed":
        return lambda bench: system
    return lambda bench: replace(system, shots=fixed_shots(bench.task, bench.seed, system.shots.k))
