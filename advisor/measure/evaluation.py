"""Scores of a built system, or of stored predictions, on rows that a person gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from advisor import runfolder
from advisor.data import kinds, taskfolder
from advisor.data.owncode import own_function
from advisor.errors import InputError, Problem
from advisor.rows.examples import read_rows
from advisor.runtime.built import Asked, load
from advisor.runtime.runtime import of_incumbent
from advisor.runtime.settings import Settings
from advisor.score import sets
from advisor.score.metric import beside, score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import interval
from advisor.system import Incumbent, Prediction
from advisor.task import Example, Task
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
    labels; the metric's figures `beside` it are on scales of their own. Of `cut` rows the answer was cut off at the limit."""

    metric: str
    score: float | None
    interval: tuple[float, float]
    n: int
    unscored: int
    abstained: int
    labels: Mapping[str, OfLabel]
    cut: int = 0
    beside: Mapping[str, float] = field(default_factory=dict)

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
    name = metric or (built.asked.metric if built else kinds.default_metric(Task("", Path(), metric=""), examples))
    labels = built.asked.labels if built else ()
    sort = kinds.sort_of(Task("", Path(), metric=name, labels=labels), examples)
    if name in kinds.OF_LABELS:
        labels = labels or sort.labels(examples)
    folder = Path(built.asked.folder) if built else None
    allow = settings is not None and settings.allow_code
    try:
        chosen = resolve(name, labels, partial(own_function, folder=folder, allow=allow))
    except ValueError as error:
        raise InputError(Problem(str(error), "--metric", do="Name another metric")) from error
    made = built.predict(examples) if built else of_incumbent(Incumbent(stored), examples)
    scored = score_all(chosen, [prediction.text for prediction in made], examples)
    score = interval(chosen, scored, seed)
    return Evaluation(
        metric=chosen.name,
        score=score.value,
        interval=(score.lo, score.hi),
        n=score.n,
        unscored=score.unscored,
        abstained=sum(prediction.abstained for prediction in made),
        labels=_per_label(labels, sort.between, made, examples) if name in kinds.OF_LABELS else {},
        cut=sum(prediction.cut for prediction in made),
        beside=beside(chosen, scored),
    )


def _per_label(
    labels: Sequence[str], between: str | None, made: Sequence[Prediction], examples: Sequence[Example]
) -> dict[str, OfLabel]:
    """The score of each label over the rows that have it; nothing where there are too many."""
    table = {}
    accuracy = resolve("label_accuracy")
    for label in labels if len(labels) <= MOST_LABELS else ():
        rows_of = [(p.text, e) for p, e in zip(made, examples, strict=True) if label in sets.read(e.output, between)]
        known = [
            accuracy.score(text, example) if between is None else 100.0 * (label in sets.read(text, between))
            for text, example in rows_of
            if text is not None
        ]
        table[label] = OfLabel(len(rows_of), sum(known) / len(known) if known else None)
    return table
