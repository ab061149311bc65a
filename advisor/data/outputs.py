"""What wanted outputs look like: their kind, the form that most have, and the JSON schema that fits them."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from advisor.data.kinds import Kind, Sort, common_unit, sort_of
from advisor.score import sets
from advisor.score.fields import parse_json
from advisor.task import Example, Task
from advisor.texts import clean


@dataclass(frozen=True)
class KeyUse:
    """A key of JSON outputs: the share of rows that have it, and the JSON types of its values, commonest first."""

    name: str
    share: float
    types: tuple[str, ...]


@dataclass(frozen=True)
class Outputs:
    """What outputs look like: kind, commonest form in words, share (0..1) that has it, keys where they are JSON; `between`
    and `unit` as in `Sort`."""

    kind: Kind
    form: str
    consistency: float
    keys: tuple[KeyUse, ...] = ()
    between: str | None = None
    unit: str | None = None

    @property
    def sort(self) -> Sort:
        """The kind, more closely."""
        return Sort(self.kind, self.between, self.unit)


def outputs(task: Task, rows: Sequence[Example]) -> Outputs:
    """Look at the outputs of `rows`, and at what the task declares."""
    sort = sort_of(task, rows)
    forms = Counter(form_of(example.output, sort, task.labels) for example in rows)
    if not forms:
        return Outputs(sort.kind, "", 1.0)
    form, having = forms.most_common(1)[0]
    keys: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in rows if sort.kind == "json" else ():
        value = _parsed(example.output)[0]
        if isinstance(value, dict):
            for name, inner in value.items():
                keys[name][_type(inner)] += 1
    uses = [
        KeyUse(name, types.total() / len(rows), tuple(one for one, _ in types.most_common()))
        for name, types in keys.items()
    ]
    by_share = tuple(sorted(uses, key=lambda use: (-use.share, use.name)))
    return Outputs(sort.kind, form, having / len(rows), by_share, sort.between, sort.unit)


def most_tokens(lengths: Sequence[int]) -> int:
    """The most tokens that an answer may take, from those of the wanted outputs."""
    return round(min(512, max(16, 1.3 * max(lengths) + 8)))


def form_of(text: str, sort: Sort, labels: Sequence[str]) -> str:
    """The outer form of an output in words; outputs with the same words have the same form."""
    if sort.kind == "label":
        return _form_of_label(text, sort.between, labels)
    if sort.unit is not None:
        unit = f", in {sort.unit}" if sort.unit else ""
        return f"a number{unit}" if common_unit([text]) == sort.unit else f"not a number{unit}"
    if sort.kind == "json":
        value, is_json = _parsed(text)
        spaced = "indented" if "\n" in text.strip() else "one line"
        return f"JSON {_type(value)}, {spaced}" if is_json else "not JSON"
    text = text.strip()
    lines = "several lines" if "\n" in text else "one line"
    first = "a code fence" if text.startswith("```") else "a list" if re.match(r"[-*•] |1[.)] ", text) else ""
    if sort.kind in ("sql", "code"):
        return (
            f"{lines}, starting with {first or 'code'}, {'with' if text.endswith(';') else 'without'} a last semicolon"
        )
    letter = text[:1]
    first = first or ("a number" if letter.isdigit() else "a small letter" if letter.islower() else "a capital or sign")
    return (
        f"{lines}, starting with {first}, {'with' if text.endswith(('.', '!', '?', '。')) else 'without'} a full stop"
    )


def _form_of_label(text: str, between: str | None, labels: Sequence[str]) -> str:
    known = not labels or set(map(clean, sets.read(text, between))) <= set(map(clean, labels))
    if between is None:
        return "a label" if known else "not a label of the task"
    several = "labels, more than one a row"
    if between == sets.ARRAY:
        return f"{several}: a JSON array" if known and sets.array(text) is not None else "not a JSON array of labels"
    return f"{several}: text with {between!r} between" if known else "with something that is not a label of the task"


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
