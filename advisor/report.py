"""The report of a run folder, as Markdown and as one HTML page, from the JSON files that the steps wrote."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from advisor import views

FILES = ("task", "profile", "diagnosis", "recommendation", "result", "answers")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~<>])")


def load(folder: Path) -> dict[str, Any]:
    """Everything that a run folder says, by file; a step that was not done is None."""
    found = {}
    for name in FILES:
        path = folder / f"{name}.json"
        found[name] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found


def write(folder: Path, formats: Sequence[str] = ("md", "html")) -> tuple[Path, ...]:
    """Write report.md and report.html (or one of them), each whole or not at all; the paths written."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    values = load(folder)
    written = []
    for kind in formats:
        environment = Environment(
            loader=FunctionLoader(
                lambda name: resources.files("advisor").joinpath("templates", name).read_text("utf-8")
            ),
            autoescape=kind == "html",
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            md=escaped, span=views.span, rows=views.rows_text, duration=views.duration, points=lambda x: f"{x:.1f}"
        )
        text = environment.get_template(f"report.{kind}.j2").render(
            **values, answer=answer(values), name=(values["task"] or {}).get("name", "from answers"), run=folder.name
        )
        path = folder / f"report.{kind}"
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
        written.append(path)
    return tuple(written)


def answer(values: Mapping[str, Any]) -> str:
    """The whole report in one sentence."""
    result, advice = values["result"], values["recommendation"]
    if not result:
        return views.headline(advice) + "." if advice else "Nothing has been recommended yet."
    chosen = f"{result['path']} ({'asked for' if result['forced'] else 'provisional' if result['provisional'] else 'recommended'})"
    proof = (
        f"{chosen} brought {result['metric']} on the sealed test from {result['baseline']:.1f} to {result['test']:.1f}, "
        f"a gain of {views.span(result['gain'])} points"
    )
    if result["runner_up"]:
        proof += f", and {views.span(result['gain_over_runner_up'])} over {result['runner_up']}"
    return proof + "."


def escaped(text: object) -> str:
    """Text from data or models that Markdown shows as it is: on one line, nothing in it read as markup or HTML."""
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", html.escape(flat, quote=False).replace("://", ":&#47;&#47;"))
