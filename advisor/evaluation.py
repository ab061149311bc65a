"""Scores of a built system, or of stored predictions, on rows that a person gives."""

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from advisor import metrics, pipeline, rows
from advisor.errors import InputError, Problem
from advisor.runtime import Runtime, Watch, unwatched
from advisor.statistics import interval
from advisor.system import Incumbent
from advisor.texts import read as read_text

MOST_LABELS = 100  # with more different outputs they are no labels


def evaluate(
    what: Path,
    data: Path,
    metric: str = "",
    seed: int = 0,
    watch: Watch = unwatched,
    settings: pipeline.Settings | None = None,
) -> dict[str, Any]:
    """The score with its 95 % interval over the rows of `data`, and for each label where outputs are labels.

    what: a run folder with a built system, or a JSON Lines file of `id` and `prediction`. metric: another than the run's.
    settings: as for `pipeline.load`.
    Raises InputError with everything that is wrong in either file.
    """
    examples, problems = rows.read(data, str(data))
    if problems:
        raise InputError(problems)
    if what.is_dir():
        built = pipeline.load(what, watch, settings)
        task, made = built.task, built.predict(examples)
    else:
        task = {"metric": "exact_match", "labels": []}
        stored = Incumbent(_stored(what, {example.id for example in examples}))
        made = Runtime("", what.parent).predict(stored, examples)
    try:
        labels = task["labels"] or sorted({example.output for example in examples})
        chosen = metrics.resolve(metric or task["metric"], labels)
    except ValueError as error:
        raise InputError(Problem(str(error), "--metric")) from error
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


def _stored(path: Path, ids: set[str]) -> dict[str, str]:
    text, problems = read_text(path)
    found: dict[str, str] = {}
    for line, value in rows.json_lines(text, str(path), problems):
        if not isinstance(value, dict) or not isinstance(value.get("prediction"), str) or "id" not in value:
            problems.append(Problem("a line needs an id and a prediction (a text)", path, line))
        elif str(value["id"]) in found:
            problems.append(Problem(f"the id {value['id']!r} stands here twice", path, line))
        else:
            found[str(value["id"])] = value["prediction"]
    if unknown := sorted(set(found) - ids):
        shown = json.dumps(unknown[:5])
        problems.append(Problem(f"{len(unknown)} ids stand in no row of the data, such as {shown}", path))
    if problems:
        raise InputError(problems)
    return found
