"""The metrics by their names, and a person's own by the path of a Python function."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from advisor.score.fields import FIELDS_F1
from advisor.score.labels import macro_f1, same_label
from advisor.score.metric import Metric, best, mean
from advisor.score.numbers import WITHIN, number
from advisor.score.overlap import chrf_best, chrf_of, chrf_score, contains, rouge_l, same_text, sari, token_f1
from advisor.score.sets import set_f1
from advisor.task import Example

PASSING = 50  # at which an example passes by a person's own metric
Own = Callable[[str], Callable[[str, Example], Any]]
"""Gives the function of a python path `package.module:function`, which takes (text, example) and returns 0 to 100."""


def resolve(name: str, labels: Sequence[str] = (), own: Own | None = None) -> Metric:
    """The metric of a name in `METRICS`, or of a python path.

    own: gives the function of such a path; whether its code may be loaded is known there (`data.owncode`).

    Raises:
        ValueError: no such metric or tolerance, nothing to import, or `macro_f1` without labels; and what `own` raises.
    """
    if ":" in name:
        if own is None:
            raise ValueError(f"the metric {name!r} is Python of one's own, which can't be loaded here")
        return mean(name, _checked(name, own(name)), PASSING)
    if name.startswith(f"number{WITHIN}"):
        return number(name.partition(WITHIN)[2].strip())
    if name in METRICS:
        return METRICS[name](tuple(labels))
    near = difflib.get_close_matches(name.lower().replace("-", "_"), METRICS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(METRICS)}, or package.module:function."
    raise ValueError(f"there is no metric {name!r}. {hint}")


def _checked(path: str, function: Callable[[str, Example], Any]) -> Callable[[str, Example], float]:
    """A person's own function, which may raise anything and give anything."""

    def score(text: str, example: Example) -> float:
        try:
            value = float(function(text, example))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"the metric {path!r} fails on example {example.id}: {what}") from error
        if not 0 <= value <= 100:
            raise ValueError(f"the metric {path!r} gave {value} for example {example.id}, not 0 to 100")
        return value

    return score


_MEANS: Mapping[str, tuple[Callable[[str, Example], float], float]] = {
    "exact_match": (best(same_text), 100),
    "token_f1": (best(token_f1), 50),
    "contains_answer": (best(contains), 100),
    "label_accuracy": (best(same_label), 100),
    "rouge_l": (best(rouge_l), 50),
    "sari": (sari, 50),
}


def _plain(metric: Metric, labels: tuple[str, ...]) -> Metric:
    """The builder of a metric that needs no labels."""
    return metric


METRICS: Mapping[str, Callable[[tuple[str, ...]], Metric]] = {
    **{name: partial(_plain, mean(name, score, passing)) for name, (score, passing) in _MEANS.items()},
    "macro_f1": macro_f1,
    "set_f1": set_f1,
    "number": partial(_plain, number()),
    "json_field_f1": partial(_plain, FIELDS_F1),
    "chrf": partial(_plain, Metric("chrf", chrf_score, chrf_best, chrf_of, 50)),
}
