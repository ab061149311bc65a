"""Questions with the documents that answer them, for choosing how to search: from a task's rows, or written by its model.

Says by what it chooses. Knows nothing of how searching works.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor import prompts
from advisor.metrics import words
from advisor.runtime import Runtime
from advisor.system import Decoding, ModelRef, System
from advisor.task import Example, Task

LEAST = 20  # questions; with fewer nothing is chosen
GENERATED = 40  # questions that the model writes where the rows tell no documents
MOST_HOLDING = 3  # documents in which an answer may stand: "yes" stands in too many to tell which is right
ASK = "Write one short question that the passage answers, and nothing else."


@dataclass(frozen=True)
class Asked:
    """A question, and the ids of the documents that are right to find for it."""

    text: str
    right: frozenset[str]


def questions(task: Task, runtime: Runtime, examples: Sequence[Example]) -> tuple[str, list[Asked]]:
    """By what is chosen, and the questions: documents that rows name, else those that hold the answer, else of passages.

    The last are written by the task's model, which costs a request each.
    """
    named = [Asked(example.input, frozenset(example.gold)) for example in examples if example.gold]
    if len(named) >= LEAST:
        return "the documents that rows name", named
    held = _holding(task, examples)
    if len(held) >= LEAST:
        return "the documents in which accepted answers stand", held
    return "questions that the model wrote about passages", _generated(task, runtime)


def _holding(task: Task, examples: Sequence[Example]) -> list[Asked]:
    texts = [(document.id, f" {' '.join(words(f'{document.title} {document.text}'))} ") for document in task.documents]
    found = []
    for example in examples:
        answers = [f" {' '.join(words(answer))} " for answer in example.answers if answer.strip()]
        right = frozenset(id for id, text in texts if any(answer in text for answer in answers))
        if 0 < len(right) <= MOST_HOLDING:
            found.append(Asked(example.input, right))
    return found


def _generated(task: Task, runtime: Runtime) -> list[Asked]:
    passages = runtime.finder.index.passages
    chosen = [passages[int(at)] for at in np.linspace(0, len(passages) - 1, min(GENERATED, len(passages)))]
    asked = [Example(passage.id, prompts.fenced([passage]), "") for passage in chosen]
    writer = System(ModelRef(runtime.name, runtime.model.fingerprint), ASK, decoding=Decoding(max_tokens=48))
    made = runtime.predict(writer, asked, "questions about passages")
    return [
        Asked(text, frozenset({passage.document}))
        for passage, prediction in zip(chosen, made, strict=True)
        if (text := (prediction.text or "").strip())
    ]
