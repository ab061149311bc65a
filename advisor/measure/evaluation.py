"""Scores of a built system, or of stored predictions, on rows that a person gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from advisor import runfolder
from advisor.data import taskfolder
from advisor.data.owncode import own_function
from advisor.errors import InputError, Problem
from advisor.rows.examples import read_rows
from advisor.runtime.built import Asked, load
from advisor.runtime.runtime import of_incumbent
from advisor.runtime.settings import Settings
from advisor.score.metric import Metric, score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import interval
from advisor.system import Incumbent, Prediction
from advisor.task import Example
from retrieval.watching import Watch, unwatched

MOST_LABELS = 100  # with more different outputs they are no labels


@dataclass(frozen=True)
class OfLabel:
    """How many rows have a label, and the share of them that were right in per cent; None where none was scored."""

    n: int
    score: float | None


@dataclass(frozen=True)
class Evaluation:
    """The score, 0 to 100, over `n` scored rows (None over none), with its 95 % interval, and by label where outputs are
    labels. Of `cut` rows the answer was cut off at the limit."""

    metric: str
    score: float | None
    interval: tuple[float, float]
    n: int
    unscored: int
    abstained: int
    labels: Mapping[str, OfLabel]
    cut: int = 0

    def holds(self, least: float) -> bool:
        """Whether the score is surely `least` or more: also if every answer that is missing were wrong."""
        return self.score is not None and self.score * self.n / (self.n + self.unscored) >= least


def evaluate(
    what: Path,
    data: Path,
    metric: str = "",
    seed: int = 0,
    watch: Watch = unwatched,
    settings: Settings | None = None,
) -> Evaluation:
    """The score with its 95 % interval over the rows of `data`, and for each label where outputs are labels.

    what: a run folder with a built system, or a JSON Lines file of `id` and `prediction`. metric: another than the run's.
    settings: as for `built.load`.
    Raises InputError with everything that is wrong in either file.
    """
    record = what / "task.json"
    unanswered = runfolder.read(record, Asked).abstain if record.is_file() else ""
    given = read_rows(data, str(data), unanswered=unanswered)
    examples, problems = given.examples, given.problems
    stored: dict[str, str] = {}
    if not examples and not problems:
        problems.append(Problem("has no rows", data, do="Add rows with inputs and wanted outputs"))
    lines: dict[str, int] = {}
    for row in examples:
        if (first := lines.setdefault(row.id, row.row)) != row.row:
            what_twice = f"{row.id!r} is the id of line {first} too"
            problems.append(Problem(what_twice, data, row.row, "id", "Give every row its own id"))
    if not what.is_dir():
        stored, wrong = taskfolder.read_predictions(what, set(lines))
        problems += wrong
    if problems:
        raise InputError(problems)
    built = load(what, watch, settings) if what.is_dir() else None
    name = metric or (built.asked.metric if built else "exact_match")
    labels = (built.asked.labels if built else ()) or tuple(sorted({example.output for example in examples}))
    folder = Path(built.asked.folder) if built else None
    allow = settings is not None and settings.allow_code
    try:
        chosen = resolve(name, labels, partial(own_function, folder=folder, allow=allow))
    except ValueError as error:
        raise InputError(Problem(str(error), "--metric", do="Name another metric")) from error
    made = built.predict(examples) if built else of_incumbent(Incumbent(stored), examples)
    score = interval(chosen, score_all(chosen, [prediction.text for prediction in made], examples), seed)
    return Evaluation(
        metric=chosen.name,
        score=score.value,
        interval=(score.lo, score.hi),
        n=score.n,
        unscored=score.unscored,
        abstained=sum(prediction.abstained for prediction in made),
        labels=_per_label(chosen, labels, made, examples),
        cut=sum(prediction.cut for prediction in made),
    )


def _per_label(
    metric: Metric, labels: Sequence[str], made: Sequence[Prediction], examples: Sequence[Example]
) -> dict[str, OfLabel]:
    """The score of each label; nothing where outputs are no labels."""
    if len(labels) > MOST_LABELS or metric.name not in ("label_accuracy", "macro_f1"):
        return {}
    exact = score_all(resolve("label_accuracy", labels), [prediction.text for prediction in made], examples)
    table = {}
    for label in labels:
        of_label = [one for one, example in zip(exact, examples, strict=True) if example.output == label]
        known = [one.score for one in of_label if one.score is not None]
        table[label] = OfLabel(len(of_label), sum(known) / len(known) if known else None)
    return table
