"""Files of rows to examples, with all that is wrong in them and all that is not used. Knows no task."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.errors import Problem
from advisor.rows import files, formats
from advisor.rows.conversations import Notes
from advisor.rows.files import Source
from advisor.rows.names import keys
from advisor.task import Example, Finding

MOST_KEYS = 20  # that are told one by one; of more the rest is counted


@dataclass(frozen=True)
class Rows:
    """What a file holds: its examples, everything that is wrong in it, and what a person should know of the reading."""

    examples: list[Example]
    problems: list[Problem]
    findings: list[Finding]


def read_rows(path: Path, name: str, *, numbered: bool = True, unanswered: str = "") -> Rows:
    """The rows of a file; never raises. Every row is an example or a problem, every key is used or a finding.

    name: goes into `Example.file`; the line where a row begins goes into `Example.row`. numbered: rows without an id get
    that line as id, else "". unanswered: the output of rows that say that there is no answer; "": they are wrong.
    """
    source = files.read(path)
    return _rows(source, path, name, numbered, wanted=True, unanswered=unanswered)


def read_inputs(raw: bytes, name: str = "standard input") -> Rows:
    """Inputs to predict for, in every format of rows; outputs are not needed, and a text may stand for a row."""
    return _rows(files.read_inputs(raw, name), name, name, numbered=True, wanted=False)


def _rows(source: Source, where: str | Path, name: str, numbered: bool, wanted: bool, unanswered: str = "") -> Rows:
    examples, problems = [], list(source.problems)
    unused: defaultdict[str, list[int]] = defaultdict(list)
    for record in source.records:
        notes = Notes()
        example = formats.example(record.values, keys(record.names), notes, wanted=wanted, unanswered=unanswered)
        problems += [Problem(what, where, record.line, field, do) for field, what, do in notes.wrong]
        if not notes.wrong:
            id = example.id or (str(record.line) if numbered else "")
            examples.append(replace(example, id=id, row=record.line, file=name))
            for what in notes.unused:
                unused[what].append(record.line)
    findings = [Finding(kind, "warning", message, name) for kind, message in source.told]
    findings += _unused(unused, name)
    return Rows(examples, sorted(problems, key=lambda problem: problem.line or 0), findings)


def _unused(unused: dict[str, list[int]], name: str) -> Iterator[Finding]:
    """A finding for each key that is in rows and not used, the commonest first."""
    ranked = sorted(unused.items(), key=lambda pair: -len(pair[1]))
    for what, lines in ranked[:MOST_KEYS]:
        rows = f"{len(lines):,} rows have" if len(lines) > 1 else "1 row has"
        yield Finding("unused_key", "note", f"{rows} {what}, not used", name, tuple(lines))
    if rest := ranked[MOST_KEYS:]:
        lines = sorted({line for _, own in rest for line in own})
        message = f"{len(lines):,} rows have {len(rest):,} more keys that are not used"
        yield Finding("unused_key", "note", message, name, tuple(lines))
