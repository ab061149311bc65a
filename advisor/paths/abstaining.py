"""When a system with passages says that it does not know: the support under which it does, set on development examples.

The support of a request is the cosine of its input with the nearest passage shown. Knows nothing of how answers are made:
supports go in with whether each answer was right, a threshold and what it trades come out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from advisor.runtime.grounding import without_answers
from advisor.runtime.runtime import Runtime
from advisor.score import metrics
from advisor.score.metric import score_all
from advisor.system import Abstain, System
from advisor.task import Example, Task

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


def fit(task: Task, runtime: Runtime, system: System, examples: Sequence[Example]) -> dict[str, Any]:
    """The threshold for a system on development examples, with the trade of it and of others.

    The examples are asked as they are, and their support is looked at once more with every passage taken out that holds
    the answer: what is answered then can't be right.
    """
    metric = metrics.resolve(task.metric, task.labels, task.folder)
    made = runtime.predict(replace(system, abstain=None), examples, "abstain")
    scored = score_all(metric, [prediction.text for prediction in made], examples)
    right = [(one.score or 0.0) >= metric.passing for one in scored]
    shown = runtime.finder.passages(replace(system.context, kind="retrieved"), examples)
    supports = runtime.finder.support(examples, shown)
    taken = without_answers(runtime, examples, max(1, system.context.k))
    unanswerable = runtime.finder.support(*zip(*taken, strict=True)) if taken else []
    chosen = threshold(supports, right)
    others = np.quantile(supports, np.linspace(0, 0.9, STEPS)).tolist()
    trades = [trade(below, supports, right, unanswerable) for below in sorted({chosen, *others})]
    return {
        "text": task.abstain,
        "below": chosen,
        "questions": len(examples),
        "trades": [asdict(one) for one in trades],
    }


def abstaining(system: System, fitted: dict[str, Any]) -> System:
    """The system that abstains as was fitted."""
    return replace(system, abstain=Abstain(fitted["text"], fitted["below"]))
