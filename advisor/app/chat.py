"""A built system, tried in the terminal."""

import contextlib
import sys

from rich.console import Console

from advisor.runtime.built import Built
from advisor.show.words import clean
from advisor.task import Example


def converse(built: Built, quiet: bool) -> None:
    """Answer every line of standard input, until an empty one or its end."""
    out = Console()
    if not quiet:
        out.print(f"{built.asked.name}: type an input; an empty line ends", style="dim", markup=False)
    with contextlib.suppress(EOFError):
        while line := input("> " if sys.stdin.isatty() else "").strip():
            [prediction] = built.predict([Example("1", line, "")])
            said = prediction.text if prediction.text is not None else f"({prediction.error})"
            out.print(clean(said), markup=False)
            if prediction.cut:
                out.print("cut off at the limit", style="dim")
            if prediction.passages:
                out.print(clean("from " + ", ".join(prediction.passages)), style="dim", markup=False)
