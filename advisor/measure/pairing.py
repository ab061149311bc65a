"""Two runs side by side: what was asked of them, what they came to, and on the test rows that they share, which is better."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from advisor import runfolder
from advisor.errors import InputError, Problem
from advisor.measure import receipt as receipts
from advisor.measure.figures import Triple, metric_of
from advisor.measure.history import PastRun, past_run
from advisor.measure.proof import Result
from advisor.measure.receipt import Receipt
from advisor.runtime.built import ARTIFACT, SYSTEM, Asked
from advisor.score.metric import Scored
from advisor.score.statistics import difference, interval
from advisor.score.verdicts import Verdict, verdict
from advisor.system import digest
from advisor.task import Example

Both = tuple[Any, Any]


@dataclass(frozen=True)
class Shared:
    """The built systems on the test rows that both runs have: how many, each one's score there with its 95 % interval, and
    the gain of the second over the first, in points, with its 95 % interval and two-sided p."""

    rows: int
    scores: tuple[Triple, Triple] | None
    gain: Triple | None
    p: float
    verdict: Verdict


@dataclass(frozen=True)
class Pair:
    """Two runs. `settings` are those that differ, of what was asked and of the system that was built; `scores` and `tokens`
    (of a request) of each system on the sealed test, and `seconds` of each step, of the first and of the second. `why`:
    what keeps them from being compared row by row."""

    first: PastRun
    second: PastRun
    metric: tuple[str, str]
    settings: Mapping[str, Both]
    scores: Mapping[str, Both]
    tokens: Mapping[str, Both]
    seconds: Mapping[str, Both]
    trained_tokens: tuple[int, int]
    shared: Shared | None
    why: str = ""


def pair(first: Path, second: Path) -> Pair:
    """Two finished runs side by side. Raises InputError where one is not finished, or can't be read."""
    folders = (first, second)
    past = [past_run(folder) for folder in folders]
    problems = [
        Problem(
            f"is no finished run: {one.why}" if one.why else "is no finished run", one.run, do="Give two run folders"
        )
        for one in past
        if one.state != "finished"
    ]
    if problems:
        raise InputError(problems)
    a, b = (runfolder.read(folder / "result.json", Result) for folder in folders)
    shared, why = _shared(*folders)
    return Pair(
        first=past[0],
        second=past[1],
        metric=(a.metric, b.metric),
        settings=_differing(*(dict(_settings(folder)) for folder in folders)),
        scores=_both(
            *(
                {
                    "baseline": r.baseline,
                    "runner_up": r.runner_up_score,
                    "best_untuned": r.best_untuned_score,
                    "test": r.test,
                }
                for r in (a, b)
            )
        ),
        tokens=_both(a.tokens, b.tokens),
        seconds=_both(a.seconds, b.seconds),
        trained_tokens=(a.trained_tokens, b.trained_tokens),
        shared=shared,
        why=why,
    )


def _settings(folder: Path) -> Iterator[tuple[str, Any]]:
    """What was asked of a run and what was built, each under its name."""
    yield from _flat("", runfolder.plain(Asked, runfolder.read(folder / "task.json", Asked)))
    try:
        yield from _flat("system", json.loads((folder / ARTIFACT / SYSTEM).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        yield "system", None


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value of JSON with what stands in it, under dotted names; lists whole."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Both]:
    """Settings that are not the same; one that is not there is the same as one that says nothing."""
    return {name: (a, b) for name, (a, b) in _both(ours, theirs).items() if (a or None) != (b or None)}


def _both(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Both]:
    """What each has under every name; None where it has nothing."""
    return {name: (ours.get(name), theirs.get(name)) for name in {**ours, **theirs}}


def _shared(first: Path, second: Path) -> tuple[Shared | None, str]:
    """The comparison on the rows that both tests have; or why there is none."""
    try:
        a, b = receipts.read(first), receipts.read(second)
    except InputError as error:
        return None, f"there is no receipt: {error.problems[0]}"
    if (a.about.metric, a.about.labels) != (b.about.metric, b.about.labels):
        return None, "they were scored in different ways"
    ours, theirs = _by_row(a), _by_row(b)
    keys = [key for key in ours if key in theirs]
    if not keys:
        return None, "they share no test row" if ours and theirs else "not both have a sealed test"
    try:
        paired = [replace(theirs[key], id=ours[key].id) for key in keys]  # the first run calls its rows so
        return _compared(a, [ours[key] for key in keys], paired), ""
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return None, f"the receipts can't be added up: {error}"


def _compared(receipt: Receipt, ours: Sequence[Scored], theirs: Sequence[Scored]) -> Shared:
    """How the second did beside the first, by the metric, the seed and the groups of the first."""
    metric, seed, groups = metric_of(receipt.about), receipt.about.seed, receipt.about.groups
    gain = difference(metric, theirs, ours, seed, groups)
    first, second = (interval(metric, ones, seed, groups) for ones in (ours, theirs))
    scores = None
    if first.value is not None and second.value is not None:
        scores = ((first.lo, first.value, first.hi), (second.lo, second.value, second.hi))
    triple = (gain.lo, gain.value, gain.hi) if gain.value is not None else None
    return Shared(len(ours), scores, triple, gain.p, verdict(gain))


def _by_row(receipt: Receipt) -> dict[str, Scored]:
    """What the built system got, by what each row asks and wants; of rows that are the same the first is the first, and so
    on."""
    seen: dict[str, Iterator[int]] = {}
    table = {}
    scored = receipt.scored("test") if "test" in receipt.gave else ()
    for one, example in zip(scored, receipt.examples, strict=False):
        row = _row(example)
        table[f"{row} {next(seen.setdefault(row, count()))}"] = one
    return table


def _row(example: Example) -> str:
    """A row by what it asks and wants."""
    return digest([example.input, example.output, example.turns])
