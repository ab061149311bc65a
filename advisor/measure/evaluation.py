"""Scores of a built system, or of stored predictions, on rows that a person gives."""

from pathlib import Path
from typing import Any

from rich.table import Table

from advisor.data import rows, taskfolder
from advisor.errors import InputError, Problem
from advisor.runtime import built
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings
from advisor.score import metrics
from advisor.score.statistics import interval
from advisor.system import Incumbent
from retrieval.watching import Watch, unwatched

MOST_LABELS = 100  # with more different outputs they are no labels


def evaluate(
    what: Path,
    data: Path,
    metric: str = "",
    seed: int = 0,
    watch: Watch = unwatched,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """The score with its 95 % interval over the rows of `data`, and for each label where outputs are labels.

    what: a run folder with a built system, or a JSON Lines file of `id` and `prediction`. metric: another than the run's.
    settings: as for `built.load`.
    Raises InputError with everything that is wrong in either file.
    """
    examples, problems = rows.read(data, str(data))
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
        loaded = built.load(what, watch, settings)
        task, made = loaded.task, loaded.predict(examples)
    else:
        task = {"metric": "exact_match", "labels": []}
        made = Runtime("", what.parent).predict(Incumbent(stored), examples)
    try:
        labels = task["labels"] or sorted({example.output for example in examples})
        chosen = metrics.resolve(metric or task["metric"], labels, Path(task["folder"]) if "folder" in task else None)
    except ValueError as error:
        raise InputError(Problem(str(error), "--metric", do="Name another metric")) from error
    scored = metrics.score_all(chosen, [prediction.text for prediction in made], examples)
    found = interval(chosen, scored, seed)
    per_label = {}
    if len(labels) <= MOST_LABELS and chosen.name in ("label_accuracy", "macro_f1"):
        exact = metrics.score_all(metrics.resolve("label_accuracy", labels), [p.text for p in made], examples)
        for label in labels:
            of_label = [one for one, example in zip(exact, examples, strict=True) if example.output == label]
            known = [one.score for one in of_label if one.score is not None]
            per_label[label] = {"n": len(of_label), "score": sum(known) / len(known) if known else None}
    return {
        "metric": chosen.name,
        "score": found.value,
        "interval": [found.lo, found.hi],
        "n": found.n,
        "unscored": found.unscored,
        "abstained": sum(prediction.abstained for prediction in made),
        "labels": per_label,
    }


def view(value: dict[str, Any]) -> Table:
    """The figures as a table for the terminal."""
    table = Table(box=None)
    for name in ("", value["metric"], "95 %", "examples", "unscored"):
        table.add_column(name, justify="left" if not name else "right")
    lo, hi = value["interval"]
    table.add_row("all", f"{value['score']:.1f}", f"{lo:.1f} to {hi:.1f}", str(value["n"]), str(value["unscored"]))
    for label, one in value["labels"].items():
        score = "-" if one["score"] is None else f"{one['score']:.1f}"
        table.add_row(label.replace("[", r"\["), score, "", str(one["n"]), "")
    return table
