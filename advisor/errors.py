"""What can go wrong, as three kinds of error. Knows nothing of where they come from.

AdvisorError                     exit code
├── InputError      2            what the person wrote is wrong; carries every problem found, with its place
├── OutsideError    1            something outside failed: a disk that is full, a model that does not load
└── CannotError     1            we could not do it: nothing to train on, a path that the model cannot serve
    └── DroppedOut               one of several systems could not be tried: the others go on
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

LONGEST = 400  # characters of one part of a problem
SHOWN = 20  # problems of one kind; of more, the lines are named


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
        object.__setattr__(self, "where", printable(str(self.where)))
        object.__setattr__(self, "field", printable(self.field))
        object.__setattr__(self, "what", printable(self.what))

    def __str__(self) -> str:
        place = str(self.where) + (f":{self.line}" if self.line else "")
        head = ": ".join(part for part in (place, self.field, self.what) if part)
        return f"{head}. {self.do}" if self.do else head


def printable(text: str) -> str:
    """One line, no longer than `LONGEST`: control characters and halves of surrogate pairs as escapes."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class AdvisorError(Exception):
    """The root of all errors that a caller may want to catch."""

    exit_code = 1


class InputError(AdvisorError):
    """What the person wrote is wrong: all problems at once, of very many alike the first."""

    exit_code = 2

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(_brief(problems))
        super().__init__("\n".join(map(str, self.problems)))


class OutsideError(AdvisorError):
    """Something outside this program failed: a disk, a network, a model file."""


class CannotError(AdvisorError):
    """The work itself could not be done with what is there."""


class DroppedOut(CannotError):
    """One of several systems can't be made or asked, such as one whose prompts do not fit the model's context."""


def wrong(what: str, do: str) -> PydanticCustomError:
    """What a validator raises: what is wrong with a value that a person wrote, and what to do about it."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "do": do})


@dataclass(frozen=True)
class Complaint:
    """What pydantic found wrong with one value: at which `place` (keys and indices), of which `kind` as pydantic names
    them, what is wrong, and what to `do` ("" where it is for the caller to say)."""

    place: tuple[str, ...]
    kind: str
    what: str
    do: str
    value: object


def complaints(error: ValidationError) -> Iterator[Complaint]:
    """All that pydantic found."""
    for one in error.errors(include_url=False):
        do = one["ctx"]["do"] if one["type"] == "wrong" else ""
        what = str(one["msg"]).removeprefix("Value error, ")
        yield Complaint(tuple(map(str, one["loc"])), one["type"], what, do, one["input"])


def _brief(problems: Sequence[Problem]) -> list[Problem]:
    """The first problems of each kind in each file, and one that names the lines of the rest; so for files, too."""
    kinds: defaultdict[tuple[Path, str, str], defaultdict[str, list[Problem]]] = defaultdict(lambda: defaultdict(list))
    for problem in problems:
        kinds[Path(problem.where).parent, problem.field, problem.do][str(problem.where)].append(problem)
    shown = []
    for (folder, key, do), files in kinds.items():
        for where, alike in itertools.islice(files.items(), SHOWN):
            shown += alike[:SHOWN]
            if more := alike[SHOWN:]:
                lines = sorted({problem.line for problem in more if problem.line})
                what = f"{len(more):,} more like these" + (f", in lines {ranges(lines)}" if lines else "")
                shown.append(Problem(what, where, lines[0] if lines else None, key, do))
        if len(files) > SHOWN:
            shown.append(Problem(f"{len(files) - SHOWN:,} more files like these", folder, None, key, do))
    return shown


def ranges(lines: Iterable[int]) -> str:
    """Line numbers as text: "4-6, 9"; the first forty stretches."""
    stretches = itertools.groupby(enumerate(sorted(set(lines))), lambda pair: pair[1] - pair[0])
    ends = [[line for _, line in stretch] for _, stretch in stretches]
    named = [str(one[0]) if len(one) == 1 else f"{one[0]}-{one[-1]}" for one in ends]
    return ", ".join(named[:40]) + (", …" if len(named) > 40 else "")
