"""The metric of JSON: F1 over fields, compared by path and value."""

import json
from collections.abc import Iterator
from typing import Any

from advisor.score.metric import Floats, Statistics, ratio
from advisor.task import Example
from advisor.texts import clean


def parse_json(text: str) -> Any:
    """Parse a whole text as a machine consumer would: nothing before or after it, no code fence, no NaN.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field as (path such as `a.b[0]`, value as JSON); an empty list or object inside is a field, at the root none.

    Numbers compare by value (1 and 1.0 are equal), text without what Unicode holds for equal, everything else by type and
    value.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{clean(key)}" if path else clean(key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from fields(inner, f"{path}[{i}]")
    elif path or not isinstance(value, dict | list):
        whole = isinstance(value, float) and value.is_integer()
        yield path, json.dumps(int(value) if whole else clean(value) if isinstance(value, str) else value)


def field_counts(text: str, example: Example) -> Statistics:
    """(fields right, given, wanted, row's F1, 1) against the best answer. Text that does not parse misses every field."""
    given = _json_fields(text)
    rows: list[Statistics] = []
    for answer in example.answers:
        wanted = _json_fields(answer)
        right, total = len(given[0] & wanted[0]), len(given[0]) + len(wanted[0])
        row = 200 * right / total if total else 100 * float(given == wanted)
        rows.append((right, len(given[0]), len(wanted[0]), row, 1))
    return max(rows, key=lambda row: row[3])


def _json_fields(text: str) -> tuple[frozenset[tuple[str, str]], str]:
    """A text's fields and the kind of its root; no fields and the text itself where it does not parse."""
    try:
        value = parse_json(text)
        return frozenset(fields(value)), type(value).__name__
    except (ValueError, RecursionError):
        return frozenset(), text.strip() or "nothing"


def fields_f1(sums: Floats) -> Floats:
    """Micro F1 over the fields of all rows; over rows without any field, the share of rows that are right."""
    right, given, wanted, rows_right, rows = sums.T
    return ratio(200 * right, given + wanted, ratio(rows_right, rows))
