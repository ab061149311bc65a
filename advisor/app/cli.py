"""The command line: reads flags, asks for steps of the flow, shows what they found out. Decides nothing."""

import io
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from advisor import answers as answering
from advisor import runfolder
from advisor.app import ask as asking
from advisor.app.flags import Common, app, command
from advisor.decide.rates import usual
from advisor.decide.recommendation import Recommendation
from advisor.decide.recommendation import recommend as decide
from advisor.decide.rules import load_rules
from advisor.errors import InputError, Problem
from advisor.system import PATH_NAMES, digest

if TYPE_CHECKING:
    from advisor.flow import Run

# What needs a model, or shows its results, is imported by the commands that do: the others answer at once.

__all__ = ["app", "main", "past"]
INSUFFICIENT = 3  # exit code: done, and no path is recommended
SPINS = "10000"  # turns that a thread of OpenMP waits awake
TaskFolder = Annotated[Path, typer.Argument(metavar="TASK", help="the task's folder, or its task.yaml")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="a run folder, runs/...")]
AnswersFile = Annotated[Path | None, typer.Option(help="answers as YAML or JSON")]
DropInvalid = Annotated[
    bool, typer.Option("--drop-invalid", help="leave rows out whose output is outside labels or schema")
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="leave training rows out that stand in the test too")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what it would spend, and stop")]
Fresh = Annotated[bool, typer.Option("--fresh", help="compute everything again, whatever was computed before")]


@command
def ask(
    *,
    common: Common,
    said: Mapping[str, str | float],
    out: Annotated[Path, typer.Option(help="where the answers are written")] = Path("answers.yaml"),
) -> int:
    """Ask the questions in the terminal, then recommend; the answers are kept for --answers."""
    from advisor.show import report

    if not sys.stdin.isatty():
        raise InputError(Problem("there is no terminal to ask in", "ask", do=asking.needs_terminal()))
    given = asking.ask(said)
    asking.write(given, out)
    advice = _from_answers(given)
    folder = runfolder.opened(f"answers-{digest(given)[:8]}")
    runfolder.write(folder / "recommendation.json", Recommendation, advice)
    written = report.write(folder)
    asking.write_task(given, start := folder / "task" / "task.yaml")
    paths = [_paths("answers", [out]), _paths("report", written), _paths("go on with", [start])]
    common.show(advice, advice, *paths)
    return _code(advice)


@command
def profile(
    task: TaskFolder, *, common: Common, drop_invalid: DropInvalid = False, allow_overlap: AllowOverlap = False
) -> None:
    """What the data says, and what is wrong with it."""
    from advisor import flow

    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap)
    with common.watching() as watch:
        value = flow.opened(task, settings, watch).profile
    common.show(value, value)


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

    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap, fresh=fresh)
    with common.watching() as watch:
        run = flow.opened(task, settings, watch)
        if dry_run:
            return _dry(run, common)
        run.agree()
        shown, value = run.profile, run.diagnosis
    if value is None:
        return _too_few(run, common)
    common.show(value, shown, value, _answers_from(run))
    return None


@command
def recommend(
    task: Annotated[Path | None, typer.Argument(metavar="[TASK]", help="measure this task's paths first")] = None,
    *,
    common: Common,
    said: Mapping[str, str | float],
    answers: AnswersFile = None,
    batch: Annotated[Path | None, typer.Option(help="JSON Lines, an object of answers a line")] = None,
    drop_invalid: DropInvalid = False,
    allow_overlap: AllowOverlap = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
) -> int | None:
    """The path, with reasons, certainty, cost and what would flip it."""
    if batch:
        for given_id, given in answering.read_batch(batch):
            advice = runfolder.plain(Recommendation, _from_answers({**given, **said}))
            common.line(advice if given_id is None else {"id": given_id, **advice})
        return 0
    known = {**(answering.read_answers(answers) if answers else {}), **said}
    if task is None:
        if not answers and not said:
            advice = "Give a TASK, --answers FILE, --batch FILE or flags such as --output-kind json"
            raise InputError(Problem("there is nothing to recommend for", "recommend", do=advice))
        return _shown(common, _from_answers(known))
    from advisor import flow

    settings = common.settings(drop_invalid=drop_invalid, allow_overlap=allow_overlap, said=known, fresh=fresh)
    with common.watching() as watch:
        run = flow.opened(task, settings, watch)
        given = {name: value for name, value in {**run.task.answers, **known}.items() if value != answering.UNKNOWN}
        if given and not (run.task.split.train or run.task.documents):  # a task with answers alone
            return _shown(common, _from_answers(given, run.task.costs.said))
        if dry_run:
            return _dry(run, common)
        if run.measurable:
            run.agree()
        value = run.recommendation
    common.show(value, run.profile, run.diagnosis, value, _answers_from(run))
    return _code(value)


@command
def run(
    task: TaskFolder,
    *,
    common: Common,
    said: Mapping[str, str | float],
    path: Annotated[str, typer.Option(help="build this path, whatever is recommended")] = "",
    answers: AnswersFile = None,
    drop_invalid: DropInvalid = False,
    allow_overlap: AllowOverlap = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
) -> int | None:
    """All of it: profile, diagnosis, recommendation, then build the path, prove the gain and write the report."""
    from advisor import flow

    if path and path not in PATH_NAMES:
        raise InputError(Problem(f"{path!r} is no path", "--path", do=f"Choose one of {', '.join(PATH_NAMES)}"))
    known = {**(answering.read_answers(answers) if answers else {}), **said}
    settings = common.settings(
        path=path, said=known, drop_invalid=drop_invalid, allow_overlap=allow_overlap, fresh=fresh
    )
    as_it_goes = replace(common, quiet=common.quiet or common.json, json=False)
    with common.watching() as watch:
        going = flow.opened(task, settings, watch)
        if dry_run:
            return _dry(going, common)
        written = flow.follow(going, lambda value: as_it_goes.show(None, value))
    last = f"{_answers_from(going)}\n{_paths('report', written)}"
    if not going.chosen:
        common.show(_nothing(going), last)
        return _code(going.recommendation)
    common.show(going.proof, last, f"try it       advisor chat {going.folder}")
    return 0 if path else _code(going.recommendation)


@command
def report(
    run: RunFolder,
    *,
    common: Common,
    format: Annotated[str, typer.Option("--format", help="md, html or json")] = "",
) -> None:
    """Write a run's report again, or print it as JSON."""
    from advisor.measure import sealing
    from advisor.show import gathered
    from advisor.show import report as pages

    if not (run / "recommendation.json").is_file():
        raise InputError(Problem("there is no run here", run, do="Give a run folder, runs/..."))
    if format not in ("", "md", "html", "json"):
        raise InputError(Problem(f"{format!r} is no format", "--format", do="Choose md, html or json"))
    if format == "json":
        files = runfolder.plain(gathered.RunFiles, gathered.gather(run))
        common.line({name: value for name, value in files.items() if value is not None})
        return
    before = sealing.found(run)
    written = pages.write(run, (format,) if format else ("md", "html"))
    sealing.renew(run, before)
    common.show([str(path) for path in written], _paths("report", written))


@command
def predict(run: RunFolder, *, common: Common) -> int:
    """Predictions for the inputs on standard input (JSON Lines or CSV, in any format of rows), as JSON Lines."""
    from advisor.rows.examples import read_inputs
    from advisor.runtime.built import load

    given = read_inputs(sys.stdin.buffer.read())
    if given.problems:
        raise InputError(given.problems)
    for finding in given.findings if not common.quiet else ():
        print(f"{finding.severity}: {finding.message}", file=sys.stderr)
    with common.watching() as watch:
        made = load(run, watch, common.settings()).predict(given.examples)
    for example, prediction in zip(given.examples, made, strict=True):
        line: dict[str, Any] = {"id": example.id, "prediction": prediction.text, "error": prediction.error}
        line |= {"passages": list(prediction.passages)} if prediction.passages else {}
        line |= {"scores": dict(prediction.scores)} if prediction.scores else {}
        line |= {"abstained": True} if prediction.abstained else {}
        line |= {"cut": True} if prediction.cut else {}
        common.line({k: v for k, v in line.items() if v is not None or k == "prediction"})
    return 1 if any(prediction.text is None for prediction in made) else 0


@command
def evaluate(
    what: Annotated[
        Path, typer.Argument(metavar="RUN|PREDICTIONS", help="a run folder, or JSON Lines of id and prediction")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="rows with inputs and wanted outputs")],
    *,
    common: Common,
    min_score: Annotated[
        float | None, typer.Option(help="exit 1 when the score is below, or could not be told")
    ] = None,
    metric: Annotated[str, typer.Option(help="another metric than the run's")] = "",
) -> int:
    """The score of a built system, or of stored predictions, on rows; per label where outputs are labels."""
    from advisor.measure import evaluation

    if min_score is not None and not 0 <= min_score <= 100:
        raise InputError(Problem(f"{min_score:g} is no score", "--min-score", do="Give a number from 0 to 100"))
    with common.watching() as watch:
        value = evaluation.evaluate(what, data, metric, common.seed, watch, common.settings())
    common.show(value, value)
    if min_score is None or value.holds(min_score):
        return 0
    if value.unscored:
        print(f"error: {value.unscored:,} of {value.n + value.unscored:,} rows have no answer", file=sys.stderr)
    return 1


@command
def chat(run: RunFolder, *, common: Common) -> None:
    """Try a built system in the terminal. Every line is one input; an empty line or Ctrl-D ends."""
    from advisor.app.chat import converse
    from advisor.runtime.built import load

    converse(load(run, settings=common.settings()), common.quiet)


def _from_answers(given: Mapping[str, str | float], costs: Mapping[str, float] | None = None) -> Recommendation:
    """The recommendation from answers alone, and what was said of costs."""
    return decide(given, {}, load_rules(), by_model={"": ({}, usual(costs))})


def _shown(common: Common, advice: Recommendation) -> int:
    common.show(advice, advice)
    return _code(advice)


def _code(advice: Recommendation) -> int:
    return 0 if advice.path else INSUFFICIENT


def _answers_from(run: "Run") -> str:
    """How many answers were computed, and how many the store had; what became of the index."""
    index = f"\nindex        {changes}" if run.task.documents and (changes := run.bench.runtime.finder.changes) else ""
    return f"answers      {run.store.computed:,} computed, {run.store.known:,} from the store{index}"


def _nothing(run: "Run") -> dict[str, Any]:
    """What `run --json` prints where nothing was built: the recommendation, and a result without figures."""
    compared = ("runner_up", "gain_over_runner_up", "best_untuned", "gain_over_best_untuned")
    figures = dict.fromkeys(("baseline", "test", "gain", *compared))
    none = {"metric": run.task.metric, **figures, "test_items": 0, "trained_tokens": 0}
    advice = runfolder.plain(Recommendation, run.recommendation)
    return {"run": str(run.folder), **none, "seconds": runfolder.seconds(run.folder), **advice}


def _dry(run: "Run", common: Common) -> int:
    from advisor.decide.costs import costs
    from advisor.measure import planning
    from advisor.measure import work as working
    from advisor.models.local import tunes

    task, model, purse = run.task, run.model, run.assumed_purse
    answers = {**task.answers, "train_examples": float(len(task.split.seen))}
    table = costs(answers, planning.work(task, model, purse), working.rates(task, model))
    known = {path: cost for path, cost in table.items() if cost.build_seconds is not None}
    value: dict[str, Any] = {"plan": asdict(purse), "costs": {path: asdict(cost) for path, cost in known.items()}}
    lines = [f"{path:16} about {cost.build_seconds:>5} s to build" for path, cost in known.items()]
    head = f"would measure {task.metric} on {purse.measure if run.measurable else 0:,} examples"
    if tunes(model) and purse.rows:
        takes = planning.tuning(task, model, purse, planning.sizes(task, model).passages)
        value["tuning"] = asdict(takes)
        what = f"{takes.tokens:,} tokens, about {takes.seconds:.0f} s and {takes.memory / 1e9:.1f} GB of memory"
        times = "once" if purse.epochs == 1 else f"{purse.epochs} times"
        head += f", and tune on up to {purse.rows:,} rows {times}: {what}"
    elif not tunes(model):
        whole = planning.whole_run(task, model, purse)
        value["expected"] = asdict(whole)
        head += f"; a whole run takes about {whole} (the endpoint was not asked)"
    if task.proposer:
        lines.append(f"{task.proposer} would be asked for instructions, within its share of the budget")
    common.show(value, head, *lines)
    return 0


def _too_few(run: "Run", common: Common) -> int:
    text = next(one.message for one in run.profile.findings if one.kind == "few_rows")
    common.show({"probes": [], "examples": len(run.task.split.compare), "notes": [text]}, text)
    return INSUFFICIENT


def _paths(what: str, paths: Iterable[Path]) -> str:
    return "\n".join(f"{what:12} {path}" for path in paths)


def main() -> None:
    """The entry point of the `advisor` command."""
    # Beside another job threads that wait awake take its turns, and both crawl (26 times as long, measured with two jobs on
    # two cores; 2.6 times with this). It has to be said before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    for stream in (sys.stdout, sys.stderr):  # a file's name may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


from advisor.app import past  # noqa: E402  # last, so that --help names these commands last
