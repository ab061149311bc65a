"""The situations that advice is tried on: real tasks with few or more rows, with their documents and without."""

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROWS = (64, 256)  # that a person has, development examples among them
TESTED = 300  # rows of the test, drawn by chance
TASKS = (
    "banking77",
    "e2e_nlg",
    "fictional_facts",
    "gsm8k",
    "restaurant8k_json",
    "snips_intent",
    "snips_json",
    "venue_faq",
)
# No constant of the project is fitted on these: they are run once, when all else is done.
HELD_OUT = ("bfcl_simple", "legal_clauses", "nq_open", "paradetox")


@dataclass(frozen=True)
class Situation:
    """A task with so many rows, and its `documents`, or without what it has of them (`closed`)."""

    task: str
    rows: int
    documents: bool = False
    closed: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.task}-{self.rows}{'-closed' if self.closed else ''}"


def situations(data: Path, tasks: Sequence[str], rows: Sequence[int] = ROWS) -> list[Situation]:
    """The situations of these tasks, as far as they have the rows and the documents."""
    found = []
    for task in tasks:
        open_book = "documents" in yaml.safe_load((data / task / "task.yaml").read_text(encoding="utf-8"))
        there = len(_lines(data / task / "train.jsonl"))
        for n in (n for n in rows if n <= there):
            found.append(Situation(task, n, documents=open_book))
            found += [Situation(task, n, closed=True)] if open_book else []
    return found


def laid_out(situation: Situation, data: Path, folder: Path) -> Path:
    """The task folder of a situation, made in `folder` where it is not there."""
    made = folder / situation.name
    if made.is_dir():
        return made
    partial = folder / f"{situation.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(data / situation.task, partial)
    _keep(partial / "train.jsonl", situation.rows)
    _keep(partial / "test.jsonl", TESTED)
    if situation.closed:
        told = yaml.safe_load((partial / "task.yaml").read_text(encoding="utf-8"))
        (partial / told.pop("documents")).unlink()
        (partial / "task.yaml").write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
        for name in ("train.jsonl", "test.jsonl"):
            rows = [json.loads(line) for line in _lines(partial / name)]
            kept = [{key: value for key, value in row.items() if key != "gold"} for row in rows]
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
            (partial / name).write_text(text, encoding="utf-8")
    partial.rename(made)
    return made


def _keep(file: Path, most: int) -> None:
    """Keep so many lines of a file, drawn by chance, in their order."""
    lines = _lines(file)
    kept = sorted(random.Random(file.name).sample(range(len(lines)), min(most, len(lines))))
    file.write_text("".join(lines[i] + "\n" for i in kept), encoding="utf-8")


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
