"""Whether texts have the form that a program which reads them needs: JSON, by the schema, or one of the labels."""

from collections.abc import Callable, Mapping, Sequence

from advisor.data.kinds import sort_of
from advisor.data.taskfolder import checker
from advisor.score import sets
from advisor.score.fields import parse_json
from advisor.system import Prediction
from advisor.task import Task


def validity(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The shares of 1, by the names of `forms`, of the texts that were given; {} where none was, or nothing is asked of it."""
    given = [prediction.text for prediction in predictions if prediction.text is not None]
    return {name: sum(map(has, given)) / len(given) for name, has in forms(task).items()} if given else {}


def forms(task: Task) -> Mapping[str, Callable[[str], bool]]:
    """What tells whether a text is "json" and follows the "schema" where the task has one, or is a "label": one of the
    task's, else of the training rows; or has such "labels" alone where a row may have several."""
    rows = task.split.train or task.split.compare
    sort = sort_of(task)
    if sort.kind == "label":
        fault = checker(task.labels or sort.labels(rows), None, sort.between)
        if sort.between is None:
            return {"label": lambda text: not fault(text)}
        array = sort.between == sets.ARRAY
        return {"labels": lambda text: not fault(text) and (not array or sets.array(text) is not None)}
    if sort.kind != "json":
        return {}
    outside = checker((), task.schema)
    schema = {"schema": lambda text: not outside(text)} if task.schema is not None else {}
    return {"json": _is_json, **schema}


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True
