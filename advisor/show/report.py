"""The report of a run folder, as Markdown and as one self-contained HTML page. Reads the folder's files, computes nothing.

Text from data and models is hostile until escaped: both templates escape whatever they print unless a function here
made it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from advisor import runfolder
from advisor.errors import InputError, Problem
from advisor.show.full import sections
from advisor.show.gathered import RunFiles, gather
from advisor.show.headline import headline, tone
from advisor.show.words import GAP_WORDS, clean, figure, percent, span

LONG = {"html": 1500, "md": 400}  # characters shown of a text in an example
_URL = re.compile(r"https?://[^\s<>()\[\]{}|`\"'\\^]+[^\s<>()\[\]{}|`\"'\\^.,;:!?]")


class Raw(str):
    """Markdown that a template may print as it is."""


def write(folder: Path, formats: Sequence[str] = ("md", "html")) -> tuple[Path, ...]:
    """Write report.md and report.html into a run folder, whole or not at all; their paths. Raises InputError."""
    runfolder.check_links(folder)
    run = gather(folder)
    written = []
    for name in formats:
        path = folder / f"report.{name}"
        try:
            runfolder.whole(path, render(run, name))
        except OSError as error:
            do = "Make the run folder writable"
            raise InputError(Problem(f"can't be written: {error.strerror}", path, do=do)) from error
        written.append(path)
    return tuple(written)


def render(run: RunFiles, form: str) -> str:
    """The report as text, `form` html or md."""
    page = _environment(form).get_template(f"report.{form}.j2")
    return page.render(
        name=run.task.name if run.task else "Recommendation from answers",
        description=run.task.description if run.task else "",
        headline=headline(run.recommendation, run.result),
        tone=tone(run.recommendation, run.result),
        sections=list(sections(run)),
        gaps=list(GAP_WORDS),
    )


def _environment(form: str) -> Environment:
    """Templates that escape by default: HTML through Jinja, Markdown through `finalize`."""
    html = form == "html"
    made = Environment(
        loader=PackageLoader("advisor.show", "templates"),
        autoescape=html,
        finalize=_shown_in_html if html else _shown_in_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["kind"] = lambda block: Raw(type(block).__name__.lower())
    made.filters["made"] = str if html else Raw  # a cell of figures, which were worded here
    made.filters["linked"] = linked_html if html else linked_markdown
    made.filters["clip"] = lambda value, most=LONG[form]: _clip(value, most)
    made.filters["x"] = lambda value, width: round(min(100.0, max(0.0, value)) * width / 100, 1)
    figures: dict[str, Callable[..., str]] = {"figure": figure, "span": span, "percent": percent}
    made.filters |= figures if html else {name: _raw(function) for name, function in figures.items()}
    return made


def _raw(function: Callable[..., str]) -> Callable[..., Raw]:
    """The same function, its text taken for Markdown."""
    return lambda *given: Raw(function(*given))


def _shown_in_html(value: object) -> object:
    """What Jinja is given to escape: cleaned text."""
    return value if isinstance(value, (Markup, int, float)) else clean(value)


def _shown_in_markdown(value: object) -> str:
    return str(value) if isinstance(value, (Raw, int, float)) else markdown(value)


def markdown(text: object) -> str:
    """Text that Markdown shows as it is, in one line, in a table cell too: no markup, no HTML, no links."""
    line = re.sub(r"\s+", " ", clean(text)).strip()
    line = re.sub(r"[\\`*\[\]{}()!|~$#]", r"\\\g<0>", line)
    line = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", line)
    line = re.sub(r"&", "&amp;", line).replace("<", "&lt;").replace(">", "&gt;")
    # Bare addresses become links on many sites.
    line = line.replace("://", "&#58;//").replace("@", "&#64;")
    line = re.sub(r"\bwww\.", "www&#46;", line, flags=re.IGNORECASE)
    return re.sub(r"^(\d+)([.)])|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def linked_markdown(text: object) -> Raw:
    """Escaped text in which web addresses are links: for sources of rules and cases."""
    return Raw(_linked(clean(text), markdown, lambda url: f"<{url}>", " "))


def linked_html(text: object) -> Markup:
    """The same for HTML."""

    def link(url: str) -> str:
        return str(Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(url))

    return Markup(_linked(clean(text), lambda part: str(escape(part)), link, ""))


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
