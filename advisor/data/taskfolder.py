"""The files of a task's folder, each found and read alone, with what is wrong in it. If they fit says `reading.py`."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import retrieval
from advisor import texts
from advisor.data import taskfile
from advisor.data.splitting import FEWEST, TESTED
from advisor.errors import InputError, Problem
from advisor.rows import files
from advisor.rows.examples import read_rows as read_file
from advisor.score import sets
from advisor.task import Example, Finding
from retrieval.documents import Document, Unreadable

ROWS = {"examples": ("train", "examples"), "test": ("test",)}  # with any ending under which rows are kept
NAMES = {  # what is looked for where task.yaml names no file
    "documents": ("corpus.jsonl", "documents"),
    "labels": ("labels.json",),
    "schema": ("schema.json",),
    "incumbent": ("incumbent.jsonl",),
}
NEEDED = f"{FEWEST} rows are enough to measure on, {TESTED} to set a test aside"


@dataclass
class Folder:
    """A task's folder while it is read: what task.yaml says, and the problems found so far."""

    path: Path
    file: Path
    said: taskfile.TaskFile
    lines: texts.Lines
    problems: list[Problem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, key: str, what: str, do: str) -> None:
        """Notes what is wrong with a key of task.yaml."""
        self.problems.append(Problem(what, self.file, self.lines.get((key,)), key, do))

    def wrong_row(self, row: Example, key: str, what: str, do: str) -> None:
        """Notes what is wrong with a row."""
        self.problems.append(Problem(what, self.path / row.file, row.row, key, do))

    def says(self, key: str) -> bool:
        """Whether task.yaml has the key, be its value right or wrong."""
        return (key,) in self.lines

    def find(self, key: str) -> Path | None:
        """What task.yaml names, or what lies there by a usual name; None where there is nothing, or something wrong."""
        named = getattr(self.said, "schema_" if key == "schema" else key)
        if self.says(key):
            return self._inside(key, named) if named else None
        there = self.usual(key)
        if len(there) > 1:
            self.wrong(key, f"could be {' or '.join(there)}", f"Name one in task.yaml, such as `{key}: {there[0]}`")
        return self._inside(key, there[0]) if len(there) == 1 else None

    def usual(self, key: str) -> list[str]:
        """The files that lie there by a usual name; of rows, where none can be read, those of other kinds."""
        names = sorted(entry.name for entry in self.path.iterdir())
        if key not in ROWS:
            return [name for name in NAMES[key] if name in names]
        for endings in (files.READERS, files.OTHERS):
            usual = [stem + end for stem in ROWS[key] for end in endings]
            if there := sorted((name for name in names if name.lower() in usual), key=lambda n: usual.index(n.lower())):
                return there
        return []

    def json(self, key: str) -> tuple[Path, Any] | None:
        """The JSON value of the file for a key, and the file; None where there is none, or something wrong."""
        path = self.find(key)
        text, problems = texts.read_text(path) if path else ("", [])
        self.problems += problems
        if not path or problems:
            return None
        try:
            return path, texts.parsed(text)
        except texts.NotJson as error:
            what = str(error) if text.strip() else "is empty"
            self.problems.append(Problem(what, path, error.line, do="Correct it, or remove the file"))
            return None

    def _inside(self, key: str, name: str) -> Path | None:
        try:
            path, home = self.path / name, self.path.resolve()
            inside, there = path.resolve().is_relative_to(home) and not Path(name).is_absolute(), path.exists()
        except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links in a circle
            self.wrong(key, f"can't be the name of a file: {error}", "Name a file in the task's folder")
            return None
        near = texts.meant(name, [entry.name for entry in self.path.iterdir()], 0.8)
        if not inside:
            self.wrong(key, f"{name} leaves the task's folder", "Copy the file into the folder and name it from there")
        elif not there and key in ("examples", "test") and name.count("/") == 1 and not Path(name).suffix:
            do = "Save it as JSON Lines in the task's folder and name that"
            self.wrong(key, f"{name} is not there (data sets of the hub are not supported yet)", do)
        elif not there:
            do = f"Did you mean {near}?" if near and near != name else "Add the file, or name another one"
            self.wrong(key, f"{name} is not there", do)
        return path if inside and there else None


def opened(folder: Path) -> Folder:
    """The folder, or that of the task.yaml given, with task.yaml read. Raises InputError where there is none."""
    do = "Give the task's folder, or the task.yaml in it"
    try:
        is_folder, there = folder.is_dir(), folder.exists()
    except OSError as error:
        raise InputError(Problem(f"can't be read: {error.strerror}", folder, do=do)) from None
    file = folder / "task.yaml" if is_folder else folder
    if not there or file.suffix not in (".yaml", ".yml"):
        raise InputError(Problem("is not a task" if there else "is not there", folder, do=do))
    if not file.is_file():
        raise InputError(Problem("is not there", file, do="Write one; the shortest is a line such as `name: my-task`"))
    said, lines, problems = taskfile.read_taskfile(file)
    return Folder(file.parent, file, said, lines, problems)


def read_rows(here: Folder, key: str) -> list[Example]:
    """The rows of `examples` or `test`; those without an id have "" as theirs."""
    path = here.find(key)
    if not path:
        return []
    name, unanswered = path.relative_to(here.path).as_posix(), here.said.abstain.strip()
    rows = read_file(path, name, numbered=False, unanswered=unanswered)
    if not rows.examples and not rows.problems:
        here.problems.append(Problem("has no rows", path, do=f"Add rows, or remove the file: {NEEDED}"))
    here.problems += rows.problems
    here.findings += rows.findings
    return rows.examples


def unnamed_rows(here: Folder) -> list[str]:
    """The files that could hold rows, and that no key of task.yaml and no usual name leads to."""
    usual = {name for key in (*NAMES, *ROWS) for name in here.usual(key)}
    said = {getattr(here.said, "schema_" if key == "schema" else key) for key in (*NAMES, *ROWS)}
    names = sorted(entry.name for entry in here.path.iterdir())
    return [name for name in names if files.ending_of(name) in files.READERS and name not in usual | said]


def read_documents(here: Folder) -> tuple[tuple[Document, ...] | None, tuple[Unreadable, ...]]:
    """The documents, () where there are none and None where something is wrong; and what of them can't be read.

    What can be read goes on: documents have gathered over years.
    """
    path = here.find("documents")
    if not path:
        return None if here.says("documents") else (), ()
    documents, unreadable = retrieval.read(path)
    if documents:
        home = path if path.is_dir() else here.path
        return documents, tuple(replace(one, file=_within(home, one.file)) for one in unreadable)
    here.problems += [Problem(one.reason, one.file, one.line or None, do=one.do) for one in unreadable]
    return None if unreadable else documents, ()


def _within(folder: Path, file: str) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else file


def read_labels(here: Folder) -> tuple[str, ...]:
    """The labels, () where there are none or something is wrong with them."""
    path, labels = here.json("labels") or (here.path, ())
    if labels == ():
        return ()
    wrong = []
    if not isinstance(labels, list) or not labels:
        wrong = [f"is {texts.kind(labels)}, not a list of labels"]
    else:
        names = [label.strip() if isinstance(label, str) else label for label in labels]
        wrong += [f"label {at} is {texts.kind(name)}, not text" for at, name in enumerate(names, 1) if _odd(name)]
        wrong += [f"label {at}, {name!r}, stands there twice" for at, name in enumerate(names, 1) if _twice(names, at)]
    do = 'Write a list of different texts such as ["yes", "no"]'
    here.problems += [Problem(what, path, do=do) for what in wrong]
    return () if wrong else tuple(names)


def _odd(label: object) -> bool:
    return not isinstance(label, str) or not label


def _twice(labels: Sequence[object], at: int) -> bool:
    return not _odd(labels[at - 1]) and labels[at - 1] in labels[: at - 1]


def read_schema(here: Folder) -> Mapping[str, Any] | None:
    """The JSON schema, None where there is none or something is wrong with it."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    path, schema = here.json("schema") or (here.path, None)
    if path == here.path:
        return None
    try:
        if not isinstance(schema, dict):
            raise ValueError(f"it is {texts.kind(schema)}, not an object")
        validator_for(schema).check_schema(schema)
        _follow_references(schema)
        for sample in ("{}", "[]", '""', "0"):
            checker((), schema)(sample)
    except SchemaError as error:
        what = f"is not a JSON schema: {texts.clipped(error.message, 200)} (at {error.json_path})"
    except Exception as error:  # a reference to nowhere or to the network, a bad pattern: jsonschema raises many kinds
        what = f"can't be used as a JSON schema: {texts.clipped(str(error) or type(error).__name__, 200)}"
    else:
        return dict(schema)
    do = 'Write a JSON schema such as {"type": "object", "properties": {...}}'
    here.problems.append(Problem(what, path, do=do))
    return None


def read_incumbent(here: Folder, ids: set[str]) -> Mapping[str, str] | None:
    """The predictions of today's pipeline for the examples with these ids, None where there are none."""
    path = here.find("incumbent")
    if not path:
        return None
    predictions, problems = read_predictions(path, ids)
    here.problems += problems
    return predictions


def read_predictions(path: Path, ids: set[str]) -> tuple[dict[str, str], list[Problem]]:
    """Stored predictions by the id of their example, and what is wrong with them; null, a failure, is left out."""
    text, problems = texts.read_text(path)
    first: dict[str, int] = {}
    predictions: dict[str, str] = {}
    for line, row in texts.json_lines(text, path, problems):
        given, name = row.get("id"), str(row.get("id"))
        if given is None or isinstance(given, bool) or not isinstance(given, str | int) or "prediction" not in row:
            what, do = "has no id or no prediction", 'Write {"id": "...", "prediction": "..."}'
        elif name in first:
            what, do = f"predicts {name!r} again, after line {first[name]}", "Keep one of the two"
        elif name not in ids:
            what, do = f"predicts {name!r}, which is the id of no example", "Correct the id, or remove the line"
        else:
            first[name] = line
            if row["prediction"] is not None:
                predictions[name] = texts.compact(row["prediction"])
            continue
        problems.append(Problem(what, path, line, do=do))
    if not first and not problems:
        problems = [Problem("has no rows", path, do="Add predictions, or remove the file")]
    return predictions, problems


def checker(
    labels: Sequence[str], schema: Mapping[str, Any] | None, between: str | None = None
) -> Callable[[str], str]:
    """A function that says what is wrong with an output that should be a label (several, where something stands `between`
    them), or fit the schema; "" for nothing."""
    known, fits = set(map(texts.clean, labels)), _fits(schema) if schema is not None else None

    @functools.cache
    def fault(output: str) -> str:
        for label in sets.read(output, between) if known else ():
            if texts.clean(label) not in known:
                return f"{texts.clipped(label)!r} is none of the {len(known)} labels"
        return fits(output) if fits else ""

    return fault


def _fits(schema: Mapping[str, Any]) -> Callable[[str], str]:
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    validator = validator_for(schema)(schema, registry=Registry())  # empty, so that no reference reaches the network

    def fault(output: str) -> str:
        try:
            worst = best_match(validator.iter_errors(texts.parsed(output)))
        except texts.NotJson as error:
            return f"{texts.clipped(output)!r} {error}"
        return f"is outside the schema: {texts.clipped(worst.message, 120)} (at {worst.json_path})" if worst else ""

    return fault


def _follow_references(schema: Mapping[str, Any]) -> None:
    """Look every reference of a schema up, wherever it stands. Raises where one leads nowhere or out of the schema."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012, specification_with

    dialect = specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    root = dialect.create_resource(schema)
    left = [(root, Registry().resolver_with_root(root))]
    while left:
        part, resolver = left.pop()
        for key in ("$ref", "$dynamicRef"):
            if isinstance(part.contents, Mapping) and isinstance(part.contents.get(key), str):
                resolver.lookup(part.contents[key])
        left += [(inner, resolver.in_subresource(inner)) for inner in part.subresources()]
