"""Scores of a built system, or of stored predictions, on rows that a person gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.data import kinds, rows, taskfolder
from advisor.errors import InputError, Problem
from advisor.runtime.built import load
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
    """The score, 0 to 100, with its 95 % interval over `n` scored rows, and by label where outputs are labels; and the
    metric's figures `beside` it, on scales of their own."""

    metric: str
    score: float
    interval: tuple[float, float]
    n: int
    unscored: int
    abstained: int
    labels: Mapping[str, OfLabel]
    beside: Mapping[str, float] = field(default_factory=dict)


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
    examples, problems = rows.read_rows(data, str(data))
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
    if what.is_dir():
        built = load(what, watch, settings)
        asked, folder, made = built.asked, Path(built.asked.folder), built.predict(examples)
        name, labels = metric or asked.metric, asked.labels
    else:
        name, labels, folder = metric or kinds.default_metric(Task("", Path(), metric=""), examples), (), None
        made = of_incumbent(Incumbent(stored), examples)
    sort = kinds.sort_of(Task("", Path(), metric=name, labels=labels), examples)
    if name in kinds.OF_LABELS:
        labels = labels or sort.labels(examples)
    try:
        chosen = resolve(name, labels, folder)
    except ValueError as error:
        raise InputError(Problem(str(error), "--metric", do="Name another metric")) from error
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
