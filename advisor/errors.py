"""What can go wrong, as three kinds of error. Knows nothing of where they come from.

AdvisorError                     exit code
├── InputError      2            what the person wrote is wrong; carries every problem found, with its place
├── OutsideError    1            something outside failed: a disk that is full, a model that does not load
└── CannotError     1            we could not do it: nothing to train on, a path that the model cannot serve
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 400  # characters of one part of a problem


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what a person wrote.

    `what` is wrong, `where` (file, folder or flag), at which `line` (1-based) or `field`, and what to `do` about it.
    What a person wrote goes into these, so it is cut where it is long, and what can't be printed is spelled out.
    """

    what: str
    where: str | Path = ""
    line: int | None = None
    field: str = ""
    do: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", _printable(str(self.where)))
        object.__setattr__(self, "field", _printable(self.field))
        object.__setattr__(self, "what", _printable(self.what))

    def __str__(self) -> str:
        place = str(self.where) + (f":{self.line}" if self.line else "")
        head = ": ".join(part for part in (place, self.field, self.what) if part)
        return f"{head}. {self.do}" if self.do else head


def _printable(text: str) -> str:
    """One line, no longer than `LONGEST`: control characters and halves of surrogate pairs as escapes."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class AdvisorError(Exception):
    """The root of all errors that a caller may want to catch."""

    exit_code = 1


class InputError(AdvisorError):
    """What the person wrote is wrong: all problems at once."""

    exit_code = 2

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class OutsideError(AdvisorError):
    """Something outside this program failed: a disk, a network, a model file."""


class CannotError(AdvisorError):
    """The work itself could not be done with what is there."""
