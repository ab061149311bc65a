"""The receipt of a proof: what each system gave for each example of the sealed test, from which every figure follows.

Files in the run folder, which tell all that it takes to compute a result again without a model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from advisor import runfolder
from advisor.errors import InputError, Problem
from advisor.score.metric import Scored, Statistics
from advisor.task import Example

FOLDER, ABOUT, EXAMPLES = "receipt", "receipt.json", "examples.jsonl"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Given:
    """What a system gave for one example: its text (None: none, unscored) with score and statistics by the metric, and the
    `tokens` of prompt and answer. `valid`: whether the text has each form that a program needs (`validity.forms`)."""

    id: str
    text: str | None
    score: float | None
    statistics: Statistics
    tokens: int
    abstained: bool = False
    cut: bool = False
    valid: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Finalist:
    """A system on the sealed test: its hash, whether it may abstain, and its path ("" for the baseline)."""

    system: str
    abstains: bool
    path: str = ""


@dataclass(frozen=True)
class About:
    """What figures depend on beside texts: the metric with its labels, the seed of resamples, the finalists, the places
    of test rows that a training row is `near` (counted from 0); the hash and the number of all rows of the test, of which
    the examples may be a part; the group of each example that shares its source, by its id; and the finalist that is the best
    of those without tuning ("" where that is the one built, or not known)."""

    metric: str
    labels: tuple[str, ...]
    seed: int
    finalists: Mapping[str, Finalist]
    near: tuple[int, ...] = ()
    test: str = ""
    rows: int = 0
    groups: Mapping[str, int] = field(default_factory=dict)
    best_untuned: str = ""


@dataclass(frozen=True)
class Receipt:
    """The examples of the sealed test, and what each finalist `gave` for them, in their order."""

    about: About
    examples: tuple[Example, ...]
    gave: Mapping[str, tuple[Given, ...]]

    def scored(self, finalist: str) -> tuple[Scored, ...]:
        """What a finalist's texts got."""
        return tuple(Scored(one.id, one.score, one.statistics) for one in self.gave[finalist])


def write(folder: Path, receipt: Receipt) -> None:
    """Write the receipt into a run folder, in the place of one that is there: whole or not at all."""
    with runfolder.whole_folder(folder / FOLDER) as into:
        runfolder.write(into / ABOUT, About, receipt.about)
        _write_lines(into / EXAMPLES, Example, receipt.examples)
        for name, given in receipt.gave.items():
            _write_lines(into / f"{name}.jsonl", Given, given)


def read(folder: Path) -> Receipt:
    """The receipt in a run folder. Raises InputError where there is none, or it is not as it was written."""
    runfolder.check_links(folder)
    place = folder / FOLDER
    about = runfolder.read(place / ABOUT, About)
    examples = _read_lines(place / EXAMPLES, Example)
    gave = {name: _read_lines(runfolder.within(place, f"{name}.jsonl"), Given) for name in about.finalists}
    ids = [example.id for example in examples]
    problems = [
        Problem("does not tell of the examples of the test, one a line", place / f"{name}.jsonl", do=runfolder.AGAIN)
        for name, given in gave.items()
        if [one.id for one in given] != ids
    ]
    if problems:
        raise InputError(problems)
    return Receipt(about, examples, gave)


def _write_lines(path: Path, kind: type, values: Sequence[object]) -> None:
    lines = (json.dumps(runfolder.plain(kind, value), ensure_ascii=False) + "\n" for value in values)
    runfolder.whole(path, "".join(lines))


def _read_lines(path: Path, kind: type[Value]) -> tuple[Value, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"can't be read: {error}", path, do=runfolder.AGAIN)) from error
    lines = enumerate(text.split("\n")[:-1], 1)
    return tuple(runfolder.parsed(line, kind, Problem("", path, at, do=runfolder.AGAIN)) for at, line in lines)
