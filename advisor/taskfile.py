"""`task.yaml` as text to checked settings, each problem with its line. Opens none of the files that it names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from advisor import address, texts
from advisor.address import Address
from advisor.errors import Problem

Lines = Mapping[tuple[str, ...], int]  # the line of each key, by its path: ("answers", "facts_change")


class Settings(BaseModel):
    """What task.yaml says; a field that is None was not said. File fields are names as written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str | None = None
    description: str = ""
    instruction: str = ""
    metric: str | None = None
    examples: str | None = None
    test: str | None = None
    documents: str | None = None
    labels: str | None = None
    schema_: Annotated[str | None, Field(alias="schema")] = None
    incumbent: str | None = None
    answers: dict[str, Any] = {}
    model: list[str | Address] = []

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        if value is None or value == {} or value == []:
            raise _wrong("has no value", "Give it one, or delete the line")
        if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            raise _wrong("holds half of a surrogate pair, which stands for no character", "Write the character itself")
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not re.fullmatch(r"\w[\w .-]{0,79}", value):
            raise _wrong(f"is {value!r}", "Use letters, digits, spaces and . _ - (80 characters at most)")
        return value

    @field_validator("examples", "test", "documents", "labels", "schema_", "incumbent", mode="before")
    @classmethod
    def _file(cls, value: object) -> object:
        if isinstance(value, str) and "://" in value:
            raise _wrong(
                f"is the address {value}: addresses are not supported yet", "Download it into the task's folder"
            )
        if isinstance(value, list | dict):
            raise _wrong(f"is {texts.kind(value)}, not the name of a file", "Put it into a file and name that here")
        if isinstance(value, str) and not value.strip():
            raise _wrong("is empty", "Give the name of a file in the task's folder, or delete the line")
        return value

    @field_validator("metric", mode="before")
    @classmethod
    def _metric(cls, value: object) -> object:
        if isinstance(value, dict) or value == "judge":
            raise _wrong(
                "is a judge: judges are not supported yet", "Name a metric, or a function as package.module:name"
            )
        return value

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, value: object) -> object:
        return [_model(name) for name in (value if isinstance(value, list) else [value])]


def read(path: Path) -> tuple[Settings, Lines, list[Problem]]:
    """The settings that are right (a wrong one counts as not said), the line of each key, and everything wrong."""
    text, problems = texts.read(path)
    if problems:
        return Settings(), {}, problems
    try:
        raw, lines = _mapping(text, path, problems)
    except _Unreadable as unreadable:
        return Settings(), {}, [unreadable.problem]
    try:
        return Settings.model_validate(raw), lines, problems
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    for one in wrong:
        place = tuple(map(str, one["loc"]))
        line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
        what, do = _explained(one)
        problems.append(Problem(what, path, line, ".".join(place[:2]), do))
        raw.pop(place[0], None)
    return Settings.model_validate(raw), lines, problems


def _model(name: object) -> str | Address:
    if isinstance(name, dict) or (isinstance(name, str) and "://" in name):
        try:
            return address.read(name)
        except ValueError as error:
            raise _wrong(f"is no endpoint: {error}", f"Write {address.FORM}") from None
    if not isinstance(name, str) or not name.strip():
        raise _wrong(f"is {texts.kind(name)}, not the name of a model", "Put the name in quotes")
    return name


class _Unreadable(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _wrong(what: str, do: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{what}", {"what": what, "do": do})


def _explained(error: Any) -> tuple[str, str]:
    """What is wrong and what to do, for one of pydantic's errors."""
    names = [field.alias or name for name, field in Settings.model_fields.items()]
    if error["type"] == "extra_forbidden":
        near = texts.meant(str(error["loc"][-1]), names)
        return "is not a key of task.yaml", f"Did you mean {near}?" if near else f"Known keys: {', '.join(names)}"
    if error["type"] == "wrong":
        return error["ctx"]["what"], error["ctx"]["do"]
    if error["type"] == "dict_type":
        return f"is {texts.kind(error['input'])}, not keys with values", "Write one `key: value` a line, indented"
    return f"is {texts.kind(error['input'])}, not text", "Put the value in quotes"


def _mapping(text: str, path: Path, problems: list[Problem]) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The top-level mapping and the lines of its keys; raises `_Unreadable` where there is none."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        value = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at column {mark.column + 1}" if mark else ""
        do = "Check indentation and quotes: text with ': ' or ' #' in it goes in quotes"
        what = f"is not valid YAML: {error.problem or error.context}{place}"
        raise _Unreadable(Problem(what, path, mark.line + 1 if mark else None, do=do)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"holds a control character (number {ord(text[error.position])})"
        raise _Unreadable(Problem(what, path, line, do="Remove it")) from None
    except (ValueError, TypeError, RecursionError) as error:
        what = f"can't be read as YAML: {str(error) or type(error).__name__}"
        raise _Unreadable(Problem(what, path, do="Put odd values in quotes")) from None
    if not isinstance(value, dict):
        what = "is empty" if value is None else f"is {texts.kind(value)}, not keys with values"
        raise _Unreadable(Problem(what, path, 1, do="Write at least a line such as `name: my-task`"))
    lines: dict[tuple[str, ...], int] = {}
    _place(node, (), lines, path, problems)
    return {str(key): item for key, item in value.items()}, lines


def _place(
    node: Any, at: tuple[str, ...], lines: dict[tuple[str, ...], int], path: Path, problems: list[Problem]
) -> None:
    """Notes the line of each key of a mapping and of the mappings in it; reports keys that stand there twice."""
    for key, item in node.value:
        place, line = (*at, str(key.value)), key.start_mark.line + 1
        if place in lines:
            what = f"stands here again, after line {lines[place]}"
            problems.append(Problem(what, path, line, ".".join(place), "Keep one of the two"))
        lines[place] = line
        if isinstance(item, yaml.MappingNode) and not at:
            _place(item, place, lines, path, problems)
