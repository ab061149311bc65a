"""Whether what a run folder says holds: its figures computed again from what they were made of, its seal, the ledger.

Loads no model. What a run measured is taken as it stands in the per-example files; what follows from it is not.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from advisor import runfolder
from advisor.data.owncode import own_function
from advisor.decide.gaps import Gap
from advisor.decide.recommendation import Recommendation
from advisor.errors import InputError, Problem
from advisor.measure import receipt as receipts
from advisor.measure.diagnosis import Diagnosis, Probe, gain_over, gaps_of, shares
from advisor.measure.figures import figures, metric_of
from advisor.measure.proof import Chosen, Result, chosen
from advisor.measure.receipt import About, Receipt
from advisor.measure.sealed import Wrong, faults, opening
from advisor.measure.sealing import lines_of
from advisor.measure.seeds import Seeds
from advisor.runtime.built import Asked
from advisor.runtime.instructions import Instructions
from advisor.score.clusters import Groups
from advisor.score.metric import Metric, Scored, beside, over_all
from advisor.score.statistics import interval, rating
from advisor.task import Example

RESULT, DIAGNOSIS, TASK, ADVICE = "result.json", "diagnosis.json", "task.json", "recommendation.json"
SEEDS = "seeds.json"
NEAR, LEAST = (
    1e-6,
    1e-9,
)  # figures are equal that differ by such a part of them, or by so little: machines add up differently
BROKEN = (ArithmeticError, LookupError, TypeError, ValueError)  # what figures of a damaged file may come to
Value = TypeVar("Value")
Pages = Callable[[str], str]
"""Gives the report of the run in a form, md or html, as its files say it now."""


@dataclass(frozen=True)
class Checked:
    """How many figures were computed again, files hashed and lines of the ledger followed."""

    figures: int
    files: int
    ledger_lines: int


@dataclass(frozen=True)
class Verification:
    """Whether all of a run holds; else every `problem`. `notes` say what could not be computed again."""

    run: str
    holds: bool
    checked: Checked
    problems: tuple[Wrong, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Figures:
    """What a file says beside what it should say."""

    file: str
    there: Any
    should: Any


@dataclass(frozen=True)
class _Told:
    """What the files of a run say; of one that recommends nothing there is no result."""

    asked: Asked
    result: Result | None
    advice: Recommendation
    measured: Diagnosis | None
    receipt: Receipt
    seeds: Seeds = field(default_factory=Seeds)


def verify(folder: Path, pages: Pages, *, allow_code: bool = False) -> Verification:
    """Compute a run's figures again, render its report, and check its seal and the ledger.

    allow_code: a metric that is the person's own Python may be loaded, and its scores computed again too.
    Raises InputError where there is no run folder.
    """
    if not any((folder / file).is_file() for file in (TASK, RESULT, runfolder.MANIFEST)):
        raise InputError(Problem("there is no run here", folder, do="Give a run folder, runs/..."))
    name, folder = str(folder), folder.resolve()  # of "." too the name is known
    problems: list[Wrong] = []
    counted, notes = 0, list[str]()
    try:
        told, notes = _figures(folder, allow_code)
        for one in told:
            counted += _count(one.should)
            problems += _differing(one.file, one.there, one.should)
        problems += _pages(folder, pages)
    except InputError as error:
        problems += [_problem(folder, problem) for problem in error.problems]
    except BROKEN as error:
        problems.append(Wrong(RESULT, "", f"can't be computed again: {type(error).__name__}: {error}", ""))
    files, lines, sealed = faults(folder)
    problems += sealed
    checked = Checked(counted, files, lines)
    return Verification(name, not problems, checked, tuple(problems), tuple(notes))


def _figures(folder: Path, allow_code: bool) -> tuple[list[_Figures], list[str]]:
    """All that can be computed again; and what can't, in words. Raises InputError."""
    told = _told(folder)
    own = partial(own_function, folder=Path(told.asked.folder), allow=True) if allow_code else None
    metric = metric_of(told.receipt.about, own)
    notes, made = list[str](), list[_Figures]()
    if ":" in metric.name and not own:
        what = f"scores by {metric.name}, which is Python of one's own, were taken as they stand"
        notes.append(f"{what}; --allow-code loads it")
    else:
        made += _scores(told.receipt, metric)
    if told.result:
        made.append(_result(folder, told, told.result, metric))
    advice = told.advice
    made.append(_Figures(ADVICE, {"certainty": advice.certainty}, {"certainty": advice.ranking[0].certainty}))
    if told.measured:
        gap = runfolder.plain(Gap, told.measured.gap)
        made.append(_Figures(ADVICE, {"gap": _raw(folder / ADVICE).get("gap")}, {"gap": gap}))
    if told.measured:
        made += _diagnosis(folder, told.measured, metric, told.receipt.about.seed)
    return made, notes


def _told(folder: Path) -> _Told:
    """What the files say. Raises InputError with every one that can't be read."""
    problems: list[Problem] = []

    def read(name: str, kind: type[Value]) -> Value | None:
        try:
            return runfolder.read(folder / name, kind)
        except InputError as error:
            problems.extend(error.problems)
            return None

    asked, advice = read(TASK, Asked), read(ADVICE, Recommendation)
    measured = read(DIAGNOSIS, Diagnosis) if (folder / DIAGNOSIS).is_file() else None
    if asked and advice and not problems and advice.verdict == "nothing" and not (folder / RESULT).is_file():
        about = About(asked.metric, asked.labels, asked.seed, {})
        return _Told(asked, None, advice, measured, Receipt(about, (), {}))
    result = read(RESULT, Result)
    seeds = (read(SEEDS, Seeds) if (folder / SEEDS).is_file() else None) or Seeds()
    try:
        receipt = receipts.read(folder)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from error
    if not asked or not result or not advice or problems:
        raise InputError(problems)
    return _Told(asked, result, advice, measured, receipt, seeds)


def _scores(receipt: Receipt, metric: Metric) -> Iterator[_Figures]:
    """What each text of the receipt scores."""
    for name, given in receipt.gave.items():
        for line, (one, example) in enumerate(zip(given, receipt.examples, strict=True), 1):
            score, statistics = (None, ()) if one.text is None else metric.rate(one.text, example)
            there = {"score": one.score, "statistics": list(one.statistics)}
            should = {"score": score, "statistics": list(statistics)}
            yield _Figures(f"{receipts.FOLDER}/{name}.jsonl:{line}", there, should)


def _result(folder: Path, told: _Told, result: Result, metric: Metric) -> _Figures:
    """What the proof says of all that follows from the receipt, and of what was chosen by the recommendation."""
    choice = chosen(str(told.asked.flags.get("path", "")), told.advice, told.measured)
    choice = choice or Chosen(result.path, False, False, None)
    last = list(told.receipt.about.finalists)[-1:]
    follows = {
        **vars(choice),
        "metric": told.asked.metric,
        "test_rows": told.receipt.about.rows,
        "measured": told.measured.examples if told.measured else 0,
        "seeds": told.seeds.scores(metric),
        "ledger": opening(lines_of(folder), told.receipt, last[0]) if last else "",
        **figures(told.receipt, metric),
    }
    plain, raw = runfolder.plain(Result, replace(result, **follows)), _raw(folder / RESULT)
    there = {name: raw.get(name) for name in follows} | {"run": Path(str(raw.get("run"))).name}
    return _Figures(RESULT, there, {name: plain[name] for name in follows} | {"run": folder.name})


def _diagnosis(folder: Path, measured: Diagnosis, metric: Metric, seed: int) -> Iterator[_Figures]:
    """What the diagnosis says of its probes and of the gaps, which follow from the scores of each example."""
    raw = _raw(folder / DIAGNOSIS)
    for there, probe in zip(raw["probes"], measured.probes, strict=True):
        should = _probe(probe, metric, seed, measured.groups, folded=measured.folds > 0)
        yield _Figures(f"{DIAGNOSIS}: {probe.name}", {name: there.get(name) for name in should}, should)
    for given, placebo in zip(raw["placebos"], measured.placebos, strict=True):
        should = _probe(placebo.probe, metric, seed, measured.groups, folded=measured.folds > 0)
        there = {name: given["probe"].get(name) for name in should} | {"gain": given["gain"]}
        arm = next(probe for probe in measured.probes if probe.name == placebo.of)
        gain = gain_over(metric, arm, placebo.probe, seed, measured.groups)
        yield _Figures(f"{DIAGNOSIS}: {placebo.probe.name}", there, {**should, "gain": gain and list(gain)})
    if told := measured.instructions:
        should = runfolder.plain(Instructions, _instructions(told, metric))
        yield _Figures(f"{DIAGNOSIS}: instructions", raw.get("instructions"), should)
    ids = list(measured.gap_of)
    examples = [Example(id_, "", "") for id_ in ids]
    gap_of = gaps_of(metric, measured.probes, examples)
    floors = {name: over_all(metric, scored) for name, scored in measured.floored.items()}
    most = max(len(probe.scores) for probe in measured.probes)
    gaps = {"examples": most, "gap_of": gap_of, "gaps": shares(gap_of), "floors": floors}
    yield _Figures(DIAGNOSIS, {name: raw.get(name) for name in gaps}, gaps)


def _instructions(told: Instructions, metric: Metric) -> Instructions:
    """The same with each score and the choice as they follow from the scores of each example."""
    tried = tuple(replace(one, score=rating(metric, one.scored) if one.scored else None) for one in told.tried)
    ids = {scored.id for one in tried for scored in one.scored}
    made = replace(told, tried=tried)
    return replace(made, place=tried.index(made.best(metric, ids)))


def _probe(probe: Probe, metric: Metric, seed: int, groups: Groups, *, folded: bool) -> dict[str, Any]:
    scored = [Scored(id_, score, tuple(probe.statistics[id_])) for id_, score in probe.scores.items()]
    score = interval(metric, scored, seed, groups, folded=folded)
    figures = {"value": score.value or 0.0, "lo": score.lo, "hi": score.hi, "n": score.n, "unscored": score.unscored}
    return {**figures, "beside": beside(metric, scored)}


def _pages(folder: Path, pages: Pages) -> Iterator[Wrong]:
    """Where the report differs from what the run's files say."""
    for form in ("md", "html"):
        path = folder / f"report.{form}"
        if not path.is_file():
            yield Wrong(path.name, "", "is not there", "a report")
            continue
        there = path.read_bytes().decode("utf-8", "replace").split("\n")
        should = pages(form).split("\n")
        differing = [at for at, (one, other) in enumerate(zip(there, should, strict=False)) if one != other]
        if differing or len(there) != len(should):
            at = differing[0] if differing else min(len(there), len(should))
            yield Wrong(path.name, f"line {at + 1}", "".join(there[at : at + 1]), "".join(should[at : at + 1]))


def _raw(path: Path) -> dict[str, Any]:
    """A JSON object as it stands in its file."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def _problem(folder: Path, problem: Problem) -> Wrong:
    """What is wrong with a file of the run, as one that does not hold."""
    where = Path(str(problem.where))
    file = str(where.relative_to(folder)) if where.is_relative_to(folder) else str(where)
    return Wrong(file, f"line {problem.line}" if problem.line else problem.field, problem.what, "")


def _count(value: Any) -> int:
    """How many figures there are in a value."""
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list | tuple) else 1


def _differing(file: str, there: Any, should: Any, at: str = "") -> Iterator[Wrong]:
    """Where two values of JSON differ."""
    if isinstance(should, Mapping) and isinstance(there, Mapping):
        for name in {**should, **there}:
            place = f"{at}.{name}" if at else str(name)
            yield from _differing(file, there.get(name), should.get(name), place)
    elif isinstance(should, list | tuple) and isinstance(there, list | tuple) and len(should) == len(there):
        for i, (one, other) in enumerate(zip(there, should, strict=True)):
            yield from _differing(file, one, other, f"{at}[{i}]")
    elif not _equal(there, should):
        yield Wrong(file, at, _short(there), _short(should))


def _equal(there: Any, should: Any) -> bool:
    numbers = [one for one in (there, should) if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) == 2:
        return abs(numbers[0] - numbers[1]) <= max(LEAST, NEAR * abs(numbers[1]))
    return type(there) is type(should) and bool(there == should)


def _short(value: Any) -> Any:
    """A value that can be shown: a figure or a text as it is."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
