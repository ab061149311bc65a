"""What the person agreed to, kept in their configuration folder: no task, run folder or current directory, which somebody
else may have made, can agree for them."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from advisor import texts
from advisor.errors import InputError, Problem, printable

FILE = "agreed.jsonl"  # in the configuration folder
Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Matter:
    """One thing to agree to: its `purpose`, and what it is `about`, such as an address or a hash. Any other is another."""

    purpose: Literal["prompts", "vectors", "key", "code"]
    about: str


def config_folder() -> Path | None:
    """$ADVISOR_CONFIG, else `advisor` in $XDG_CONFIG_HOME or ~/.config; None where that is no absolute path, which would
    lie in whatever is the current directory."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.config")  # as the XDG specification says
    folder = Path(os.environ.get("ADVISOR_CONFIG") or os.path.join(base, "advisor"))
    return folder if folder.is_absolute() else None


def agrees(matters: Sequence[Matter], question: str, *, yes: bool = False, ask: Ask | None = None) -> bool:
    """Whether the person agrees, or agreed before, to all of these; what they agree to now is remembered.

    yes: they agreed by a flag. ask: asks a yes-or-no question (default: in the terminal, if there is one).
    Raises InputError where an answer can't be remembered.
    """
    known = _agreed()
    new = [matter for matter in matters if matter not in known]
    if not new:
        return True
    if not (yes or (ask or _in_terminal)(f"{question} [y/N] ")):
        return False
    try:
        _remember(new)
    except OSError as error:
        if not yes:  # who agrees by a flag does so each time
            what = f"what you agreed to can't be remembered: {error.strerror or error}"
            do = "Make the folder writable, or set ADVISOR_CONFIG to one that is"
            raise InputError(Problem(what, config_folder() or "", do=do)) from error
    return True


def _agreed() -> set[Matter]:
    folder = config_folder()
    text, _ = texts.read_text(folder / FILE) if folder else ("", [])
    lines = (line for _, line in texts.json_lines(text, FILE, []))
    return {Matter(line["purpose"], line["about"]) for line in lines if {"purpose", "about"} <= line.keys()}


def _remember(matters: Sequence[Matter]) -> None:
    folder, at = config_folder(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    if folder is None:
        raise FileNotFoundError("there is no home folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        # The break comes first, so that a line that was cut short ends there.
        file.write("".join(f"\n{json.dumps({**asdict(matter), 'at': at})}" for matter in matters))


def _in_terminal(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print("\n".join(map(printable, question.split("\n"))), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
