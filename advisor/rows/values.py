"""Text in JSON to values: lines, an array, or objects over many lines. Knows nothing of what a row means."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor import texts
from advisor.errors import Problem

Value = tuple[int, Any]  # the line where it begins (its number, where several begin in one line), and what it is
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def read_values(text: str, where: str | Path, problems: list[Problem], *, plain: bool = False) -> list[Value]:
    """The objects (`plain`: and strings) in a text; what is wrong is appended to `problems`."""
    start = text.lstrip()
    first, _, more = start.partition("\n")
    lines = is_json(first) and bool(more.strip())
    array = start.startswith("[") and not lines
    if not array and (lines or not start.startswith("{") or is_json(first) or not _begins_whole(start)):
        return list(texts.json_lines(text, where, problems, plain=plain))
    if problems:  # lines that can't be decoded have left a hole in it
        return []
    parts: list[tuple[int, str]] = []
    ends = ""
    try:
        parts.extend(_parts(text, array))
    except texts.NotJson as error:
        ends = str(error)
    if len({line for line, _ in parts}) < len(parts):
        parts = [(number, part) for number, (_, part) in enumerate(parts, 1)]
    made = [(place, *_value(part, plain)) for place, part in parts]
    do = 'Write objects such as {"input": "...", "output": "..."}'
    problems += [Problem(what, where, place, do=do) for place, _, what in made if what]
    if ends:
        problems.append(Problem(ends, where, parts[-1][0] if parts else 1, do="Write [{...}, {...}]"))
    return [(place, value) for place, value, what in made if not what]


def _value(part: str, plain: bool) -> tuple[Any, str]:
    """The value of a part, and what is wrong with it."""
    try:
        value = texts.parsed(part)
    except texts.NotJson as error:
        return None, str(error)
    fits = isinstance(value, dict) or (plain and isinstance(value, str))
    return value, "" if fits else f"is {texts.kind(value)}, not an object"


def is_json(text: str) -> bool:
    """Whether a text is one JSON value."""
    try:
        texts.parsed(text)
    except texts.NotJson:
        return False
    return True


def _begins_whole(text: str) -> bool:
    """Whether a text begins with a whole JSON value."""
    try:
        _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parts(text: str, array: bool) -> Iterator[tuple[int, str]]:
    """The text of each value of an array, or of each of the values that follow one another, and the line where it begins.

    What can't be taken apart comes last, as it stands. Raises NotJson where an array does not go on.
    """
    at, line, since = text.index("[") + 1 if array else 0, 1, 0
    while True:
        at = _blanks(text, at)
        line, since = line + text.count("\n", since, at), at
        if not array and at == len(text):
            return
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            if not (array and text[at:].strip() == "]"):
                yield line, text[at:]
            return
        yield line, text[at:end]
        at = _blanks(text, end)
        if array and text[at : at + 1] == ",":
            at += 1
        elif array:
            if text[at:].strip() != "]":
                raise texts.NotJson("ends its rows with neither a comma nor the last ]")
            return


def _blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
