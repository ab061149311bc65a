"""A task's folder to a `Task`: whether its files fit together, and what follows from them. Loads no model."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from advisor import answers
from advisor.address import Address
from advisor.data import kinds, owncode, sources, splitting, taskfolder
from advisor.data.taskfolder import NEEDED, Folder
from advisor.errors import InputError, Problem, ranges
from advisor.score import metrics
from advisor.task import Example, Split, Task
from retrieval.documents import Document


def load_task(
    folder: Path,
    *,
    seed: int = 0,
    drop_invalid: bool = False,
    allow_overlap: bool = False,
    model_problem: Callable[[str | Address], str] | None = None,
    allow_code: bool = False,
) -> Task:
    """The task in a folder (or of the task.yaml given), split with `seed`.

    drop_invalid: leave rows out whose output is outside labels or schema. allow_overlap: leave training rows out whose
    input stands in the test too. model_problem: says what is wrong with a model's name, "" for nothing. allow_code: the
    person allows the task's own Python (`owncode`).

    A task may have no rows, where there are documents or words about it to go by.

    Raises:
        InputError: everything that is wrong with the task, each with file, line and what to do.
    """
    here = taskfolder.opened(Path(folder))
    before = len(here.problems)
    examples, test = _examples(here)
    nothing = not examples and len(here.problems) == before
    documents, unreadable = taskfolder.read_documents(here)
    _check_gold(here, (*examples, *test), documents if not unreadable else None)
    labels, schema = taskfolder.read_labels(here), taskfolder.read_schema(here)
    incumbent = taskfolder.read_incumbent(here, {row.id for row in (*examples, *test)})
    left_out: list[str] = []
    between = None
    if here.said.metric not in ("label_accuracy", "macro_f1"):
        between = kinds.between_labels([row.output for row in examples], labels)
    fault = taskfolder.checker(labels, schema, between)
    examples = _fitting(here, examples, fault, drop_invalid, left_out)
    test = _fitting(here, test, fault, drop_invalid, left_out)
    examples = _apart(here, examples, test, allow_overlap, left_out)
    instruction, examples, test = _lifted(here.said.instruction, examples, test)
    split = splitting.split(examples, test or None, seed)
    named = Task("", here.path, metric="", labels=labels, schema=schema, documents=documents or ())
    own = partial(owncode.own_function, folder=here.path, allow=allow_code)
    metric, labels = _metric(here, split, named, own)
    said = _answers(here)
    abstain = here.said.abstain.strip()
    if abstain and documents == () and not any(abstain in row.answers for row in (*examples, *test)):
        do = "Add documents or rows that have no answer, or delete the line"
        here.wrong("abstain", "needs documents: what supports an answer is looked for in them", do)
    for model in here.said.model if model_problem else ():
        if model_problem and (what := model_problem(model)):
            here.wrong(
                "model", what, "" if isinstance(model, Address) else "Name a local folder, a hub id or a GGUF file"
            )
    if nothing or not (examples or here.problems):
        _check_words(here, documents)
    if here.problems:
        raise InputError(here.problems)
    task = Task(
        name=here.said.name or here.path.resolve().name,
        folder=here.path,
        description=here.said.description,
        instruction=instruction,
        instructions=tuple(here.said.instructions),
        metric=metric,
        split=split,
        documents=documents or (),
        labels=labels,
        schema=schema,
        incumbent=incumbent,
        answers=said,
        abstain=abstain,
        retrieval=here.said.retrieval,
        costs=here.said.costs,
        models=tuple(here.said.model),
        proposer=here.said.proposer,
        left_out=tuple(left_out),
        unreadable=unreadable,
        findings=tuple(here.findings),
    )
    return replace(task, fingerprint=_fingerprint(task))


def _examples(here: Folder) -> tuple[list[Example], list[Example]]:
    """The rows of the examples and of the test, each with an id of its own."""
    examples = taskfolder.read_rows(here, "examples")
    test = taskfolder.read_rows(here, "test")
    if examples and test and (here.path / examples[0].file).samefile(here.path / test[0].file):
        here.wrong("test", "is the file of the examples too", "Give the test a file of its own, or delete the line")
        test = []
    first: dict[str, Example] = {}
    for row in (*examples, *test):
        if row.id and row.id in first:
            here.wrong_row(
                row, "id", f"{row.id!r} is the id of {_place(first[row.id])} too", "Give every row its own id"
            )
        first.setdefault(row.id, row)
    taken = set(first)
    return [_numbered(row, taken) for row in examples], [_numbered(row, taken) for row in test]


def _numbered(row: Example, taken: set[str]) -> Example:
    """The row, its number as its id where it has none (with its file, where another row has that id)."""
    if row.id:
        return row
    number = str(row.row) if str(row.row) not in taken else _place(row)
    taken.add(number)
    return replace(row, id=number)


def _place(row: Example) -> str:
    return f"{row.file}:{row.row}"


def _check_gold(here: Folder, examples: Iterable[Example], documents: Sequence[Document] | None) -> None:
    if documents is None:
        return  # some could not be read: missing ones would only repeat what is noted
    ids = {document.id for document in documents}
    do = "Correct the id, or add the document" if documents else "Add documents (corpus.jsonl), or remove gold"
    for row in examples:
        for gold in row.gold:
            if gold not in ids:
                here.wrong_row(row, "gold", f"no document has the id {gold!r}", do)


def _fitting(
    here: Folder, examples: Sequence[Example], fault: Callable[[str], str], drop: bool, left_out: list[str]
) -> list[Example]:
    """The rows whose outputs are inside labels and schema; the others are noted as problems, or as left out."""
    faults = [next(filter(None, map(fault, row.answers)), "") for row in examples]
    outside = [row for row, what in zip(examples, faults, strict=True) if what]
    if outside and drop:
        left_out.append(f"{_rows(outside)} left out: the output is outside the labels or the schema")
    for row, what in zip(examples, faults, strict=True):
        if what and not drop:
            here.wrong_row(row, "output", what, "Correct it, or leave such rows out with --drop-invalid")
    return [row for row, what in zip(examples, faults, strict=True) if not what]


def _apart(
    here: Folder, examples: Sequence[Example], test: Sequence[Example], allow: bool, left_out: list[str]
) -> list[Example]:
    """The training rows whose input is not in the test; the others are noted as problems, or as left out."""
    tests = {sources.key(row): row for row in reversed(test)}
    equal = [row for row in examples if sources.key(row) in tests] if tests else []
    if equal and allow:
        left_out.append(f"{_rows(equal)} left out: the input stands in the test too")
    for row in equal if not allow else ():
        what = f"the input equals that of the test row {_place(tests[sources.key(row)])}"
        here.wrong_row(row, "input", what, "Remove one of them, or leave the training row out with --allow-overlap")
    out = {row.id for row in equal}
    return [row for row in examples if row.id not in out]


def _metric(here: Folder, split: Split, named: Task, own: metrics.Own) -> tuple[str, tuple[str, ...]]:
    """The metric that task.yaml names, or that suits the outputs and what else the task names; and the labels, where none
    are named those of the training rows. The sealed test is not looked at."""
    examples = split.seen
    name, labels = here.said.metric or kinds.default_metric(named, examples), named.labels
    if name in kinds.OF_LABELS and not labels:
        labels = kinds.sort_of(replace(named, metric=name), examples).labels(split.train)
    try:
        if here.said.metric and (labels or name != "macro_f1" or not here.problems):
            metric = metrics.resolve(name, labels, own)
            for text in [examples[0].output, ""] if examples else []:
                metric.score(text, examples[0])  # a person's own may raise, or give no number
    except ValueError as error:
        what, _, do = str(error).partition(". ")
        here.wrong("metric", what, do or "Correct the name, or the module that it names")
    except InputError as error:
        for problem in error.problems:
            here.wrong("metric", problem.what, problem.do)
    return name, labels


def _answers(here: Folder) -> Mapping[str, str | float]:
    try:
        return answers.parse(here.said.answers, str(here.file))
    except InputError as error:
        for problem in error.problems:
            key = problem.field.removeprefix("answers.")
            line = here.lines.get(("answers", key), here.lines.get(("answers",)))
            here.problems.append(replace(problem, where=here.file, line=line, field=f"answers.{key}"))
        return {}


def _check_words(here: Folder, documents: Sequence[Document] | None) -> None:
    """Notes that there are no rows, where a file may hold them, or there are neither documents nor a word to go by."""
    said, others = here.said, taskfolder.unnamed_rows(here)
    named = here.says("examples") and not said.examples  # which was noted
    words = said.instruction.strip() or said.description.strip() or said.answers
    if named or (not others and (documents != () or words)):
        return
    what, do = "holds no examples (train.jsonl)", f'Add rows such as {{"input": "...", "output": "..."}} ({NEEDED})'
    if others:
        what, do = f"{what}; there are {', '.join(others[:5])}", f"Write `examples: {others[0]}` if it holds them. {do}"
    else:
        what, do = f"{what}, and nothing else to go by", f"{do}, documents, or an instruction"
    here.problems.append(Problem(what, here.path, do=do))


def _rows(examples: Sequence[Example]) -> str:
    """How many rows, and which: "3 rows (train.jsonl 4-5, 9)"."""
    files = [
        f"{file} {ranges(row.row for row in group)}"
        for file, group in itertools.groupby(examples, lambda row: row.file)
    ]
    return f"{len(examples):,} row{'s' * (len(examples) > 1)} ({', '.join(files)})"


def _lifted(instruction: str, examples: list[Example], test: list[Example]) -> tuple[str, list[Example], list[Example]]:
    """The instruction, and the rows without the system turns that begin them all, where no instruction is named."""
    common: list[str] = []
    while not instruction:
        firsts = {row.turns[:1] for row in (*examples, *test)}
        system = next(iter(firsts), ())
        if len(firsts) != 1 or not system or system[0].role != "system":
            break
        common.append(system[0].text.strip())
        examples, test = ([replace(row, turns=row.turns[1:]) for row in group] for group in (examples, test))
    return "\n\n".join(filter(None, (instruction.strip(), *common))), examples, test


def _fingerprint(task: Task) -> str:
    """A hash of all that changes a result; not of names, places, line numbers and prices."""
    content = asdict(replace(task, name="", folder=Path(), left_out=(), unreadable=()))
    del content["findings"], content["costs"]
    for rows in (*(content["split"][side] for side in ("train", "choose", "compare", "test")), content["documents"]):
        for row in rows:
            row.pop("row", None), row.pop("line", None), row.pop("file")
    how = {"key_env", "concurrency", "price"}  # how an endpoint is reached, not what it answers
    named = [m.model_dump(exclude=how) if isinstance(m, Address) else m for m in (task.proposer, *task.models)]
    content["proposer"], *content["models"] = named
    content["source"] = owncode.find_code(task.metric, task.folder).hash if ":" in task.metric else ""
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()
