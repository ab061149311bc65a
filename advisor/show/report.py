"""The report of a run folder, as Markdown and as one self-contained HTML page. Reads the folder's files, computes nothing.

Text from data and models is hostile until escaped: both templates escape whatever they print unless a function here
made it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, UndefinedError
from markupsafe import Markup, escape

from advisor import runfolder, texts
from advisor.errors import InputError, Problem
from advisor.show import views

FILES = ("task", "profile", "plan", "retrieval", "diagnosis", "recommendation", "abstaining", "result", "answers")
AGAIN = "Delete it, and run the command that made this run folder again"
LONG = {"html": 1500, "md": 400}  # characters shown of a text in an example
_URL = re.compile(r"https?://[^\s<>()\[\]{}|`\"'\\^]+[^\s<>()\[\]{}|`\"'\\^.,;:!?]")
_FIGURES: Mapping[str, Callable[..., str]] = {
    "figure": views.figure,
    "gain": views.gain,
    "span": views.span,
    "percent": views.percent,
    "duration": views.duration,
    "places": views.places,
    "work": views.work,
}


class Raw(str):
    """Markdown that a template may print as it is."""


def load(folder: Path) -> dict[str, Any]:
    """What the files of a run folder hold, by name; what is missing is left out. Raises InputError when all are."""
    folder = Path(folder)
    found: dict[str, Any] = {"folder": str(folder)}
    problems: list[Problem] = []
    for name in FILES:
        path = folder / f"{name}.json"
        if path.is_file():
            try:
                found[name] = runfolder.read(path)
                if not isinstance(found[name], dict):
                    raise InputError(Problem(f"is {texts.kind(found[name])}, not an object", path, do=AGAIN))
            except InputError as error:
                problems += error.problems
    if not problems and not {"profile", "diagnosis", "recommendation", "result"} & set(found):
        advice = "Give a run folder (runs/...) that `advisor run` or `advisor ask` wrote"
        problems.append(Problem("there is nothing to report here", folder, do=advice))
    if problems:
        raise InputError(problems)
    return found


def write(folder: Path, formats: Sequence[str] = ("md", "html")) -> tuple[Path, ...]:
    """Write report.md and report.html into a run folder, whole or not at all; their paths. Raises InputError."""
    run = load(folder)
    written = []
    for name in formats:
        path = Path(folder) / f"report.{name}"
        partial = path.with_name(path.name + ".partial")
        try:
            text = render(run, name)
        except (TypeError, ValueError, LookupError, AttributeError, UndefinedError) as error:
            what = f"holds what no run of this version wrote ({type(error).__name__}: {error})"
            raise InputError(Problem(what, folder, do=AGAIN)) from error
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            do = "Make the run folder writable"
            raise InputError(Problem(f"can't be written: {error.strerror}", path, do=do)) from error
        written.append(path)
    return tuple(written)


def render(run: Mapping[str, Any], form: str) -> str:
    """The report as text, `form` html or md, of what `load` gives."""
    known = {name: run.get(name) or {} for name in FILES}
    recommendation, result = known["recommendation"], known["result"]
    page = _environment(form).get_template(f"report.{form}.j2")
    return page.render(
        **known,
        folder=run.get("folder", ""),
        headline=views.headline(recommendation, result),
        tone=_tone(recommendation, result),
        finalists=_finalists(result),
        names=_names(result),
        gap_words=views.GAP_WORDS,
    )


def _tone(recommendation: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """How the answer is to look: good, bad or open."""
    if result:
        verdict = "open" if result.get("provisional") else result.get("verdict")
        return {"better": "good", "worse": "bad"}.get(str(verdict), "open")
    return "good" if recommendation.get("path") else "open"


def _finalists(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was run on the sealed test, in the form of probes, for the same plot and table."""
    found = []
    for name, label in _names(result).items():
        if ends := (result.get("intervals") or {}).get(name):
            unscored, tokens = (result.get(field) or {} for field in ("unscored", "tokens"))
            figures = {"lo": ends[0], "value": ends[1], "hi": ends[2]}
            found.append({"label": label, "unscored": unscored.get(name, 0), "tokens": tokens.get(name), **figures})
    return found


def _names(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the systems on the sealed test are called."""
    return {"baseline": "baseline", "runner_up": f"runner-up: {result.get('runner_up')}", "test": result.get("path")}


def _environment(form: str) -> Environment:
    """Templates that escape by default: HTML through Jinja, Markdown through `finalize`."""
    html = form == "html"
    made = Environment(
        loader=PackageLoader("advisor.show", "templates"),
        autoescape=html,
        finalize=_shown_in_html if html else _shown_in_markdown,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name, function in _FIGURES.items():
        made.filters[name] = function if html else _raw(function)
    made.filters["linked"] = linked_html if html else linked_markdown
    made.filters["clip"] = lambda value, most=LONG[form]: _clip(value, most)
    made.filters["x"] = lambda value, width: round(min(100.0, max(0.0, _number(value))) * width / 100, 1)
    return made


def _raw(function: Callable[..., str]) -> Callable[..., Raw]:
    """The same function, its text taken for Markdown."""
    return lambda *given: Raw(function(*given))


def _shown_in_html(value: object) -> object:
    """What Jinja is given to escape: cleaned text."""
    return value if isinstance(value, (Markup, int, float)) else views.clean("" if value is None else value)


def _shown_in_markdown(value: object) -> str:
    return str(value) if isinstance(value, (Raw, int, float)) else markdown("" if value is None else value)


def markdown(text: object) -> str:
    """Text that Markdown shows as it is, in one line, in a table cell too: no markup, no HTML, no links."""
    line = re.sub(r"\s+", " ", views.clean(text)).strip()
    line = re.sub(r"[\\`*\[\]{}()!|~$#]", r"\\\g<0>", line)
    line = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", line)
    line = re.sub(r"&", "&amp;", line).replace("<", "&lt;").replace(">", "&gt;")
    # Bare addresses become links on many sites.
    line = line.replace("://", "&#58;//").replace("@", "&#64;")
    line = re.sub(r"\bwww\.", "www&#46;", line, flags=re.IGNORECASE)
    return re.sub(r"^(\d+)([.)])|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def linked_markdown(text: object) -> Raw:
    """Escaped text in which web addresses are links: for sources of rules and cases."""
    return Raw(_linked(views.clean(text), markdown, lambda url: f"<{url}>", " "))


def linked_html(text: object) -> Markup:
    """The same for HTML."""

    def link(url: str) -> str:
        return str(Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(url))

    return Markup(_linked(views.clean(text), lambda part: str(escape(part)), link, ""))


def _linked(text: str, shown: Callable[[str], str], link: Callable[[str], str], gap: str) -> str:
    """The text with addresses through `link` and the rest through `shown`; `gap` where that trims spaces."""
    parts, at = [], 0
    for match in _URL.finditer(text):
        parts += [shown(text[at : match.start()]), link(match[0])]
        at = match.end()
    return gap.join(part for part in [*parts, shown(text[at:])] if part)


def _clip(value: object, most: int) -> str:
    """The start of a long text, and how much more there is."""
    text = str(value)
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most:,} more characters)"


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value == value else 0.0
