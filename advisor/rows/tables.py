"""Cells to rows: whether the first line is a header, and what the columns are where names do not tell. Knows no files."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from advisor import texts
from advisor.errors import InputError, Problem
from advisor.rows.cells import Line
from advisor.rows.formats import Record
from advisor.rows.names import Keys, Names, keys

ALIKE = 0.8  # of a column's cells, to be said of the column
SURE = 20  # cells of a column that tell what is odd among them
ENOUGH = 4  # cells of a column, to say that they repeat
MANY = 3  # times as many different texts as labels
LOOKED_AT = 2000  # cells of a column
NAMED = 'Name two columns "input" and "output" in the first line'
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*\s?%?")


@dataclass(frozen=True)
class Table:
    """Rows of a table, what is wrong with others, and how columns are read where their names do not tell ("")."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...] = ()
    told: str = ""


def understood(lines: Sequence[Line], where: str | Path, *, wanted: bool = True, separator: str = "") -> Table:
    """The rows of a table, whose lines are not blank. wanted: an output has to be among the columns.

    Raises InputError where the table can't be understood, or could be in two ways.
    """
    if not lines:
        raise InputError(Problem("is empty", where, 1, do="Add rows, or remove the file"))
    first = lines[0][1]
    width = max(_full(first), *(_full(cells) for _, cells in lines if len(cells) <= len(first)))
    whole = [(at, cells[:width]) for at, cells in lines if len(cells) >= width >= _full(cells)]
    headed, names, told = _columns([cells for _, cells in whole[: LOOKED_AT + 1]], where, lines[0][0], wanted)
    do = f"Put cells that hold a {separator!r} or a line break in double quotes" if separator else "Fill its cells"
    what = f"cells, the {'header' if headed else 'first line'} has {width}"
    good = {at for at, _ in whole}
    problems = [Problem(f"has {len(cells)} {what}", where, at, do=do) for at, cells in lines if at not in good]
    again = {at for at, cells in whole[1:] if headed and cells == whole[0][1]}
    problems += [Problem("repeats the header", where, at, do="Remove the line") for at in sorted(again)]
    records = (_record(at, names, cells) for at, cells in whole[headed:] if at not in again)
    return Table(tuple(records), tuple(problems), told)


def _columns(rows: Sequence[Sequence[str]], where: str | Path, line: int, wanted: bool) -> tuple[bool, Names, str]:
    """Whether the first row is a header; the names of the columns; and how they are read, where no names tell.

    Raises InputError where that can't be told.
    """
    first = [cell.strip() for cell in rows[0]]
    names = tuple(cell or f"column {at}" for at, cell in enumerate(first, 1))
    columns = [[row[at].strip() for row in rows[1:]] for at in range(len(first))]
    headed = _is_header(names, first, columns, wanted)
    if headed is None:
        what = (
            f"has a first line that may be a header or a row ({_shown(names)}): as a header it names {len(names)} columns "
            "of the rows below, as a row it is the first of them"
        )
        do = "Write input,output (in the order of the columns) above it if it is a row, in its place if it is a header"
        raise InputError(Problem(what, where, line, do=do))
    if headed:
        return True, *_completed(names, columns, Problem("", where, line), wanted)
    roles = _roles([[cell, *column] for cell, column in zip(first, columns, strict=True)])
    if not roles:
        what = f"has no header and {len(names)} columns ({_shown(names)}), and does not tell which are input and output"
        raise InputError(Problem(what, where, line, do=f"{NAMED} of the file, above the first row"))
    return False, roles, f"no header: {_said(roles, [f'column {at}' for at in range(1, len(names) + 1)])}"


def complete(first: Sequence[str]) -> bool:
    """Whether these cells, as a header, name what is asked and what is wanted."""
    known = keys(tuple(first))
    return bool(known.messages or (known.asked and (known.output or known.preferred)))


def _full(cells: Sequence[str]) -> int:
    """How many cells there are, up to the last that is not empty."""
    return max((at for at, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _is_header(names: Names, first: Sequence[str], columns: Sequence[Sequence[str]], wanted: bool) -> bool | None:
    """Whether the first line names the columns; None where it may and may not."""
    known = keys(names)
    if not wanted or len(names) == 1 or complete(names):
        return True
    row = any(_like_the_others(cell, column) for cell, column in zip(first, columns, strict=True))
    header = any(_unlike_the_others(cell, column) for cell, column in zip(first, columns, strict=True))
    if list(first) == [str(at) for at in range(len(first))]:  # a data frame without names, as pandas writes it
        header = header or any(_share(column, "number") < 1 - ALIKE for column in columns)
    if len(names) > 2 and (known.asked or known.output) and not row:
        return True
    return header if header != row else None


def _like_the_others(cell: str, column: Sequence[str]) -> bool:
    """Whether a cell is of its column: its text stands there again, or it is a number or a sentence as they are."""
    return cell in column or (_shape(cell) in ("number", "sentence") and _share(column, _shape(cell)) >= ALIKE)


def _unlike_the_others(cell: str, column: Sequence[str]) -> bool:
    """Whether a cell can hardly be of its column: a word among numbers, or what one in `SURE` others is at the most."""
    filled = [other for other in column if other]
    if not filled or cell in filled:
        return False
    if not cell or (_shape(cell) != "number" and _share(filled, "number") == 1):
        return True
    counts = Counter(filled)
    once = sum(n == 1 for n in counts.values())
    return len(filled) >= SURE and min(once / len(filled), _share(filled, _shape(cell))) <= 1 / SURE


def _shape(cell: str) -> str:
    """A number, a sentence, or what may be a name."""
    if _NUMBER.fullmatch(cell):
        return "number"
    return (
        "sentence"
        if len(cell) > 40 or len(cell.split()) > 4 or cell.endswith((".", "?", "!", "…", "。", "？"))
        else "name"
    )


def _share(column: Sequence[str], shape: str) -> float:
    filled = [cell for cell in column if cell]
    return sum(_shape(cell) == shape for cell in filled) / len(filled) if filled else 0.0


def _repeats(column: Sequence[str]) -> bool:
    """Whether nearly all cells of a column stand in it again, as labels do."""
    counts = Counter(cell for cell in column if cell)
    return counts.total() >= ENOUGH and sum(n for n in counts.values() if n > 1) >= ALIKE * counts.total()


def _roles(columns: Sequence[Sequence[str]]) -> Names:
    """What columns without names are: the one of labels or numbers, first or last, is the output. () where that can't be
    told."""
    numbered = [_counts(column) for column in columns]
    if any(numbered):
        rest = _roles([column for column, is_id in zip(columns, numbered, strict=True) if not is_id])
        left = iter(rest)
        alone = sum(numbered) == 1 and len(columns) > 2
        return tuple("id" if is_id else next(left) for is_id in numbered) if rest and alone else ()
    outputs = [at for at, column in enumerate(columns) if _repeats(column) or _share(column, "number") == 1]
    few, *more = sorted((len(set(column)), at) for at, column in enumerate(columns))
    if len(outputs) > 1 and few[1] in outputs and all(n >= MANY * few[0] for n, _ in more):
        outputs = [few[1]]  # texts may stand there again, too
    if len(columns) not in (2, 3) or len(outputs) != 1 or outputs[0] not in (0, len(columns) - 1):
        return ()
    rest = ("input", "context")[: len(columns) - 1]
    return ("output", *rest) if outputs[0] == 0 else (*rest, "output")


def _counts(column: Sequence[str]) -> bool:
    """Whether a column numbers the rows."""
    if len(column) < ENOUGH or not all(re.fullmatch(r"\d{1,9}", cell) for cell in column):
        return False
    numbers = [int(cell) for cell in column]
    return all(later == earlier + 1 for earlier, later in pairwise(numbers))


def _completed(names: Names, columns: Sequence[Sequence[str]], place: Problem, wanted: bool) -> tuple[Names, str]:
    """The names of the columns, with input and output among them; and what had to be told by their order or content."""
    plain = [name.casefold() for name in names]
    if twice := [name for name in names if plain.count(name.casefold()) > 1]:
        raise InputError(Problem(f"has two columns {twice[0]!r}", place.where, place.line, do="Rename one of them"))
    known = keys(names)
    if complete(names) or (known.asked and not wanted):
        return names, ""
    free = [name for name in names if name not in _meant(known)]
    if len(names) == 2 and len(free) == 2 and wanted and not any(map(_counts, columns)):
        roles = _roles(columns) or ("input", "output")
        return roles, _said(roles, [repr(name) for name in names])
    if len(names) == 2 and len(free) == 1 and wanted and (known.asked or known.output):
        role = "output" if known.asked else "input"
        return tuple(role if name in free else name for name in names), _said([role], [repr(free[0])])
    what = (
        f"has the columns {_shown(names)}, and does not tell which are input and output"
        if wanted
        else "has no column that is an input"
    )
    do = NAMED if wanted else 'Name a column "input" in the first line'
    raise InputError(Problem(what, place.where, place.line, do=do))


def _meant(known: Keys) -> set[str]:
    """All names that mean something."""
    return {name for value in astuple(known) for name in ([value] if isinstance(value, str) else value)}


def _record(line: int, names: Names, cells: Sequence[str]) -> Record:
    """A row; empty cells count as missing, and the columns that hold lists may hold one text."""
    values: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    known = keys(names)
    for name in filter(None, (known.accepted, known.gold)):
        if name in values:
            value = texts.structured(values[name])
            values[name] = value if isinstance(value, list) else [values[name]]
    return Record(line, values, names)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(texts.clipped(name, 30) for name in names[:8]) + (", …" if len(names) > 8 else "")


def _said(roles: Sequence[str], columns: Sequence[str]) -> str:
    """How columns are read, in words."""
    said = [f"{column} as {role}" for role, column in zip(roles, columns, strict=True)]
    return f"read {', '.join(said)}"
