"""Questions whose right documents are known, and reading them from a BEIR folder or a task's; knows nothing of search."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.documents import Refused, Unreadable
from retrieval.read.decoding import text_of
from retrieval.read.reading import not_opened
from retrieval.read.rows import json_objects

QUERY, ROW = '{"_id": ..., "text": ...}', '{"input": ..., "gold": [document ids]}'  # as files have them


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
    for number, row in _rows(folder / "queries.jsonl", QUERY, problems):
        id, text = row.get("_id", row.get("id")), row.get("text")
        if isinstance(id, str | int) and isinstance(text, str) and text.strip():
            texts[str(id)] = text
        else:
            problems.append(Unreadable(str(folder / "queries.jsonl"), number, "no id or no text", f"write {QUERY}"))
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
    for number, row in _rows(file, ROW, problems):
        text, gold, accepted = row.get("input"), row.get("gold"), row.get("accepted", row.get("output"))
        if isinstance(text, str) and isinstance(gold, list) and gold:
            answers = accepted if isinstance(accepted, list) else [accepted] if accepted is not None else []
            questions.append(Question(text, {str(id): 1 for id in gold}, tuple(map(str, answers))))
        elif not isinstance(text, str):
            problems.append(Unreadable(str(file), number, "no 'input'", f"write {ROW}"))
    return tuple(questions)


def _rows(file: Path, like: str, problems: list[Unreadable]) -> Iterator[tuple[int, dict[str, object]]]:
    with _told(file, problems):
        for row in json_objects(file, like):
            if isinstance(row, Refused):
                problems.append(row.of(str(file)))
            else:
                yield row


def _text(file: Path, problems: list[Unreadable]) -> str:
    with _told(file, problems):
        return text_of(file)[0]
    return ""


@contextmanager
def _told(file: Path, problems: list[Unreadable]) -> Iterator[None]:
    """Put what makes a whole file unreadable into `problems`."""
    try:
        yield
    except Refused as refused:
        problems.append(refused.of(str(file)))
    except OSError as error:
        problems.append(not_opened(error, file))
