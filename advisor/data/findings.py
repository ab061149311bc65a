"""What a person should know of the data: findings, each with its rows."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal

from advisor.data.alike import alike
from advisor.data.outputs import Outputs, form_of, most_tokens
from advisor.data.splitting import FEWEST, TESTED
from advisor.rows.conversations import OFFERED
from advisor.score import sets
from advisor.task import Example, Finding, Task
from advisor.texts import clean, clipped, normalised
from retrieval.documents import Unreadable

NAMED = 5  # files told by name where more have the same fault
TEMPLATE = 64  # tokens that a chat template may take
RARE = 5  # examples; a label with fewer is hardly learned


def of_rows(
    rows: Sequence[Example], kind: str, severity: Literal["note", "warning"], message: str, indices: Iterable[int]
) -> list[Finding]:
    """One finding for each file that the rows with these indices came from."""
    places = sorted((rows[i].file, rows[i].row) for i in set(indices))
    groups = [(file, tuple(row for _, row in own)) for file, own in groupby(places, key=lambda place: place[0])]
    return [Finding(kind, severity, _count_rows(len(own), message), file, own) for file, own in groups]


def _count_rows(n: int, message: str) -> str:
    if n > 1:
        return f"{n} rows {message}"
    singular = {"repeat ": "repeats ", "nearly equal ": "nearly equals ", "have ": "has ", "do not ": "does not "}
    for plural, single in singular.items():
        if message.startswith(plural):
            return f"1 row {single}{message.removeprefix(plural)}"
    return f"1 row {message}"


def over_context(
    task: Task,
    rows: Sequence[Example],
    outputs: Sequence[int],
    count: Callable[[Sequence[str]], list[int]],
    context: float,
) -> list[Finding]:
    """Rows, and inputs of the test, that do not fit the model's `context` beside the instruction and the room that an answer
    is given. outputs: tokens of the rows' own."""
    answer = most_tokens(outputs) if outputs else 0
    room = context - sum(count([task.instruction or task.description])) - TEMPLATE
    message = (
        f"have an input too long for the model's context of {context:,.0f} tokens and get no answer: shorten them, leave "
        "them out, or name a model with a longer context"
    )

    def told(examples: Sequence[Example], answers: Sequence[int]) -> list[Finding]:
        asked = count([" ".join([*(turn.text for turn in e.turns), e.input]) for e in examples])
        over = [i for i, pair in enumerate(zip(asked, answers, strict=True)) if sum(pair) > room]
        return of_rows(examples, "over_context", "warning", message, over)

    test = task.split.test
    return told(rows, [max(answer, own) for own in outputs]) + told(test, [answer] * len(test))


def few_rows(task: Task, rows: int) -> list[Finding]:
    """What can't be done with so few rows outside the test, and how many would do."""
    split = task.split
    tested = "" if split.test else f", {TESTED} to set a test aside"
    if rows < FEWEST:
        message = f"with {rows} row{'s' * (rows != 1)} nothing is measured: {FEWEST} would do{tested}"
    elif not split.compare:
        message = f"the {rows} rows are so alike that nothing can be measured on some of them that was made from others"
    elif split.folds:
        aside = "" if split.test else f", and no test is set aside: {TESTED} would do"
        message = f"{rows} rows are few: each is measured on, by what is made without it (folds), and built on{aside}"
    else:
        return []
    return [Finding("few_rows", "note" if split.compare else "warning", message)]


def other_form(rows: Sequence[Example], outputs: Outputs, task: Task) -> list[int]:
    """Rows of another form, where one form is so common that the others look like slips."""
    if outputs.consistency < 0.9:
        return []
    return [i for i, e in enumerate(rows) if form_of(e.output, outputs.sort, task.labels) != outputs.form]


def system_findings(rows: Sequence[Example]) -> list[Finding]:
    """Rows whose system turn is not that of most; the tools that a row offers may be its own."""
    said = ["\n\n".join(t.text for t in e.turns if t.role == "system" and not t.text.startswith(OFFERED)) for e in rows]
    counts = Counter(said).most_common()
    if len(counts) < 2:
        return []
    named = [f"{n:,} row{'s' * (n > 1)} {f'“{clipped(text)}”' if text else 'none'}" for text, n in counts[:NAMED]]
    more = [f"and {len(counts) - NAMED:,} others"] if len(counts) > NAMED else []
    message = f"have another system turn than most, and a prompt should be the same in training and use: {', '.join(named + more)}"
    return of_rows(rows, "system_turn", "warning", message, [i for i, text in enumerate(said) if text != counts[0][0]])


def label_findings(
    rows: Sequence[Example], labels: Sequence[Collection[str]], counts: Mapping[str, int]
) -> list[Finding]:
    """Labels that are rare, have no example, are alike, or are nearly all that there is; nothing where outputs are no labels.

    `labels` are those of each row, `counts` the rows of each label.
    """
    if not counts or not rows:
        return []
    rare = [i for i, own in enumerate(labels) if any(counts[label] < RARE for label in own)]
    findings = of_rows(rows, "rare_label", "note", f"have a label with fewer than {RARE} examples", rare)
    seen = {clean(label) for label, times in counts.items() if times}
    if unseen := [label for label in counts if clean(label) not in seen]:
        message = f"{len(unseen)} labels of the task have no example: {', '.join(unseen[:20])}"
        findings.append(Finding("unseen_label", "warning", message))
    for one in alike({label: times for label, times in counts.items() if times}):
        other = [i for i, own in enumerate(labels) if not one.others.keys().isdisjoint(own)]
        named = " or ".join(map(repr, one.others))
        message = (
            f"have the label {named}, where {counts[one.label]:,} have {one.label!r}: alike but for "
            f"{', '.join(dict.fromkeys(one.others.values()))}, and kept as they are"
        )
        findings += of_rows(rows, "alike_labels", "warning", message, other)
    commonest, times = max(counts.items(), key=lambda pair: pair[1])
    if len(counts) > 1 and times >= 0.8 * len(rows):
        message = f"{times / len(rows):.0%} of the rows have one label, {commonest}: always saying it scores as much"
        findings.append(Finding("unbalanced_labels", "warning", message))
    return findings


def unknown_labels(task: Task, between: str | None) -> list[Finding]:
    """Rows of development and test with a label that is none of the task's, which are those of its training rows where it
    names none; `between` stands between the labels of a row (`sets.read`)."""
    named = task.labels or [label for row in task.split.train for label in sets.read(row.output, between)]
    known = set(map(clean, named))
    rows = tuple(
        {
            (row.file, row.row, row.id): row for row in (*task.split.choose, *task.split.compare, *task.split.test)
        }.values()
    )
    others = [
        i
        for i, row in enumerate(rows)
        if not any(known.issuperset(map(clean, sets.read(answer, between))) for answer in row.answers)
    ]
    message = (
        "have a label that no training row has: constrained decoding and macro_f1 do not know it. Name all labels in "
        "labels.json"
    )
    return of_rows(rows, "unknown_label", "warning", message, others)


def document_findings(task: Task) -> list[Finding]:
    """Documents without text, documents that repeat an earlier one, and what could not be read."""
    first: dict[str, int] = {}
    empty: list[int] = []
    titled: list[int] = []
    repeated: list[int] = []
    for i, document in enumerate(task.documents):
        text = normalised(f"{document.title} {document.text}")
        if not document.text.strip():
            (titled if document.title else empty).append(i)
        elif first.setdefault(text, i) != i:
            repeated.append(i)
    findings = []
    for kind, message, indices in (
        ("empty_document", "documents have no text", empty),
        ("title_only", "documents have a title only, and are searched by it", titled),
        ("duplicate_document", "documents repeat an earlier one", repeated),
    ):
        places = sorted((task.documents[i].file, task.documents[i].line) for i in indices)
        for file, own in groupby(places, key=lambda place: place[0]):
            lines = tuple(line for _, line in own)
            findings.append(Finding(kind, "note", f"{len(lines)} {message}", file, lines))
    for reason, group in groupby(sorted(task.unreadable, key=_kind), key=_kind):
        files = [f"{one.file}:{one.line}" if one.line else one.file for one in group]
        named = ", ".join(files[:NAMED]) + (f" and {len(files) - NAMED:,} more" if len(files) > NAMED else "")
        findings.append(Finding("unreadable_document", "warning", f"can't be read, and is left out: {reason}", named))
    return findings


def _kind(problem: Unreadable) -> str:
    """The reason without the id of the document, so that those of one kind are told together."""
    return re.sub(r" '[^']*'", "", problem.reason)
