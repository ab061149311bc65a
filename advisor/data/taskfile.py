"""`task.yaml` as text to checked settings, each problem with its line. Opens none of the files that it names."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from advisor import address, texts
from advisor.address import Address
from advisor.errors import Complaint, Problem, complaints, wrong
from advisor.task import Costs, Retrieval
from advisor.texts import Lines

UNSURE = "I don't know."  # said where a task wants `abstain: true`


class TaskFile(BaseModel):
    """What task.yaml says; a field that is None was not said. File fields are names as written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str | None = None
    description: str = ""
    instruction: str = ""
    instructions: list[str] = []
    metric: str | None = None
    examples: str | None = None
    test: str | None = None
    documents: str | None = None
    labels: str | None = None
    schema_: Annotated[str | None, Field(alias="schema")] = None
    incumbent: str | None = None
    answers: dict[str, Any] = {}
    abstain: str = ""
    retrieval: Retrieval = Retrieval()
    costs: Costs = Costs()
    model: list[str | Address] = []
    proposer: str | Address | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        if value is None or value == {} or value == []:
            raise wrong("has no value", "Give it one, or delete the line")
        written = value if isinstance(value, list) else [value]
        if any(isinstance(one, str) and re.search("[\ud800-\udfff]", one) for one in written):
            raise wrong("holds half of a surrogate pair, which stands for no character", "Write the character itself")
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not re.fullmatch(r"\w[\w .-]{0,79}", value):
            raise wrong(f"is {value!r}", "Use letters, digits, spaces and . _ - (80 characters at most)")
        return value

    @field_validator("examples", "test", "documents", "labels", "schema_", "incumbent", mode="before")
    @classmethod
    def _file(cls, value: object) -> object:
        if isinstance(value, str) and "://" in value:
            raise wrong(
                f"is the address {value}: addresses are not supported yet", "Download it into the task's folder"
            )
        if isinstance(value, list | dict):
            raise wrong(f"is {texts.kind(value)}, not the name of a file", "Put it into a file and name that here")
        if isinstance(value, str) and not value.strip():
            raise wrong("is empty", "Give the name of a file in the task's folder, or delete the line")
        return value

    @field_validator("metric", mode="before")
    @classmethod
    def _metric(cls, value: object) -> object:
        if isinstance(value, dict) or value == "judge":
            what = "is a judge" if value == "judge" else "is keys with values"
            do = "Name one metric such as `number within 5%`, or a function as package.module:name"
            raise wrong(f"{what}: judges and several metrics are not supported yet", do)
        if isinstance(value, str) and not value.strip():
            raise wrong("is empty", "Name a metric, or delete the line")
        return value

    @field_validator("abstain", mode="before")
    @classmethod
    def _abstain(cls, value: object) -> object:
        if isinstance(value, str) and not value.strip():
            raise wrong("is empty", "Give the text to say, or true")
        return {True: UNSURE, False: ""}[value] if isinstance(value, bool) else value

    @field_validator("instructions", mode="before")
    @classmethod
    def _instructions(cls, value: object) -> object:
        do = "Write each after a hyphen, on a line of its own"
        if not isinstance(value, list):
            raise wrong(f"is {texts.kind(value)}, not a list of instructions", do)
        if odd := [one for one in value if not isinstance(one, str) or not one.strip()]:
            raise wrong(f"holds what is no instruction ({texts.kind(odd[0])})", do)
        return value

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, value: object) -> object:
        return [_model(name) for name in (value if isinstance(value, list) else [value])]

    @field_validator("proposer", mode="before")
    @classmethod
    def _proposer(cls, value: object) -> object:
        return _model(value)


def read_taskfile(path: Path) -> tuple[TaskFile, Lines, list[Problem]]:
    """What is said rightly (a wrong value counts as not said), the line of each key, and everything wrong."""
    text, problems = texts.read_text(path)
    if problems:
        return TaskFile(), {}, problems
    raw, lines = texts.keyed(text, path, problems)
    if problems and not lines:
        return TaskFile(), {}, problems
    try:
        return TaskFile.model_validate(raw), lines, problems
    except ValidationError as error:
        told = list(complaints(error))
    for one in told:
        place = one.place
        line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
        what, do = _explained(one)
        problems.append(Problem(what, path, line, ".".join(place[:2]), do))
        raw.pop(place[0], None)
    return TaskFile.model_validate(raw), lines, problems


def _model(name: object) -> str | Address:
    if isinstance(name, dict) or (isinstance(name, str) and "://" in name):
        try:
            return address.parse_address(name)
        except ValueError as error:
            raise wrong(f"is no endpoint: {error}", f"Write {address.FORM}") from None
    if not isinstance(name, str) or not name.strip():
        raise wrong(f"is {texts.kind(name)}, not the name of a model", "Put the name in quotes")
    return name


def _explained(one: Complaint) -> tuple[str, str]:
    """What is wrong and what to do."""
    if one.kind == "wrong":
        return one.what, one.do
    if one.kind == "extra_forbidden":
        inner = TaskFile.model_fields[one.place[0]].annotation if len(one.place) > 1 else None
        whole = inner if inner in (Retrieval, Costs) else TaskFile
        names = [field.alias or name for name, field in whole.model_fields.items()]
        near = texts.meant(one.place[-1], names)
        return "is not a key of task.yaml", f"Did you mean {near}?" if near else f"Known keys: {', '.join(names)}"
    if one.kind in ("dict_type", "model_type"):
        return f"is {texts.kind(one.value)}, not keys with values", "Write one `key: value` a line, indented"
    return f"is {texts.kind(one.value)}, not text", "Put the value in quotes"
