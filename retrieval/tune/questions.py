"""Questions whose right documents are known, and reading them from a BEIR folder or a task's; knows nothing of search."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.documents import Unreadable

DEV = ("dev", "validation", "train")  # where tuning looks for its questions, the first that is there


@dataclass(frozen=True)
class Question:
    """A question, the grade of each document that was judged for it (0 is wrong), and answers that would be accepted."""

    text: str
    right: Mapping[str, int] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()


Splits = dict[str, tuple[Question, ...]]


def read_questions(folder: Path) -> tuple[Splits, tuple[Unreadable, ...]]:
    """Read the questions beside a `corpus.jsonl`, by split; problems are returned, never raised.

    BEIR: `queries.jsonl` (`_id`, `text`) and `qrels/SPLIT.tsv` (query, document, grade; a header line is skipped).
    A task: `SPLIT.jsonl` with `input`, `gold` (document ids) and perhaps `accepted`.
    """
    problems: list[Unreadable] = []
    if (folder / "queries.jsonl").exists():
        splits = _beir(folder, problems)
        expected = "qrels/*.tsv with a line 'query<TAB>document<TAB>grade' for each judgement"
    else:
        splits = {file.stem: _task(file, problems) for file in sorted(folder.glob("*.jsonl")) if file.stem != "corpus"}
        expected = "queries.jsonl and qrels/*.tsv, or test.jsonl with 'input' and 'gold' in every line"
    splits = {name: questions for name, questions in splits.items() if questions}
    if not splits and not problems:
        problems.append(Unreadable(str(folder), 0, "no questions with right documents", f"add {expected}"))
    return splits, tuple(problems)


def _beir(folder: Path, problems: list[Unreadable]) -> Splits:
    texts: dict[str, str] = {}
    for number, row in _rows(folder / "queries.jsonl", problems):
        id, text = row.get("_id", row.get("id")), row.get("text")
        if isinstance(id, str | int) and isinstance(text, str) and text.strip():
            texts[str(id)] = text
        else:
            do = 'write {"_id": ..., "text": ...}'
            problems.append(Unreadable(str(folder / "queries.jsonl"), number, "no id or no text", do))
    return {file.stem: _judged(file, texts, problems) for file in sorted((folder / "qrels").glob("*.tsv"))}


def _judged(file: Path, texts: Mapping[str, str], problems: list[Unreadable]) -> tuple[Question, ...]:
    """The questions of one file of judgements, in the order in which they first come."""
    grades: dict[str, dict[str, int]] = {}
    for number, cells in enumerate(csv.reader(io.StringIO(_text(file, problems)), delimiter="\t", quoting=3), 1):
        if not cells or (number == 1 and not _is_grade(cells[-1])):
            continue
        # TREC's own files have a column between query and document that nobody reads
        if len(cells) not in (3, 4) or not _is_grade(cells[-1]):
            do = "write query, document and a whole number as grade, with tabs between"
            problems.append(Unreadable(str(file), number, "not a judgement", do))
        elif cells[0] not in texts:
            do = "add the query, or take the line out"
            problems.append(Unreadable(str(file), number, f"the query '{cells[0]}' is not in queries.jsonl", do))
        else:
            grades.setdefault(cells[0], {})[cells[-2]] = int(cells[-1])
    return tuple(Question(texts[id], right) for id, right in grades.items() if max(right.values()) > 0)


def _is_grade(cell: str) -> bool:
    return cell.strip().lstrip("-").isdecimal()


def _task(file: Path, problems: list[Unreadable]) -> tuple[Question, ...]:
    questions = []
    for number, row in _rows(file, problems):
        text, gold, accepted = row.get("input"), row.get("gold"), row.get("accepted", row.get("output", ()))
        if isinstance(text, str) and isinstance(gold, list) and gold:
            answers = (accepted,) if isinstance(accepted, str) else tuple(map(str, accepted))
            questions.append(Question(text, {str(id): 1 for id in gold}, answers))
        elif not isinstance(text, str):
            problems.append(Unreadable(str(file), number, "no 'input'", 'write {"input": ..., "gold": [document ids]}'))
    return tuple(questions)


def _rows(file: Path, problems: list[Unreadable]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_text(file, problems).split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                problems.append(Unreadable(str(file), number, f"not valid JSON: {error}", "write one object a line"))
                continue
            if isinstance(row, dict):
                yield number, row
            else:
                problems.append(Unreadable(str(file), number, "not a JSON object", "write one object a line"))


def _text(file: Path, problems: list[Unreadable]) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(Unreadable(str(file), 0, f"cannot be read: {error.strerror or error}", "check its permissions"))
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}"
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.append(Unreadable(str(file), line, reason, "save the file as UTF-8 text"))
    return ""
