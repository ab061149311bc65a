"""Rules: what is known before anything is measured, as data with reasons and sources.

A rule moves the belief in one path's gain by `weight` points when all its conditions on signals hold. The rules lie in
`rules/*.toml` and are checked fully when loaded. Knows nothing of published cases or of how a decision is made.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from advisor.answers import KEYS, UNKNOWN
from advisor.errors import Complaint, InputError, Problem, complaints, wrong
from advisor.system import PATH_NAMES

TABLES = ("rule", "gap")  # what a file of rules may hold
LARGEST_WEIGHT = 40.0  # no single argument may decide against a measurement
Signals = Mapping[str, object]

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, wanted: bool(value == wanted),
    "not": lambda value, wanted: bool(value != wanted),
    "in": lambda value, wanted: value in wanted,
    "at_least": lambda value, wanted: bool(value >= wanted),
    "below": lambda value, wanted: bool(value < wanted),
}

MEASURED: Mapping[str, str] = {
    "zero_shot_score": "score of the task's own instruction on the base model, 0..100",
    "best_prompt_score": "score of the best prompt found, 0..100",
    "retrieved_score": "score with retrieved passages in the prompt, 0..100",
    "oracle_score": "score with the documents that hold the answer in the prompt, 0..100",
    "short_tuning_score": "score after a short tuning, the best, 0..100",
    "share_right": "share of development examples that pass with no change, 0..1",
    "gap_format": "share of development examples that constrained decoding makes pass, 0..1",
    "gap_instruction": "share that shots make pass, 0..1",
    "gap_knowledge": "share that retrieved passages make pass, 0..1",
    "gap_retrieval": "share that only the right documents make pass, 0..1",
    "gap_behaviour": "share that a short tuning makes pass, half of what it makes pass with passages alone, 0..1",
    "gap_capability": "share that nothing tried makes pass, 0..1",
    "answers_in_documents": "share of outputs found in the documents, 0..1",
    "duplicate_share": "share of training rows that repeat another, 0..1",
    "contradiction_share": "share of training rows whose input has another output elsewhere, 0..1",
    "format_consistency": "share of training outputs that have the commonest form, 0..1",
}
SIGNALS: Mapping[str, str] = {**{name: key.question for name, key in KEYS.items()}, **MEASURED}


@dataclass(frozen=True)
class Condition:
    """One signal against one value. A signal that is absent or unknown never satisfies it, not even `not`."""

    signal: str
    operator: str
    value: str | float | tuple[str | float, ...]

    def holds(self, signals: Signals) -> bool:
        """Whether the signal is known and compares as wanted."""
        value = signals.get(self.signal)
        return value is not None and value != UNKNOWN and OPERATORS[self.operator](value, self.value)


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def _path(value: str) -> str:
    if value not in PATH_NAMES:
        raise wrong(f"unknown path {value!r}: use one of {', '.join(PATH_NAMES)}", "")
    return value


def _weight(value: object) -> float:
    if not isinstance(value, (int, float)) or not _is_number(value) or not 0 < abs(value) <= LARGEST_WEIGHT:
        what = f"weight {value!r} is not a number from -{LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g} other than 0"
        raise wrong(what, "")
    return float(value)


def _conditions(when: object) -> tuple[Condition, ...]:
    """`{a = 1, b = {at_least = 2, below = 5}}` as three conditions."""
    if not isinstance(when, dict) or not when:
        raise wrong("when has no conditions", "")
    conditions = tuple(
        Condition(signal, operator, tuple(value) if isinstance(value, list) else value)
        for signal, test in when.items()
        for operator, value in (test if isinstance(test, dict) else {"is": test}).items()
    )
    if told := [what for condition in conditions for what in _problems(condition)]:
        raise wrong("; ".join(told), "")
    return conditions


@dataclass(frozen=True)
class Argument:
    """Something that is so when all its conditions hold: how much it weighs, why, and who says so."""

    id: Annotated[str, AfterValidator(_text)]
    weight: Annotated[float, BeforeValidator(_weight)]
    when: Annotated[tuple[Condition, ...], BeforeValidator(_conditions)]
    reason: Annotated[str, AfterValidator(_text)]
    source: Annotated[str, AfterValidator(_text)]

    def fires(self, signals: Signals) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(signals) for condition in self.when)


@dataclass(frozen=True)
class Rule(Argument):
    """An argument for (weight above 0) or against (below 0) a path, in points of its gain."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: Annotated[str, AfterValidator(_path)]


Kind = TypeVar("Kind", bound=Argument)


def fired(rules: Sequence[Rule], signals: Signals) -> tuple[Rule, ...]:
    """The rules whose conditions all hold."""
    return tuple(rule for rule in rules if rule.fires(signals))


@cache
def load_rules(folder: Path | None = None) -> tuple[Rule, ...]:
    """Every rule of every TOML file in `folder` (default: the shipped ones). Raises InputError with every problem."""
    return read_arguments("rule", TypeAdapter(Rule), folder)


def read_arguments(table: str, kind: TypeAdapter[Kind], folder: Path | None = None) -> tuple[Kind, ...]:
    """The arguments that the `table`s of a folder's TOML files hold. Raises InputError with every problem."""
    place: Path | Traversable = folder or resources.files("rules")
    arguments: dict[str, Kind] = {}
    problems: list[Problem] = []
    for file in sorted(place.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        where = str(folder / file.name) if folder else f"rules/{file.name}"
        for entry, line in _entries(file, where, table, problems):
            named = f"{table} {entry.get('id', '?')}"
            try:
                one = kind.validate_python(entry)
                if one.id in arguments:
                    problems.append(Problem(f"the id is taken by another {table}", where, line, named))
                arguments.setdefault(one.id, one)
            except ValidationError as error:
                problems += [Problem(what, where, line, named) for what in map(_explained, complaints(error))]
    if problems:
        raise InputError(problems)
    return tuple(arguments.values())


def _entries(file: Traversable, where: str, name: str, problems: list[Problem]) -> Iterator[tuple[dict[str, Any], int]]:
    """The arguments of a file as written, each with its line; what is wrong with the file is appended to `problems`."""
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        problems.append(Problem(f"not valid TOML: {error}", where, int(line[1]) if line else None))
        return
    entries = tables.pop(name, [])
    problems += [
        Problem("unknown table", where, field=other, do="Use [[rule]].") for other in tables if other not in TABLES
    ]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.append(Problem(f"not a list of {name}s", where, field=name, do=f"Use [[{name}]]."))
        return
    starts = [n for n, line in enumerate(text.split("\n"), 1) if line.strip() == f"[[{name}]]"]
    yield from zip(entries, starts + [0] * len(entries), strict=False)


def _explained(one: Complaint) -> str:
    """What is wrong with a rule, with the name of the field."""
    name = one.place[0]
    told = {"unexpected_keyword_argument": f"unknown field {name}", "missing": f"{name} is missing", "wrong": one.what}
    return told.get(one.kind, f"{name} is {'empty' if one.what == 'is empty' else 'not text'}")


def _problems(condition: Condition) -> list[str]:
    """All that is wrong with a condition as written."""
    signal, operator = condition.signal, condition.operator
    if signal not in SIGNALS:
        return [f"unknown signal {signal}"]
    if operator not in OPERATORS:
        return [f"unknown operator {operator} on {signal}: use one of {', '.join(OPERATORS)}"]
    if (operator == "in") != isinstance(condition.value, tuple):
        return [f"{operator} on {signal} needs {'a list' if operator == 'in' else 'one value'}"]
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    key = KEYS.get(signal)
    if key and key.kind == "choice":
        if operator in ("at_least", "below"):
            return [f"{operator} needs a number, and {signal} is a choice"]
        return [f"{value!r} is no value of {signal}" for value in values if value not in key.choices]
    return [f"{value!r} is not a number, and {signal} is one" for value in values if not _is_number(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
