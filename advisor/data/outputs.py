"""What wanted outputs look like: their kind, the form that most have, and the JSON schema that fits them."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from advisor.score.fields import parse_json
from advisor.task import Example, Task
from advisor.texts import words

Kind = Literal["label", "json", "sql", "code", "style", "short_answer", "long_answer"]
SHORT = 12  # words in the median answer that is called short

_SQL = re.compile(
    r"\s*(select|insert\s+into|update|delete\s+from|with|create\s+(table|view)|alter\s+table)\b", re.IGNORECASE
)
_SQL_CLAUSE = re.compile(r"\b(from|select|values|set|table|view|where)\b", re.IGNORECASE)
_CODE = re.compile(
    r"^```|^\s*(def \w+\(|class \w+[(:{]|import \w|from \w[\w.]* import|#include|function \w*\(|(const|let|var) \w+ =|"
    r"return\b.*;|public |private |if \(|for \(|print\(|console\.|#!/)|[{};]\s*$|\w\(.*\)\s*;?$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class KeyUse:
    """A key of JSON outputs: the share of rows that have it, and the JSON types of its values, commonest first."""

    name: str
    share: float
    types: tuple[str, ...]


@dataclass(frozen=True)
class Outputs:
    """What outputs look like: kind, commonest form in words, share (0..1) that has it, keys where they are JSON."""

    kind: Kind
    form: str
    consistency: float
    keys: tuple[KeyUse, ...] = ()


def outputs(task: Task, rows: Sequence[Example]) -> Outputs:
    """Look at the outputs of `rows`, and at what the task declares."""
    kind = kind_of(task, rows)
    forms = Counter(form_of(example.output, kind, task.labels) for example in rows)
    if not forms:
        return Outputs(kind, "", 1.0)
    form, having = forms.most_common(1)[0]
    keys: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in rows if kind == "json" else ():
        value = _parsed(example.output)[0]
        if isinstance(value, dict):
            for name, inner in value.items():
                keys[name][_type(inner)] += 1
    uses = [
        KeyUse(name, types.total() / len(rows), tuple(one for one, _ in types.most_common()))
        for name, types in keys.items()
    ]
    return Outputs(kind, form, having / len(rows), tuple(sorted(uses, key=lambda use: (-use.share, use.name))))


def most_tokens(lengths: Sequence[int]) -> int:
    """The most tokens that an answer may take, from those of the wanted outputs."""
    return round(min(512, max(16, 1.3 * max(lengths) + 8)))


def kind_of(task: Task, rows: Sequence[Example]) -> Kind:
    """What the task itself declares, or else what most outputs are."""
    if task.schema is not None or task.metric == "json_field_f1":
        return "json"
    if task.labels or task.metric in ("label_accuracy", "macro_f1"):
        return "label"
    outputs = [example.output for example in rows]
    tests: dict[Kind, Callable[[str], bool]] = {
        "json": lambda text: isinstance(_parsed(text)[0], dict | list),
        "sql": lambda text: bool(_SQL.match(text) and _SQL_CLAUSE.search(text, 3)),
        "code": lambda text: len(_CODE.findall(text)) > text.count("\n") / 3,
    }
    for kind, test in tests.items():
        if outputs and sum(map(test, outputs)) >= 0.8 * len(outputs):
            return kind
    counts = Counter(output.strip() for output in outputs)
    size = median([len(words(output)) for output in outputs] or [0])
    repeated = sum(times for times in counts.values() if times >= 3)
    if size <= 5 and repeated >= 0.8 * len(outputs) > 0 and len(counts) <= len(outputs) / 5:
        return "label"
    if task.metric == "sari" or _rewrites(rows[:: len(rows) // 300 + 1]):
        return "style"
    return "short_answer" if size <= SHORT else "long_answer"


def _rewrites(rows: Sequence[Example]) -> bool:
    """Whether most outputs say the input again: mostly the same words, and about as many."""
    pairs = [(words(example.input), words(example.output)) for example in rows]
    again = [
        len(set(ours) & set(theirs)) >= 0.6 * len(set(theirs)) and 0.4 <= len(theirs) / len(ours) <= 1.5
        for ours, theirs in pairs
        if ours and len(theirs) >= 4
    ]
    return sum(again) > len(rows) / 2


def form_of(text: str, kind: Kind, labels: Sequence[str]) -> str:
    """The outer form of an output in words; outputs with the same words have the same form."""
    if kind == "label":
        return "a label" if not labels or text.strip() in labels else "not a label of the task"
    if kind == "json":
        value, is_json = _parsed(text)
        spaced = "indented" if "\n" in text.strip() else "one line"
        return f"JSON {_type(value)}, {spaced}" if is_json else "not JSON"
    text = text.strip()
    lines = "several lines" if "\n" in text else "one line"
    first = "a code fence" if text.startswith("```") else "a list" if re.match(r"[-*•] |1[.)] ", text) else ""
    if kind in ("sql", "code"):
        return (
            f"{lines}, starting with {first or 'code'}, {'with' if text.endswith(';') else 'without'} a last semicolon"
        )
    letter = text[:1]
    first = first or ("a number" if letter.isdigit() else "a small letter" if letter.islower() else "a capital or sign")
    return (
        f"{lines}, starting with {first}, {'with' if text.endswith(('.', '!', '?', '。')) else 'without'} a full stop"
    )


def infer_schema(outputs: Sequence[str]) -> dict[str, Any]:
    """The JSON schema that fits every output which is JSON, as narrow as the data allows; {} (anything) if none is.

    Keys: those seen, required where always there, others forbidden unless new ones keep coming. Strings: an enum where
    each of at most 50 values was seen three times or more. To be used as a constraint, so a doubt is left open.
    """
    return _schema([value for value, is_json in map(_parsed, outputs) if is_json])


def _schema(values: Sequence[Any]) -> dict[str, Any]:
    if not values:
        return {}
    types = sorted({_type(value) for value in values})
    if "number" in types and "integer" in types:
        types.remove("integer")
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    objects = [value for value in values if isinstance(value, dict)]
    if objects:
        values_of: defaultdict[str, list[Any]] = defaultdict(list)
        for name, value in (pair for one in objects for pair in one.items()):
            values_of[name].append(value)
        # Good and Turing: the share of keys seen once estimates how often the next key is a new one.
        once = sum(len(own) == 1 for own in values_of.values())
        schema |= {
            "properties": {name: _schema(own) for name, own in values_of.items()},
            "required": [name for name, own in values_of.items() if len(own) == len(objects)],
            "additionalProperties": len(objects) >= 20 and once > 0.05 * sum(map(len, values_of.values())),
        }
    if items := [item for one in values if isinstance(one, list) for item in one]:
        schema["items"] = _schema(items)
    if types == ["string"]:
        seen = Counter(values)
        if len(values) >= 20 and len(seen) <= 50 and min(seen.values()) >= 3:
            schema["enum"] = sorted(seen)
    return schema


def _parsed(text: str) -> tuple[Any, bool]:
    try:
        return parse_json(text), True
    except ValueError:
        return None, False


def _type(value: Any) -> str:
    """The name of a value's type in JSON schema."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
