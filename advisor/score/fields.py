"""The metric of JSON: F1 over fields, compared by path and value."""

import json
from collections.abc import Iterator
from typing import Any

from advisor.score.sets import micro_f1
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


def _json_fields(text: str, answer: str) -> tuple[frozenset[tuple[str, str]], str]:
    """A text's fields and the kind of its root; no fields and the text itself where it does not parse."""
    try:
        value = parse_json(text)
        return frozenset(fields(value)), type(value).__name__
    except (ValueError, RecursionError):
        return frozenset(), text.strip() or "nothing"


FIELDS_F1 = micro_f1("json_field_f1", _json_fields)
