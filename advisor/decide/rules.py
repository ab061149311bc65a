"""Rules: what is known before anything is measured, as data with reasons and sources.

A rule moves the belief in one path's gain by `weight` points when all its conditions on signals hold. The rules lie in
`rules/*.toml` and are checked fully when loaded. Knows nothing of published cases or of how a decision is made.
"""

import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from advisor.answers import KEYS, UNKNOWN
from advisor.errors import InputError, Problem

PATH_NAMES = ("prompting", "classifier", "rag", "finetuning", "rag+finetuning")  # in the order of cost
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
    "short_tuning_score": "score after a short tuning on the best context, 0..100",
    "share_right": "share of development examples that pass with no change, 0..1",
    "gap_format": "share of development examples that constrained decoding makes pass, 0..1",
    "gap_instruction": "share that shots make pass, 0..1",
    "gap_knowledge": "share that retrieved passages make pass, 0..1",
    "gap_retrieval": "share that only the right documents make pass, 0..1",
    "gap_behaviour": "share that a short tuning makes pass, 0..1",
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


@dataclass(frozen=True)
class Rule:
    """An argument for (weight above 0) or against (below 0) a path, in points of its gain, with reason and source."""

    id: str
    path: str
    weight: float
    when: tuple[Condition, ...]
    reason: str
    source: str

    def fires(self, signals: Signals) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(signals) for condition in self.when)


def fired(rules: Sequence[Rule], signals: Signals) -> tuple[Rule, ...]:
    """The rules whose conditions all hold."""
    return tuple(rule for rule in rules if rule.fires(signals))


@cache
def load(folder: Path | None = None) -> tuple[Rule, ...]:
    """Every rule of every TOML file in `folder` (default: the shipped ones). Raises InputError with every problem."""
    place = folder or resources.files("rules")
    rules: list[Rule] = []
    problems: list[Problem] = []
    for file in sorted(place.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        where = str(folder / file.name) if folder else f"rules/{file.name}"
        try:
            text = file.read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            line = re.search(r"line (\d+)", str(error))
            problems.append(Problem(f"not valid TOML: {error}", where, int(line[1]) if line else None))
            continue
        entries = table.pop("rule", [])
        problems += [Problem("unknown table", where, field=name, do="Use [[rule]].") for name in table]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            problems.append(Problem("not a list of rules", where, field="rule", do="Use [[rule]]."))
            continue
        starts = [n for n, line in enumerate(text.split("\n"), 1) if line.strip() == "[[rule]]"]
        for entry, start in zip(entries, starts + [0] * len(entries), strict=False):
            wrong = _problems(entry, {rule.id for rule in rules})
            problems += [Problem(what, where, start, f"rule {entry.get('id', '?')}") for what in wrong]
            if not wrong:
                rules.append(Rule(**{**entry, "weight": float(entry["weight"]), "when": _conditions(entry["when"])}))
    if problems:
        raise InputError(problems)
    return tuple(rules)


def _conditions(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """`{a = 1, b = {at_least = 2, below = 5}}` as three conditions."""
    return tuple(
        Condition(signal, operator, tuple(value) if isinstance(value, list) else value)
        for signal, test in when.items()
        for operator, value in (test if isinstance(test, dict) else {"is": test}).items()
    )


def _problems(entry: Mapping[str, Any], taken: set[str]) -> list[str]:
    """All that is wrong with one rule as written."""
    fields = set(Rule.__dataclass_fields__)
    wrong = [f"unknown field {name}" for name in sorted(set(entry) - fields)]
    wrong += [f"{name} is missing" for name in sorted(fields - set(entry))]
    for name in ("id", "reason", "source"):
        if name in entry and (not isinstance(entry[name], str) or not entry[name].strip()):
            wrong.append(f"{name} is empty or not text")
    if "id" in entry and str(entry["id"]) in taken:
        wrong.append("the id is taken by another rule")
    if "path" in entry and entry["path"] not in PATH_NAMES:
        wrong.append(f"unknown path {entry['path']!r}: use one of {', '.join(PATH_NAMES)}")
    weight = entry.get("weight", 1)
    if not _is_number(weight) or not 0 < abs(weight) <= LARGEST_WEIGHT:
        wrong.append(f"weight {weight!r} is not a number from -{LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g} other than 0")
    when = entry.get("when")
    if "when" in entry and (not isinstance(when, dict) or not when):
        wrong.append("when has no conditions")
    elif isinstance(when, dict):
        wrong += [what for condition in _conditions(when) for what in _condition_problems(condition)]
    return wrong


def _condition_problems(condition: Condition) -> list[str]:
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
