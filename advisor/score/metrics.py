"""The metrics by their names, and a person's own by the path of a Python function."""

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from advisor.score.fields import FIELDS_F1
from advisor.score.labels import macro_f1, same_label
from advisor.score.metric import Metric, best, mean
from advisor.score.numbers import WITHIN, number
from advisor.score.overlap import chrf_best, chrf_of, chrf_score, contains, rouge_l, same_text, sari, token_f1
from advisor.score.sets import set_f1
from advisor.task import Example


def resolve(name: str, labels: Sequence[str] = (), folder: Path | None = None) -> Metric:
    """The metric of a name in `METRICS`, such as "number within 5%", or of a python path `package.module:function`.

    The function takes (text, example) and returns 0 to 100; its module is looked for in `folder` first.

    Raises:
        ValueError: no such metric or tolerance, nothing to import, or `macro_f1` without labels.
    """
    if ":" in name:
        return mean(name, _imported(name, folder), passing=50)
    if name.startswith(f"number{WITHIN}"):
        return number(name.partition(WITHIN)[2].strip())
    if name in METRICS:
        return METRICS[name](tuple(labels))
    near = difflib.get_close_matches(name.lower().replace("-", "_"), METRICS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(METRICS)}, or package.module:function."
    raise ValueError(f"there is no metric {name!r}. {hint}")


def _imported(path: str, folder: Path | None) -> Callable[[str, Example], float]:
    module_name, _, attribute = path.partition(":")
    file = folder / (module_name.replace(".", "/") + ".py") if folder else None
    try:
        if folder and file and file.is_file():
            # Loaded from its file, not by name: two tasks may both have a `scoring.py`.
            spec = importlib.util.spec_from_file_location(f"_metric_{module_name.replace('.', '_')}", file)
            assert spec and spec.loader
            module = importlib.util.module_from_spec(spec)
            sys.path.insert(0, str(folder))
            try:
                spec.loader.exec_module(module)
            finally:
                sys.path.remove(str(folder))
        else:
            module = importlib.import_module(module_name)
        function = getattr(module, attribute)
        if not callable(function):
            raise TypeError(f"{attribute} is not a function")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a person's module may raise anything, and end the program
        raise ValueError(f"the metric {path!r} cannot be imported: {type(error).__name__}: {error}") from error

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
