"""What all commands share: their flags, how results, progress and errors are shown. Knows no command."""

import contextlib
import functools
import inspect
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from typer.core import TyperGroup

from advisor import answers as answering
from advisor import runfolder
from advisor.answers import KEYS, UNKNOWN
from advisor.errors import AdvisorError, InputError, OutsideError, Problem

if TYPE_CHECKING:
    from advisor.runtime.settings import Settings

UsageError: Any = typer.BadParameter.__bases__[0]  # any mistake in the flags; typer exports only this kind of it


class Commands(TyperGroup):
    """All commands; a mistake in their flags is told as every other mistake is."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Run the command that the arguments name, and exit with its code."""
        given = more.get("args") or (args[0] if args else None) or sys.argv[1:]
        if not given:
            return super().main(*args, **more)
        try:
            code = super().main(*args, **{**more, "standalone_mode": False})
        except UsageError as error:
            where = error.ctx.command_path if error.ctx else "advisor"
            what = error.format_message().rstrip(".")
            code = _told(InputError(Problem(what, where, do="See it with --help")), "--json" in given)
        except typer.Abort:
            code = 1
        sys.exit(code)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Prompting, RAG or fine-tuning? Measures the answer on your own task, builds it and proves the gain.",
)
INTERACTIVE = ("ask", "chat")  # commands that talk with a person on standard output


@dataclass(frozen=True)
class Common:
    """The flags that every command takes."""

    json: bool = False
    quiet: bool = False
    seed: int = 0
    model: str = ""
    budget: str = ""
    yes: bool = False
    allow_code: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)  # for results alone

    def settings(self, **more: Any) -> "Settings":
        """The same as settings of a run."""
        from advisor.runtime.settings import Budget, Settings, parse_budget

        spend = parse_budget(self.budget) if self.budget else Budget()
        asked = Settings(model=self.model, seed=self.seed, budget=spend, yes=self.yes, allow_code=self.allow_code)
        return replace(asked, **more)

    def show(self, value: object, *views: object) -> None:
        """The one JSON value, or what a person reads: lines, sections, and the values of steps in the terminal's words."""
        from advisor.show.blocks import Section
        from advisor.show.brief import brief
        from advisor.show.terminal import shown

        if self.json:
            self.line(runfolder.plain(type(value), value))
        elif not self.quiet:
            console = Console(file=self.out)
            for view in views:
                if isinstance(view, str):
                    console.print(view, markup=False, highlight=False)
                elif section := view if isinstance(view, Section) else brief(view):
                    console.print(shown(section))

    def line(self, value: Any) -> None:
        """A JSON value as a line of the output."""
        print(json.dumps(value, ensure_ascii=False, default=str), file=self.out)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Callable[[str, int, int], None]]:
        """Progress bars with the time left, on standard error."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self.quiet:
            yield lambda what, done, total: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        bars = Progress(*columns, console=console, transient=True)
        tasks: dict[str, Any] = {}

        def watch(what: str, done: int, total: int) -> None:
            bars.start()  # not before there is something to show: a question may be asked first
            name = what.split(" · ")[0]
            if name not in tasks:
                for old in tasks.values():
                    bars.update(old, visible=False)
                tasks[name] = bars.add_task(what, total=total)
            bars.update(tasks[name], description=what, completed=done, total=total, visible=True)
            if done >= total:
                bars.update(tasks[name], visible=False)
                if not console.is_terminal:
                    console.print(f" {what}: done", markup=False, highlight=False)
                del tasks[name]

        try:
            yield watch
        finally:
            bars.stop()


COMMON = {
    "json": (bool, typer.Option("--json", help="one JSON value on standard output, nothing else there")),
    "quiet": (bool, typer.Option("--quiet", help="show nothing but errors")),
    "seed": (int, typer.Option("--seed", help="of every random choice")),
    "model": (
        str,
        typer.Option("--model", help="a folder, hub id, GGUF file, an embedded model's name, or URL#name[#KEY_ENV]"),
    ),
    "budget": (str, typer.Option("--budget", help="the most to spend: 10m, 200ktok, 5usd, or 10m,5usd")),
    "yes": (bool, typer.Option("--yes", help="agree that data, and the key that it names, go to the task's endpoint")),
    "allow_code": (bool, typer.Option("--allow-code", help="allow the Python that the task brings, as it is now")),
}


def command(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Register a command: gives it the common flags and, where it takes `said`, a flag for every key of the answers."""
    wants_answers = "said" in inspect.signature(function).parameters
    extra = {name: (kind, option, getattr(Common, name)) for name, (kind, option) in COMMON.items()}
    if wants_answers:
        for name, key in KEYS.items():
            flag = typer.Option(f"--{name.replace('_', '-')}", help=key.question, show_default=False)
            extra[name] = (str, flag, "")

    @functools.wraps(function)
    def run(**given: Any) -> None:
        common = Common(**{name: given.pop(name) for name in COMMON})
        code = 0
        # What libraries and a person's own metric print must not stand among the results.
        aside = contextlib.nullcontext() if function.__name__ in INTERACTIVE else contextlib.redirect_stdout(sys.stderr)
        with _errors(common), aside:
            if wants_answers:
                raw = {name: value for name in KEYS if (value := given.pop(name))}
                given["said"] = {k: v for k, v in answering.parse(raw, "flags").items() if v != UNKNOWN}
            code = function(common=common, **given) or 0
        raise typer.Exit(code)

    own = [p for n, p in inspect.signature(function).parameters.items() if n not in ("common", "said")]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
        for name, (kind, option, default) in extra.items()
    ]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    app.command(function.__name__)(run)
    return function


@contextlib.contextmanager
def _errors(common: Common) -> Iterator[None]:
    """A person's mistake, or the outside's, as its text and exit code; ours with a file that tells where."""
    try:
        yield
    except AdvisorError as error:
        raise typer.Exit(_told(error, common.json)) from error
    except KeyboardInterrupt as stop:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(130) from stop
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="advisor-", suffix=".log", delete=False) as file:
            traceback.print_exc(file=file)
        what = f"the work failed: {type(error).__name__}: {error}\nthe details are in {file.name}"
        raise typer.Exit(_told(OutsideError(what), common.json)) from error


def _told(error: AdvisorError, as_json: bool) -> int:
    """Tell what went wrong: on standard error a line for each problem, for a script one JSON value; the exit code."""
    problems = error.problems if isinstance(error, InputError) else ()
    if as_json:
        value = {"error": str(error), "problems": [asdict(problem) for problem in problems]}
        print(json.dumps(value, ensure_ascii=False))
    print("\n".join(f"error: {line}" for line in problems or [error]), file=sys.stderr)
    return error.exit_code
