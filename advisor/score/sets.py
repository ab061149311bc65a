"""Metrics of what has no order: a text is read as a set of things, and sets are compared. Labels of which a row may have
several are read and written here; the fields of JSON are read in `fields`."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from advisor.score.metric import Floats, Metric, Statistics, ratio
from advisor.task import Example
from advisor.texts import clean

# A text, and the answer that it is compared with, to what the text holds and what kind of thing that is: where neither
# holds anything, two texts of one kind are equal.
Held = Callable[[str, str], tuple[frozenset[Any], str]]

ARRAY = ""  # stands "between" the labels of a JSON array
SIGNS = (",", ";", "|", "\n", "，", "；", "、", "،", "؛")  # between the labels of a text


def micro_f1(name: str, held: Held) -> Metric:
    """F1 over the things of all rows together, each row against its best answer; over rows without any, the share of rows
    that are right. A row passes where the sets are equal."""

    def counts(text: str, example: Example) -> Statistics:
        """Things right, given and wanted, the row's F1, 1."""
        rows: list[Statistics] = []
        for answer in example.answers:
            (given, is_kind), (wanted, wanted_kind) = held(text, answer), held(answer, answer)
            right, total = len(given & wanted), len(given) + len(wanted)
            row = 200 * right / total if total else 100 * float(is_kind == wanted_kind)
            rows.append((right, len(given), len(wanted), row, 1))
        return max(rows, key=lambda row: row[3])

    def aggregate(sums: Floats) -> Floats:
        right, given, wanted, rows_right, rows = sums.T
        return ratio(200 * right, given + wanted, ratio(rows_right, rows))

    return Metric(name, lambda text, example: counts(text, example)[3], counts, aggregate, 100)


def set_f1(labels: Sequence[str] = ()) -> Metric:
    """Micro F1 of labels of which a row may have several; neither order nor repeats matter.

    Where the answer is a JSON array the text has to be one. Else both are lists with signs between, of which those count
    that stand in none of the `labels`; no text is the empty set.
    """
    signs = tuple(sign for sign in SIGNS if not any(sign in label for label in labels))

    def held(text: str, answer: str) -> tuple[frozenset[str], str]:
        if array(answer) is None:
            return frozenset(parts(text, signs)), "list"
        items = array(text)
        return (frozenset(), "no array") if items is None else (frozenset(items), "array")

    return micro_f1("set_f1", held)


def array(text: str) -> tuple[str, ...] | None:
    """The labels of a text that is a JSON array of texts; None for any other."""
    try:
        value = json.loads(text) if text.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(clean(item).strip() for item in value)


def parts(text: str, signs: Iterable[str]) -> tuple[str, ...]:
    """The labels between the signs of a text."""
    pieces = re.split("|".join(map(re.escape, signs)) or r"\Z", clean(text))
    return tuple(piece.strip() for piece in pieces if piece.strip())


def read(text: str, between: str | None) -> tuple[str, ...]:
    """The labels of a wanted output: one, or with something `between` them several."""
    if between is None:
        return (text.strip(),)
    items = array(text) if between == ARRAY else None
    return parts(text, [between.strip() or between] if between else SIGNS) if items is None else items


def written(labels: Sequence[str], between: str) -> str:
    """Labels as an output that has this between them."""
    return (
        json.dumps(list(labels), ensure_ascii=False, separators=(",", ":"))
        if between == ARRAY
        else between.join(labels)
    )
