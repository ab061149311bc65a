"""The text of a CSV or TSV to cells. Knows neither columns nor examples."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from advisor.errors import InputError, Problem
from advisor.rows.names import keys

Line = tuple[int, list[str]]  # the line where a record begins, and its cells
SEPARATORS = ",;\t|"
LOOKED_AT = 100_000  # characters in which decimal commas are looked for
SAMPLE = 200  # records by which the separator is told
_EXCEL = re.compile(r'"?sep=(.)"?(\n|$)', re.IGNORECASE)  # the first line by which Excel is told the separator


def lines_of(text: str, where: str | Path, problems: list[Problem]) -> tuple[list[Line], str]:
    """The records that are not blank, and the separator; what is wrong is appended to `problems`.

    Raises InputError where the separator can't be told.
    """
    csv.field_size_limit(sys.maxsize)  # the library's own limit, 128 KiB, would refuse long inputs
    told = _EXCEL.match(text)
    first = 2 if told else 1
    text = text[told.end() :] if told else text
    separator = told[1] if told else _separator(text, where)
    made: list[Line] = []
    try:
        made.extend(_records(text, separator, first, where))
    except InputError as error:
        plain = list(_records(text, separator, first, where, csv.QUOTE_NONE)) if separator == "\t" else []
        if len({len(cells) for _, cells in plain if cells}) == 1:  # TSV as registered, in which quotes are text
            made = plain
        else:
            problems += error.problems
    return [(line, cells) for line, cells in made if any(cell.strip() for cell in cells)], separator


def _records(
    text: str, separator: str, first: int, where: str | Path, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
) -> Iterator[Line]:
    """Each record and its line, counted from `first`. Raises InputError where a quote is out of place."""
    reader, line = csv.reader(io.StringIO(text), delimiter=separator, quoting=quoting, strict=True), first
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + first
    except csv.Error as error:
        do = "Close every double quote, and double those inside a quoted cell"
        raise InputError(Problem(f"is not valid CSV: {error}", where, line, do=do)) from error


def _separator(text: str, where: str | Path) -> str:
    """The separator that explains the text best. Raises InputError where two do."""
    fits = {separator: _fit(text, separator) for separator in SEPARATORS}
    best = max(fits, key=lambda one: fits[one])
    alike = [separator for separator, fit in fits.items() if fit[:2] == fits[best][:2] and fit[2] > 1]
    if len(alike) > 1 and "," in alike and not re.search(r"\D,|,\D", text[:LOOKED_AT]):
        alike.remove(",")  # each stands in a number, as a decimal comma does
    if len(alike) == 1:
        return alike[0]
    if len(alike) > 1 and not fits[best][0]:
        what = f"may be separated by {' or by '.join(map(repr, alike))}: each cuts every row into as many cells as the first"
        raise InputError(
            Problem(what, where, 1, do="Name the columns in the first line, or write such a line as sep=; above it")
        )
    return best


def _fit(text: str, separator: str) -> tuple[bool, float, int]:
    """How well a separator explains the text: whether the first record then names an input and an output, the share of
    records as long as it, and its length."""
    sample = [cells for cells in islice(csv.reader(io.StringIO(text), delimiter=separator), SAMPLE) if cells]
    if not sample or len(sample[0]) < 2:
        return False, 0.0, 0
    known = keys(tuple(sample[0]))
    alike = sum(len(cells) == len(sample[0]) for cells in sample) / len(sample)
    return bool(known.asked and known.output), alike, len(sample[0])
