"""The command line: reads flags, calls one function of `pipeline`, shows what it gave. Decides nothing."""

import contextlib
import io
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from advisor import answers as answering
from advisor.app.flags import Common, app, command
from advisor.errors import InputError, Problem

__all__ = ["app", "main"]
INSUFFICIENT = 3  # exit code: done, and the answer is that the evidence is insufficient
TaskFolder = Annotated[Path, typer.Argument(metavar="TASK", help="the task's folder, or its task.yaml")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="a run folder, runs/...")]


@command
def ask(
    *,
    common: Common,
    said: Mapping[str, str | float],
    out: Annotated[Path, typer.Option(help="where the answers are written")] = Path("answers.yaml"),
) -> int:
    """Ask the questions in the terminal, then recommend; the answers are kept for --answers."""
    from advisor import runfolder
    from advisor.app import ask
    from advisor.show import report

    if not sys.stdin.isatty():
        raise InputError(Problem("there is no terminal to ask in", "ask", do=ask.needs_terminal()))
    given = ask.ask(said)
    ask.write(given, out)
    value = _from_answers(given)
    from advisor.system import digest

    folder = runfolder.opened(f"answers-{digest(given)[:8]}")
    runfolder.write(folder / "answers.json", given)
    runfolder.write(folder / "recommendation.json", value)
    written = report.write(folder)
    ask.write_task(given, start := folder / "task" / "task.yaml")
    from advisor.show import views

    paths = [_paths("answers", [out]), _paths("report", written), _paths("go on with", [start])]
    common.show(value, views.recommendation_view(value), *paths)
    return 0 if value["path"] else INSUFFICIENT


DropInvalid = Annotated[
    bool, typer.Option("--drop-invalid", help="leave rows out whose output is outside labels or schema")
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="leave training rows out that stand in the test too")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what it would spend, and stop")]
Fresh = Annotated[bool, typer.Option("--fresh", help="compute everything again, whatever was computed before")]


@command
def profile(
    task: TaskFolder, *, common: Common, drop_invalid: DropInvalid = False, allow_overlap: AllowOverlap = False
) -> None:
    """What the data says, and what is wrong with it."""
    from advisor import flow
    from advisor.show import views

    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap)
    with common.watching() as watch:
        value = flow.opened(task, settings, watch).profile()
    common.show(value, views.profile_view(value))


@command
def diagnose(
    task: TaskFolder,
    *,
    common: Common,
    drop_invalid: DropInvalid = False,
    allow_overlap: AllowOverlap = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
) -> int | None:
    """Measured probes: which gap."""
    from advisor import flow
    from advisor.show import views

    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap, fresh=fresh)
    with common.watching() as watch:
        run = flow.opened(task, settings, watch)
        if dry_run:
            return _dry(run, common)
        run.agree()
        shown = run.profile()
        found = run.diagnosis
    if found is None:
        return _too_few(run, common)
    value = found.to_json()
    common.show(value, views.profile_view(shown), views.diagnosis_view(value), _answers_from(run))
    return None


@command
def recommend(
    task: Annotated[Path | None, typer.Argument(metavar="[TASK]", help="measure this task's paths first")] = None,
    *,
    common: Common,
    said: Mapping[str, str | float],
    answers: Annotated[Path | None, typer.Option(help="answers as YAML or JSON")] = None,
    batch: Annotated[Path | None, typer.Option(help="JSON Lines, an object of answers a line")] = None,
    drop_invalid: DropInvalid = False,
    allow_overlap: AllowOverlap = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
) -> int | None:
    """The path, with reasons, certainty, cost and what would flip it."""
    from advisor import flow
    from advisor.show import views

    if batch:
        for given_id, given in answering.read_batch(batch):
            value = _from_answers({**given, **said})
            common.line(value if given_id is None else {"id": given_id, **value})
        return 0
    known = {**(answering.read_answers(answers) if answers else {}), **said}
    if task is None:
        if not answers and not said:
            advice = "Give a TASK, --answers FILE, --batch FILE or flags such as --output-kind json"
            raise InputError(Problem("there is nothing to recommend for", "recommend", do=advice))
        value = _from_answers(known)
        common.show(value, views.recommendation_view(value))
        return 0 if value["path"] else INSUFFICIENT
    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap, said=known, fresh=fresh)
    with common.watching() as watch:
        run = flow.opened(task, settings, watch, needs=0)
        if not run.task.split.compare:  # a task with answers alone
            value = _from_answers({**run.task.answers, **known})
            common.show(value, views.recommendation_view(value))
            return 0 if value["path"] else INSUFFICIENT
        if dry_run:
            return _dry(run, common)
        if run.measurable:
            run.agree()
        value = run.recommend()
    shown = [views.profile_view(run.profile())]
    if run.diagnosis:
        shown.append(views.diagnosis_view(run.diagnosis.to_json()))
    common.show(value, *shown, views.recommendation_view(value), _answers_from(run))
    return 0 if value["path"] else INSUFFICIENT


@command
def run(
    task: TaskFolder,
    *,
    common: Common,
    said: Mapping[str, str | float],
    path: Annotated[str, typer.Option(help="build this path, whatever is recommended")] = "",
    answers: Annotated[Path | None, typer.Option(help="answers as YAML or JSON")] = None,
    drop_invalid: DropInvalid = False,
    allow_overlap: AllowOverlap = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
) -> int | None:
    """All of it: profile, diagnosis, recommendation, then build the path, prove the gain and write the report."""
    from advisor import flow
    from advisor.decide.rules import PATH_NAMES
    from advisor.show import report as reporting
    from advisor.show import views

    if path and path not in PATH_NAMES:
        raise InputError(Problem(f"{path!r} is no path", "--path", do=f"Choose one of {', '.join(PATH_NAMES)}"))
    known = {**(answering.read_answers(answers) if answers else {}), **said}
    settings = common.settings(
        path=path, said=known, drop_invalid=drop_invalid, allow_overlap=allow_overlap, fresh=fresh
    )
    with common.watching() as watch:
        going = flow.opened(task, settings, watch, needs=flow.FEWEST_TO_RUN)
        if dry_run:
            return _dry(going, common)
        going.agree()
        shown = replace(common, quiet=common.quiet or common.json, json=False)
        shown.show(None, views.profile_view(going.profile()))
        if searched := going.retrieval:
            shown.show(None, views.retrieval_view(searched))
        if found := going.diagnosis:
            shown.show(None, views.diagnosis_view(found.to_json()))
        advice = going.recommend()
        shown.show(None, views.recommendation_view(advice))
        value = going.prove()
        written = reporting.write(going.folder)
    last = f"{_answers_from(going)}\n{_paths('report', written)}"
    common.show(value, views.result_view(value), last, f"try it       advisor chat {going.folder}")
    return 0 if path or advice["path"] else INSUFFICIENT


@command
def report(
    run: RunFolder,
    *,
    common: Common,
    format: Annotated[str, typer.Option("--format", help="md, html or json")] = "",
) -> None:
    """Write a run's report again, or print it as JSON."""
    from advisor.show import report as reporting

    if not (run / "recommendation.json").is_file():
        raise InputError(Problem("there is no run here", run, do="Give a run folder, runs/..."))
    if format not in ("", "md", "html", "json"):
        raise InputError(Problem(f"{format!r} is no format", "--format", do="Choose md, html or json"))
    if format == "json":
        common.line(reporting.load(run))
        return
    written = reporting.write(run, (format,) if format else ("md", "html"))
    common.show([str(path) for path in written], _paths("report", written))


@command
def predict(run: RunFolder, *, common: Common) -> int:
    """Predictions for the inputs on standard input (JSON Lines with "input", or messages), as JSON Lines."""
    from advisor.data import rows
    from advisor.runtime.built import load

    examples, problems = rows.read_inputs(sys.stdin.buffer.read())
    if problems:
        raise InputError(problems)
    with common.watching() as watch:
        built = load(run, watch, common.settings())
        made = built.predict(examples)
    for example, prediction in zip(examples, made, strict=True):
        found: dict[str, Any] = {"id": example.id, "prediction": prediction.text, "error": prediction.error}
        found |= {"passages": list(prediction.passages)} if prediction.passages else {}
        found |= {"scores": dict(prediction.scores)} if prediction.scores else {}
        found |= {"abstained": True} if prediction.abstained else {}
        common.line({k: v for k, v in found.items() if v is not None or k == "prediction"})
    return 1 if any(prediction.text is None for prediction in made) else 0


@command
def evaluate(
    what: Annotated[
        Path, typer.Argument(metavar="RUN|PREDICTIONS", help="a run folder, or JSON Lines of id and prediction")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="rows with inputs and wanted outputs")],
    *,
    common: Common,
    min_score: Annotated[float | None, typer.Option(help="exit 1 when the score is below")] = None,
    metric: Annotated[str, typer.Option(help="another metric than the run's")] = "",
) -> int:
    """The score of a built system, or of stored predictions, on rows; per label where outputs are labels."""
    from advisor.measure import evaluation

    if min_score is not None and not 0 <= min_score <= 100:
        raise InputError(Problem(f"{min_score:g} is no score", "--min-score", do="Give a number from 0 to 100"))
    with common.watching() as watch:
        value = evaluation.evaluate(what, data, metric, common.seed, watch, common.settings())
    common.show(value, evaluation.view(value))
    return 1 if min_score is not None and value["score"] < min_score else 0


@command
def chat(run: RunFolder, *, common: Common) -> None:
    """Try a built system in the terminal. Every line is one input; an empty line or Ctrl-D ends."""
    from advisor.runtime.built import load
    from advisor.task import Example

    built = load(run, settings=common.settings())
    out = Console()
    if not common.quiet:
        out.print(f"{built.task['name']}: type an input; an empty line ends", style="dim", markup=False)
    with contextlib.suppress(EOFError):
        while line := input("> " if sys.stdin.isatty() else "").strip():
            prediction = built.runtime.predict(built.system, [Example("1", line, "")], keep=False)[0]
            out.print(prediction.text if prediction.text is not None else f"({prediction.error})", markup=False)
            if prediction.passages:
                out.print("from " + ", ".join(prediction.passages), style="dim", markup=False)


def _from_answers(given: Mapping[str, str | float]) -> dict[str, Any]:
    """The recommendation from answers alone, as JSON."""
    from advisor.decide import recommendation, rules

    return recommendation.recommend(given, {}, rules.load()).to_json()


def _answers_from(run: Any) -> str:
    """How many answers were computed, and how many the store had; what became of the index."""
    index = f"\nindex        {changes}" if (changes := run.runtime.finder.changes) else ""
    return f"answers      {run.runtime.computed:,} computed, {run.runtime.stored:,} from the store{index}"


def _dry(run: Any, common: Common) -> int:
    from advisor.measure import planning
    from advisor.models.local import tunes
    from advisor.runtime import purse

    plan = run.assumed_plan
    value = {"plan": asdict(plan), "costs": planning.costs(run.task, run.runtime, plan)}
    lines = [f"{path:16} about {cost['build_seconds']:>5} s to build" for path, cost in value["costs"].items()]
    head = f"would measure on {plan.measure} examples"
    if tunes(run.runtime.model) and plan.rows:
        takes = planning.tuning(run.task, run.runtime, plan, purse.PASSAGE_TOKENS if run.task.documents else 0)
        value["tuning"] = asdict(takes)
        what = f"{takes.tokens:,} tokens, about {takes.seconds:.0f} s and {takes.memory / 1e9:.1f} GB of memory"
        head += f", and tune on up to {plan.rows} rows for {plan.epochs} epochs: {what}"
    elif not tunes(run.runtime.model):
        whole = planning.whole_run(run.task, run.runtime, plan)
        value["expected"] = asdict(whole)
        head = f"would measure on {plan.measure} examples; a whole run takes about {whole} (the endpoint was not asked)"
    common.show(value, head, *lines)
    return 0


def _too_few(run: Any, common: Common) -> int:
    from advisor.measure.diagnosis import FEWEST

    there = len(run.task.split.compare)
    text = f"{there} examples can be measured on, {FEWEST} are needed: about {4 * FEWEST} examples in all would do"
    common.show({"probes": [], "examples": there, "notes": [text]}, text)
    return INSUFFICIENT


def _paths(what: str, paths: Any) -> str:
    return "\n".join(f"{what:12} {path}" for path in paths)


def main() -> None:
    """The entry point of the `advisor` command."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
