"""Fifty thousand real passages and the questions asked of them, from the tasks in `../shared/data`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from retrieval import read

SENTENCE = re.compile(r"(?<=[.!?])\s+")


def passages(data: Path, count: int) -> list[str]:
    """`count` different texts: documents, their sentences, then inputs and outputs of training rows."""
    found: dict[str, None] = {}
    for text in _texts(data):
        if len(text) >= 20:
            found[text] = None
        if len(found) == count:
            return list(found)
    raise ValueError(f"only {len(found)} passages in {data}, not {count}")


def questions(data: Path, count: int) -> list[str]:
    """`count` questions of test rows, taken in turn from the tasks that have documents."""
    asked = [_column(corpus.parent / "test.jsonl", "input") for corpus in sorted(data.glob("*/corpus.jsonl"))]
    mixed = [text for row in zip(*(list(column) for column in asked), strict=False) for text in row]
    return mixed[:count]


def _texts(data: Path) -> Iterator[str]:
    documents = [document for corpus in sorted(data.glob("*/corpus.jsonl")) for document in read(corpus)[0]]
    yield from (f"{document.title}\n{document.text}".strip() for document in documents)
    yield from (sentence.strip() for document in documents for sentence in SENTENCE.split(document.text))
    for rows in sorted(data.glob("*/train.jsonl")):
        for name in ("input", "output"):
            yield from _column(rows, name)
    for rows in sorted(data.glob("*/train.jsonl")):  # the other right answers
        for line in rows.read_text(encoding="utf-8").splitlines():
            yield from json.loads(line).get("accepted", ())


def _column(rows: Path, name: str) -> Iterator[str]:
    for line in rows.read_text(encoding="utf-8").splitlines():
        yield str(json.loads(line)[name])
