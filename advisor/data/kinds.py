"""What kind of output rows want, told by how outputs repeat and what they are made of; and the metric that suits it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from advisor.data.alike import likeness
from advisor.score import sets
from advisor.score.fields import parse_json
from advisor.score.numbers import read_number
from advisor.score.overlap import contains
from advisor.task import Example, Task
from advisor.texts import clean, words

Kind = Literal["label", "json", "sql", "code", "style", "short_answer", "long_answer"]

OF_LABELS = ("label_accuracy", "macro_f1", "set_f1")  # metrics of tasks that have labels
SHORT = 10  # words in the median answer that is called short
MOST = 0.8  # of the outputs, that are of a kind
NEARLY_ALL = 0.95  # of the outputs, where the others have to be slips
NEW = 0.1  # the greatest chance that the next output is a new one, where outputs are labels
FEW, MANY = (30, 3), 5  # so few labels have that many rows each at the least; more of them have more
CERTAIN = 20  # rows of each label, with which it does not matter that labels stand in inputs or documents
COPIED = 0.9  # of the outputs, that stand in their input or the document named: found there, not chosen from a set
CLASSES = 20  # different numbers, up to which they may be classes such as stars
SEVERAL = 0.05  # of the rows, that have two labels or more, where rows may

_SQL = re.compile(
    r"\s*(select|insert\s+into|update|delete\s+from|with|create\s+(table|view)|alter\s+table)\b", re.IGNORECASE
)
_SQL_CLAUSE = re.compile(r"\b(from|select|values|set|table|view|where)\b", re.IGNORECASE)
_CODE = re.compile(
    r"^```|^\s*(def \w+\(|class \w+[(:{]|import \w|from \w[\w.]* import|#include|function \w*\(|(const|let|var) \w+ =|"
    r"return\b.*;|public |private |if \(|for \(|print\(|console\.|#!/)|[{};]\s*$|\w\(.*\)\s*;?$",
    re.MULTILINE,
)


def _is_json(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict | list)
    except ValueError:
        return False


_FORMAL: Mapping[Kind, Callable[[str], bool]] = {
    "json": _is_json,
    "sql": lambda text: bool(_SQL.match(text) and _SQL_CLAUSE.search(text, 3)),
    "code": lambda text: len(_CODE.findall(text)) > text.count("\n") / 3,
}


@dataclass(frozen=True)
class Sort:
    """A kind of output as the questionnaire has it, more closely: of labels, what stands `between` those of a row that may
    have several ("": a JSON array, None: each has one); of answers that are numbers their `unit` ("" for none)."""

    kind: Kind
    between: str | None = None
    unit: str | None = None

    def labels(self, rows: Sequence[Example]) -> tuple[str, ...]:
        """The labels that stand in the outputs of rows, sorted."""
        return tuple(sorted({label for row in rows for label in sets.read(row.output, self.between)}))


def sort_of(task: Task, rows: Sequence[Example] | None = None) -> Sort:
    """What the task itself declares, or else what most outputs are of `rows`: of all outside the test (default)."""
    rows = task.split.seen if rows is None else rows
    outputs = [row.output for row in rows]
    if task.metric == "json_field_f1":
        return Sort("json")
    if task.metric in ("label_accuracy", "macro_f1"):
        return Sort("label")
    between = between_labels(outputs, task.labels)
    if task.metric == "set_f1" and between is None:  # too few rows to tell by
        between = sets.ARRAY if outputs and all(sets.array(text) is not None for text in outputs) else ", "
    if between is not None:
        return Sort("label", between)
    if task.schema is not None:
        return Sort("json")
    if task.labels:
        return Sort("label")
    kind = _formal(outputs)
    return Sort(kind) if kind else _of_text(task, rows, outputs)


def _formal(outputs: Sequence[str]) -> Kind | None:
    """The language for machines that most outputs are in, if there is one."""
    return next((kind for kind, fits in _FORMAL.items() if _share(map(fits, outputs)) >= MOST), None)


def _of_text(task: Task, rows: Sequence[Example], outputs: Sequence[str]) -> Sort:
    unit = common_unit(outputs)
    if _are_labels(task, rows) and (unit is None or _are_classes(outputs)):
        return Sort("label")
    if unit is not None:
        return Sort("short_answer", unit=unit)
    if task.metric == "sari" or _rewrites(rows[:: len(rows) // 300 + 1]):
        return Sort("style")
    return Sort("short_answer" if _size(outputs) <= SHORT else "long_answer")


def default_metric(task: Task, rows: Sequence[Example]) -> str:
    """The metric for a task that names none: of labels, JSON, numbers and rewritings their own; with documents token_f1;
    else by length exact_match or rouge_l."""
    sort = sort_of(task, rows)
    if sort.between is not None:
        return "set_f1"
    if sort.kind == "json":
        return "json_field_f1"
    if sort.kind == "label" and (task.labels or not task.documents):
        return "label_accuracy"
    if task.documents:
        return "token_f1"
    if sort.unit is not None:
        return "number"
    if sort.kind == "style":
        return "sari"
    return "exact_match" if _size([row.output for row in rows]) <= SHORT else "rouge_l"


def between_labels(outputs: Sequence[str], labels: Sequence[str] = ()) -> str | None:
    """What stands between the labels of outputs that have several ("" in JSON arrays); None where they are no sets of labels.

    The labels are `labels` where those are known, else texts that keep coming back in ever other company.
    """
    arrays = [sets.array(text) for text in outputs]
    if outputs and _share(array is not None for array in arrays) >= NEARLY_ALL:
        lists = [array for array in arrays if array is not None]
        return sets.ARRAY if any(lists) and _known(lists, labels) else None
    if not labels and (_formal(outputs) or common_unit(outputs) is not None):
        return None
    counts = {sign: sum(sign in text for text in outputs) for sign in sets.SIGNS}
    for sign in sorted(sets.SIGNS, key=lambda sign: -counts[sign]):
        if counts[sign] and not any(sign in label for label in labels):
            lists = [sets.parts(text, [sign]) for text in outputs]
            if _known(lists, labels) and (labels or _mixed(lists)):
                spaced = re.compile(rf"\s*{re.escape(sign)}\s*")
                return Counter(match[0] for text in outputs for match in spaced.finditer(text)).most_common(1)[0][0]
    return None


def _known(lists: Sequence[tuple[str, ...]], labels: Sequence[str]) -> bool:
    """Whether the items of lists are labels, hardly any twice in one list."""
    once = _share(len(set(items)) == len(items) for items in lists) >= NEARLY_ALL
    if labels:
        known = set(map(clean, labels))
        return once and _share(set(items) <= known for items in lists) >= MOST
    return once and repeated([item for items in lists for item in items])


def _mixed(lists: Sequence[tuple[str, ...]]) -> bool:
    """Whether lists are made of few items: of different lengths, and more lists than items. (The "a, b" of one label that is
    called so comes in one piece.)"""
    several = _share(len(items) > 1 for items in lists) >= SEVERAL and len({len(items) for items in lists}) > 1
    items = {likeness(item) for items in lists for item in items}
    return several and len(items) < len({frozenset(map(likeness, items)) for items in lists})


def repeated(items: Sequence[str]) -> bool:
    """Whether texts come from a small fixed set: nearly none to come is new, and there are some rows of each.

    The chance that the next one is new is the share of those seen once (Good 1953, after Turing).
    """
    counts = Counter(map(likeness, items))
    each = FEW[1] if len(counts) <= FEW[0] else MANY
    once = sum(times == 1 for times in counts.values())
    return len(items) >= each * max(2, len(counts)) and once <= NEW * len(items)


def _are_labels(task: Task, rows: Sequence[Example]) -> bool:
    outputs = [row.output for row in rows]
    if not repeated(outputs):
        return False
    if len(rows) >= CERTAIN * len(set(map(likeness, outputs))):
        return True
    documents = {document.id: document.text for document in task.documents}
    sources = [(row.input, *(documents[id_] for id_ in row.gold if id_ in documents)) for row in rows]
    copied = (any(contains(source, row.output) for source in own) for row, own in zip(rows, sources, strict=True))
    return _share(copied) < COPIED


def common_unit(outputs: Sequence[str]) -> str | None:
    """The unit that nearly all outputs have, which are numbers then; "" for none, None where they are no numbers."""
    units = Counter(number.unit for number in map(read_number, outputs) if number)
    unit, times = units.most_common(1)[0] if units else ("", 0)
    return unit if outputs and times >= NEARLY_ALL * len(outputs) else None


def _are_classes(outputs: Sequence[str]) -> bool:
    """Whether repeated numbers stand for classes: they are few, or count from 0 or 1 without a gap."""
    values = {number.value for number in map(read_number, outputs) if number}
    least = min(values)
    return len(values) <= CLASSES or (least in (0, 1) and values == {least + i for i in range(len(values))})


def _rewrites(rows: Sequence[Example]) -> bool:
    """Whether most outputs say the input again: mostly the same words, and about as many."""
    pairs = [(words(example.input), words(example.output)) for example in rows]
    again = [
        len(set(ours) & set(theirs)) >= 0.6 * len(set(theirs)) and 0.4 <= len(theirs) / len(ours) <= 1.5
        for ours, theirs in pairs
        if ours and len(theirs) >= 4
    ]
    return sum(again) > len(rows) / 2


def _size(outputs: Sequence[str]) -> float:
    return median([len(words(output)) for output in outputs] or [0])


def _share(answers: Iterable[bool]) -> float:
    """The share of yes, 0 where nothing was asked."""
    given = list(answers)
    return sum(given) / max(1, len(given))
