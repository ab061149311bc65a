"""What the data says, and what is wrong with it, before any language model runs. Reads values, no files.

Outputs are looked at outside the sealed test only; of the test inputs are compared with the rest, and labels that no other
row has are told.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from advisor.answers import implied
from advisor.data.findings import (
    document_findings,
    few_rows,
    label_findings,
    of_rows,
    other_form,
    over_context,
    system_findings,
    unknown_labels,
)
from advisor.data.kinds import Sort
from advisor.data.nearness import near_duplicates
from advisor.data.outputs import Outputs
from advisor.data.outputs import outputs as look_at
from advisor.data.sources import key
from advisor.data.unlike import EMBEDDED, spaced, unlike_test
from advisor.score import sets
from advisor.task import Example, Finding, Task
from advisor.texts import normalised
from retrieval.holding import holder

if TYPE_CHECKING:
    from retrieval.embedder import Embedder

Count = Callable[[Sequence[str]], list[int]]

COSINE = 0.95  # of embeddings: in all-MiniLM above it mostly the same question in other words
DECLARED = ("label", "json", "style")  # kinds that a task may declare; without a row the others are guesses
FACTUAL = ("short_answer", "long_answer")  # kinds that are looked for in the documents
ONE_RIGHT = ("label", "json", "sql", "short_answer")  # kinds where two outputs for one input can't both be right


@dataclass(frozen=True)
class Lengths:
    """Lengths in tokens."""

    median: int
    p95: int
    max: int
    total: int


@dataclass(frozen=True)
class Profile:
    """What the data says; shares are 0..1, None where the question makes no sense.

    `examples` counts by part of the split, `tokens` holds lengths of "input", "output" and "document", `labels` counts
    by label. Duplicates and contradictions are shares of the rows outside the test, overlaps shares of the test.
    `derived` are the answers of the questionnaire that the data gives, `signals` what rules may read of it. `metric` is what
    texts are scored by, named in the task or following from its outputs.
    """

    examples: Mapping[str, int]
    documents: int
    tokens: Mapping[str, Lengths]
    outputs: Outputs
    labels: Mapping[str, int]
    duplicate_share: float
    near_duplicate_share: float
    contradiction_share: float
    equal_test_share: float | None
    near_test_share: float | None
    answers_in_documents: float | None
    answers_in_gold: float | None
    gold_share: float
    findings: tuple[Finding, ...]
    derived: Mapping[str, str | float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    metric: str = ""


def profile(task: Task, count: Count, embed: "Embedder | None" = None, context: float = math.inf) -> Profile:
    """Look at a task's examples and documents. `count` gives the number of tokens of each text, `context` is how many the
    model takes."""
    split = task.split
    rows = split.seen
    outputs = look_at(task, rows)
    lengths = {"input": count([e.input for e in rows]), "output": count([e.output for e in rows])}
    lengths["document"] = count([document.text for document in task.documents]) if task.documents else []
    duplicates, near = _repeats(rows)
    contradictions = _contradictions(rows, outputs.sort) if outputs.kind in ONE_RIGHT else []
    equal, close, copied = overlap(rows, split.test, embed)
    anywhere, in_gold = _in_documents(task, rows) if task.documents and outputs.kind in FACTUAL else (None, None)
    labels_of = [
        frozenset(sets.read(e.output, outputs.between)) if outputs.kind == "label" else frozenset() for e in rows
    ]
    labels = Counter({label: 0 for label in task.labels}) if outputs.kind == "label" else Counter[str]()
    labels.update(label for own in labels_of for label in own)
    findings = [
        *task.findings,
        *system_findings((*rows, *split.test)),
        *of_rows(rows, "duplicate", "note", "repeat the input and output of an earlier row", duplicates),
        *of_rows(rows, "near_duplicate", "note", "nearly equal an earlier row", near),
        *of_rows(
            rows, "contradiction", "warning", "have an input that another row gives a different output", contradictions
        ),
        *of_rows(rows, "equal_to_test", "warning", "have the same input as a test row", copied[0]),
        *of_rows(rows, "near_test", "warning", "nearly equal a test row", copied[1]),
        *unlike_test(split, close, embed),
        *of_rows(rows, "empty_output", "warning", "have an output without a word", _empty(rows, outputs.sort)),
        *of_rows(
            rows, "overlong_output", "note", "have an output far longer than the others", _long(lengths["output"])
        ),
        *over_context(task, rows, lengths["output"], count, context),
        *of_rows(
            rows, "other_form", "note", f"do not have the common form ({outputs.form})", other_form(rows, outputs, task)
        ),
        *few_rows(task, len(rows)),
        *label_findings(rows, labels_of, labels),
        *(unknown_labels(task, outputs.between) if outputs.kind == "label" else ()),
        *of_rows(
            rows, "not_in_documents", "note", "have an answer that stands word for word in no document", _no(anywhere)
        ),
        *of_rows(
            rows, "not_in_gold", "note", "have an answer that is not word for word in the document named", _no(in_gold)
        ),
        *of_rows(
            rows,
            "gold_not_there",
            "warning",
            "have a gold document that is not there or can't be read",
            _lost(task, rows),
        ),
        *document_findings(task),
    ]
    looked = Profile(
        examples={name: len(getattr(split, name)) for name in ("train", "choose", "compare", "test")},
        documents=len(task.documents),
        tokens={name: _lengths(values) for name, values in lengths.items()},
        outputs=outputs,
        labels=dict(labels.most_common()),
        duplicate_share=_share(len(duplicates), len(rows)) or 0.0,
        near_duplicate_share=_share(len(near), len(rows)) or 0.0,
        contradiction_share=_share(len(contradictions), len(rows)) or 0.0,
        equal_test_share=_share(len(equal), len(split.test)),
        near_test_share=_share(len(close), len(split.test)),
        answers_in_documents=_yes_share(anywhere),
        answers_in_gold=_yes_share(in_gold),
        gold_share=_share(sum(bool(example.gold) for example in rows), len(rows)) or 0.0,
        findings=tuple(findings),
        metric=task.metric,
    )
    return replace(looked, derived=derived_answers(task, looked), signals=signals(looked))


def derived_answers(task: Task, profile: Profile) -> dict[str, str | float]:
    """The keys of the questionnaire that the data answers; what it can't tell is left out."""
    kind = profile.outputs.kind
    answers: dict[str, str | float] = {
        "documents_available": "yes" if task.documents else "no",
        "train_examples": float(len(task.split.seen)),
    }
    if task.split.seen or kind in DECLARED:
        answers["output_kind"] = kind
    if task.documents:
        answers["corpus_tokens"] = float(profile.tokens["document"].total)
        if profile.gold_share >= 0.5 or (profile.answers_in_documents or 0) >= 0.5:
            answers["needs_private_or_fresh_facts"] = "yes"
    if kind in ("label", "json"):
        answers["num_labels"] = float(len(profile.labels) if kind == "label" else len(profile.outputs.keys))
    return {**answers, **implied(answers)}


def signals(profile: Profile) -> dict[str, float]:
    """What rules may read, as shares 0..1; what is not known is left out."""
    known = {
        "duplicate_share": profile.duplicate_share,
        "near_duplicate_share": profile.near_duplicate_share,
        "contradiction_share": profile.contradiction_share,
        "format_consistency": profile.outputs.consistency,
        "equal_test_share": profile.equal_test_share,
        "near_test_share": profile.near_test_share,
        "answers_in_documents": profile.answers_in_documents,
        "answers_in_gold": profile.answers_in_gold,
    }
    return {name: value for name, value in known.items() if value is not None}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _yes_share(answers: Sequence[bool | None] | None) -> float | None:
    asked = [one for one in answers or () if one is not None]
    return _share(sum(asked), len(asked))


def _no(answers: Sequence[bool | None] | None) -> list[int]:
    return [i for i, one in enumerate(answers or ()) if one is False]


def _lengths(values: Sequence[int]) -> Lengths:
    if not values:
        return Lengths(0, 0, 0, 0)
    middle, high = np.percentile(values, [50, 95])
    return Lengths(round(middle), round(high), max(values), sum(values))


def _repeats(rows: Sequence[Example]) -> tuple[list[int], list[int]]:
    """Rows that repeat an earlier row (input and output), and rows nearly equal to an earlier one (input)."""
    inputs = [key(example) for example in rows]
    first: dict[tuple[str, str], int] = {}
    equal = [i for i, e in enumerate(rows) if first.setdefault((inputs[i], normalised(e.output)), i) != i]
    near = {j for i, j in near_duplicates(inputs) if inputs[i] != inputs[j]}
    return equal, sorted(near - set(equal))


def _contradictions(rows: Sequence[Example], sort: Sort) -> list[int]:
    """Rows whose input another row gives an output that neither takes for right."""
    same = (lambda text: frozenset(sets.read(text, sort.between))) if sort.between is not None else normalised
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i, example in enumerate(rows):
        groups[key(example)].append(i)
    answers = [{same(answer) for answer in example.answers} for example in rows]
    return [i for group in groups.values() for i in group if any(not answers[i] & answers[j] for j in group)]


def near_test(rows: Sequence[Example], test: Sequence[Example], embed: "Embedder | None" = None) -> set[int]:
    """The indices of test rows that one of `rows` equals or is near to."""
    return overlap(rows, test, embed)[1]


def overlap(
    rows: Sequence[Example], test: Sequence[Example], embed: "Embedder | None"
) -> tuple[set[int], set[int], tuple[set[int], set[int]]]:
    """Test rows equal and near to another row, and the rows that are equal and near to a test row."""
    ours, theirs = [key(example) for example in rows], [key(example) for example in test]
    # Looked for from both sides: each text is paired with the first of the others that are alike, not with all.
    pairs = {*near_duplicates(ours, theirs), *((i, j) for j, i in near_duplicates(theirs, ours))}
    if embed and ours and theirs:
        few, many = (spaced(len(texts), most) for texts, most in zip((theirs, ours), EMBEDDED, strict=True))
        near = embed([ours[i] for i in many]) @ embed([theirs[j] for j in few]).T >= COSINE
        pairs |= {(many[i], few[j]) for i, j in np.argwhere(near)}
    place = {text: j for j, text in enumerate(theirs)}
    equal_rows = {i for i, text in enumerate(ours) if text in place}
    equal_test = {j for j, text in enumerate(theirs) if text in set(ours)} if equal_rows else set()
    near_rows = {i for i, _ in pairs} - equal_rows
    return equal_test, {j for _, j in pairs} | equal_test, (equal_rows, near_rows)


def _in_documents(task: Task, rows: Sequence[Example]) -> tuple[list[bool | None], list[bool | None]]:
    """For each row whether an answer stands in some document, and in one that it names (None: names none)."""
    texts = {document.id: f"{document.title}\n{document.text}" for document in task.documents}
    everywhere = holder(*texts.values())
    anywhere: list[bool | None] = [everywhere(example.answers) for example in rows]
    named = {id_: holder(texts[id_]) for id_ in {id_ for example in rows for id_ in example.gold} & set(texts)}
    gold = [[named[id_] for id_ in example.gold if id_ in named] for example in rows]
    in_gold = [
        any(holds(example.answers) for holds in those) if those else None
        for those, example in zip(gold, rows, strict=True)
    ]
    return anywhere, in_gold


def _lost(task: Task, rows: Sequence[Example]) -> list[int]:
    """Rows that name a document which is not among the task's; such a task is refused unless some can't be read."""
    known = {document.id for document in task.documents}
    return [i for i, example in enumerate(rows) if not known.issuperset(example.gold)] if known else []


def _long(lengths: Sequence[int]) -> list[int]:
    """Outputs of more than 64 tokens that are over four times as long as nearly all (95 %) others."""
    limit = max(64, 4 * _lengths(lengths).p95) if len(lengths) >= 20 else max(64, 20 * _lengths(lengths).median)
    return [i for i, length in enumerate(lengths) if length > limit]


def _empty(rows: Sequence[Example], sort: Sort) -> list[int]:
    """Rows whose output holds no letter or digit ({} and [] are answers)."""
    if sort.kind == "json" or sort.between == sets.ARRAY:
        return []
    return [i for i, e in enumerate(rows) if not re.search(r"\w", e.output)]
