"""What a task is, as values. How they come from files is known in `data`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from advisor.address import Address
from advisor.errors import complaints, wrong
from advisor.thoughts import without
from retrieval.documents import Document, Unreadable
from trainers.rendering import Turn

MOST_PASSAGES = 50  # that task.yaml may ask to be shown
LARGEST = 1e6  # USD or minutes


@dataclass(frozen=True)
class Example:
    """An input with its wanted output.

    `accepted` are other outputs that are right too; `gold` the ids of the documents that hold the answer; `turns` the
    conversation before `input`, kept as it is; `row` the 1-based line where it begins in `file` (its number among the rows,
    where they do not begin lines).
    """

    id: str
    input: str
    output: str
    accepted: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    row: int = 0
    file: str = ""

    @property
    def answers(self) -> tuple[str, ...]:
        """Every output that is right, the wanted one first, without repeats; without the thought that one begins with, for
        what is compared with it has none."""
        return tuple(dict.fromkeys(without(output) or output for output in (self.output, *self.accepted)))


@dataclass(frozen=True)
class Finding:
    """Something in the data that a person should know: in which `rows` (1-based) of which `file`."""

    kind: str
    severity: Literal["note", "warning"]
    message: str
    file: str = ""
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Split:
    """The examples of a task by what they are for.

    `choose` and `compare` are the two parts of development: inside a path things are chosen on the first, paths are
    compared on the second. Where rows are few all three hold the same rows, and `folds` has the fold of each of `train`: a row
    is answered by what was made without its fold. With fewer still (or none that differ) nothing is compared. `groups` has the
    group of each row that shares its source with others, by its id: such rows stay on one side, and say less than others.
    """

    train: tuple[Example, ...] = ()
    choose: tuple[Example, ...] = ()
    compare: tuple[Example, ...] = ()
    test: tuple[Example, ...] = ()
    folds: tuple[int, ...] = ()
    test_given: bool = False
    groups: Mapping[str, int] = field(default_factory=dict)

    @property
    def fold_of(self) -> Mapping[str, int]:
        """The fold of each row by its id; empty where there are none."""
        return {row.id: fold for row, fold in zip(self.train, self.folds, strict=False)}

    @property
    def seen(self) -> tuple[Example, ...]:
        """The examples outside the test, each once, in the order of their file."""
        unique = {(e.file, e.row, e.id): e for e in (*self.train, *self.choose, *self.compare)}
        return tuple(sorted(unique.values(), key=lambda e: (e.file, e.row)))

    def without(self, fold: int) -> "Split":
        """What may be learned from to answer the rows of a fold: the rows of the others."""
        train = tuple(row for row, of in zip(self.train, self.folds, strict=True) if of != fold)
        return Split(train, groups=self.groups)


class Retrieval(BaseModel):
    """How documents are to be searched, as task.yaml says it.

    `index`: where vectors lie: "faiss" (the run folder), a file of Milvus Lite, or the address of Milvus. `embedder`: the
    embedding model. `rerank`: a cross-encoder's folder or hub id, or "model" for the task's own ("": none). `k`: passages
    shown (0: chosen by measuring).
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    index: str = "faiss"
    embedder: str = "minilm"
    rerank: str = ""
    k: int = 0

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        if value is None or (isinstance(value, str) and not value.strip()):
            raise wrong("has no value", "Give it one, or delete the line")
        return value

    @field_validator("index")
    @classmethod
    def _index(cls, value: str) -> str:
        do = "Write faiss, a file for Milvus Lite such as milvus.db (in the run folder), or http://host:19530"
        if value != "faiss" and not re.fullmatch(r"[\w.-]+\.db|https?://[^\s/]+/?", value):
            raise wrong(f"is {value!r}, where no index can lie", do)
        if "://" in value:
            try:
                Address(endpoint=value, name="milvus")
            except ValidationError as error:
                raise wrong(f"is {value!r}: {next(complaints(error)).what}", do) from None
        return value

    @field_validator("k", mode="before")
    @classmethod
    def _k(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_PASSAGES:
            raise wrong(f"is {value!r}, not a number of passages", f"Give a whole number from 1 to {MOST_PASSAGES}")
        return value


class Costs(BaseModel):
    """What task.yaml says that costs are to be reckoned with, in the place of `decide/costs.toml`: USD for an hour of somebody's
    work and of the machine, minutes to label an example and to mend a wrong answer; None was not said."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hour_usd: float | None = None
    machine_hour_usd: float | None = None
    label_minutes: float | None = None
    mend_minutes: float | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _amount(cls, value: object, said: ValidationInfo) -> object:
        number = not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value < LARGEST
        if not number or (said.field_name == "hour_usd" and not value):
            least = "above 0" if said.field_name == "hour_usd" else "from 0 up"
            raise wrong(f"is {value!r}, not an amount", f"Give a number {least}, such as 1.5")
        return value

    @property
    def said(self) -> dict[str, float]:
        """What was said, by its key."""
        return self.model_dump(exclude_none=True)


@dataclass(frozen=True)
class Task:
    """A task as read from its folder and found to be whole.

    `instructions` are tried beside `instruction`, which stays the baseline's, and `proposer` is the model that proposes
    further ones. `metric` is a name in `metrics.METRICS` or `package.module:function`; `schema` a JSON schema; `incumbent`
    the predictions of the pipeline that runs today, by example id; `answers` what the person said (`answers.KEYS`);
    `abstain` what a system with documents says where they support no answer ("": it always answers); `retrieval` how
    those are searched; `costs` what costs are reckoned with;
    `left_out` one sentence for each group of rows that was left out on request; `unreadable` the files of the documents'
    folder that can't be read; `findings` what was noticed while rows were read; `fingerprint` a hash of everything above
    that changes a result.
    """

    name: str
    folder: Path
    description: str = ""
    instruction: str = ""
    instructions: tuple[str, ...] = ()
    metric: str = "exact_match"
    split: Split = field(default_factory=Split)
    documents: tuple[Document, ...] = ()
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    incumbent: Mapping[str, str] | None = None
    answers: Mapping[str, str | float] = field(default_factory=dict)
    abstain: str = ""
    retrieval: Retrieval = field(default_factory=Retrieval)
    costs: Costs = field(default_factory=Costs)
    models: tuple[str | Address, ...] = ()
    proposer: str | Address | None = None
    left_out: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    findings: tuple[Finding, ...] = ()
    fingerprint: str = ""

    @property
    def own_instruction(self) -> str:
        """What the baseline says: the task's own instruction, or what describes it."""
        return self.instruction or self.description
