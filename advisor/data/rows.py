"""Files of rows (JSON Lines, CSV) to examples; the format of each row is recognised by its keys. Knows no task."""

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from advisor import texts
from advisor.errors import Problem
from advisor.task import Example
from trainers.rendering import Turn

JSON_FILES, CSV_FILES = (".jsonl", ".ndjson", ".json"), (".csv", ".tsv")
KEYS = ("id", "input", "output", "accepted", "gold", "messages", "conversations", "prompt", "completion", "instruction")
COLUMNS = {  # of a CSV, the likelier name first; two columns of other names are taken in order
    "input": ("input", "question", "prompt", "text", "query", "instruction", "message", "sentence", "source"),
    "output": ("output", "answer", "completion", "label", "response", "target", "category", "intent"),
}
Role = Literal["system", "user", "assistant"]
ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant",
}  # fmt: skip

Report = Callable[[str, str, str], None]  # field, what is wrong with it, what to do
Row = Mapping[str, Any]


def read_rows(path: Path, name: str, *, numbered: bool = True) -> tuple[list[Example], list[Problem]]:
    """The examples of a file and everything that is wrong in it; never raises.

    `name` goes into `Example.file`, the line where the row begins into `Example.row`. Rows without an id get their line
    as id, or "" unless `numbered`.
    """
    if path.suffix.lower() not in JSON_FILES + CSV_FILES:
        kind = path.suffix or "nothing"
        do = f"Save the rows as {path.stem}.jsonl (one JSON object a line) or {path.stem}.csv"
        return [], [Problem(f"files that end in {kind} are not supported yet", path, do=do)]
    text, problems = texts.read_text(path)
    if path.suffix.lower() in CSV_FILES:
        values = [] if problems else list(_csv(text, path, problems))
    else:
        values = list(texts.json_lines(text, path, problems))
    examples = []
    for line, value in values:
        before = len(problems)
        example = _example(value, _reporter(problems, path, line))
        if len(problems) == before:
            examples.append(replace(example, id=example.id or (str(line) if numbered else ""), row=line, file=name))
    return examples, sorted(problems, key=lambda problem: problem.line or 0)


def read_inputs(raw: bytes, name: str = "standard input") -> tuple[list[Example], list[Problem]]:
    """Inputs to predict for, as JSON Lines: plain strings, or objects as in a rows file (outputs are not needed)."""
    text, problems = texts.decoded(raw, name)
    examples = []
    for line, value in texts.json_lines(text, name, problems, plain=True):
        before = len(problems)
        row = {"input": value} if isinstance(value, str) else value
        example = _example(row, _reporter(problems, name, line), wanted=False)
        if len(problems) == before:
            examples.append(replace(example, id=example.id or str(line), row=line, file=name))
    return examples, problems


def _reporter(problems: list[Problem], where: str | Path, line: int) -> Report:
    return lambda field, what, do: problems.append(Problem(what, where, line, field, do))


def _csv(text: str, path: Path, problems: list[Problem]) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV with a header, as if they were JSON; empty cells count as missing."""
    header, delimiter = _header(text.lstrip("\n").split("\n", 1)[0])
    names = _named(header)
    if not names:
        what = f"has the columns {', '.join(header)}; which are input and output?" if text.strip() else "is empty"
        problems.append(Problem(what, path, 1, do='Name two columns "input" and "output" in the first line'))
        return
    csv.field_size_limit(sys.maxsize)  # the library's own limit, 128 KiB, would refuse long inputs
    reader, end = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), 0
    try:
        next(cells for cells in reader if cells)
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if len(cells) == len(names):
                yield line, _cells(dict(zip(names, cells, strict=True)))
            elif cells:
                what = f"has {len(cells)} cells, the header has {len(names)}"
                do = f"Put cells that hold a {delimiter!r} or a line break in double quotes"
                problems.append(Problem(what, path, line, do=do))
    except csv.Error as error:
        do = "Close every double quote, and double those inside a quoted cell"
        problems.append(Problem(f"is not valid CSV: {error}", path, end + 1, do=do))


def _header(line: str) -> tuple[list[str], str]:
    """The column names and the delimiter that gives the most of them."""
    choices = []
    for delimiter in ",;\t":
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
        choices.append((names, delimiter))
    return max(choices, key=lambda choice: (len(_named(choice[0])) > 0, len(choice[0])))


def _named(header: Sequence[str]) -> list[str]:
    """The header in this project's words, or [] if input and output are not among them."""
    names = [name.lower() for name in header]
    for wanted, known in COLUMNS.items():
        likeliest = next((name for name in known if name in names), None)
        if likeliest and wanted not in names:
            names[names.index(likeliest)] = wanted
    if "input" not in names and "output" not in names and len(names) == 2:
        return ["input", "output"]
    if len(names) == 2 and len({"input", "output"} & set(names)) == 1:
        names = [name if name in ("input", "output") else ({"input", "output"} - set(names)).pop() for name in names]
    return names if names.count("input") == 1 == names.count("output") else []


def _cells(row: dict[str, str]) -> Row:
    kept: dict[str, Any] = {name: row[name] for name in ("id", "input", "output") if row.get(name)}
    for name in ("accepted", "gold"):
        if row.get(name):
            try:
                kept[name] = texts.parsed(row[name]) if row[name].lstrip().startswith("[") else [row[name]]
            except texts.NotJson:
                kept[name] = [row[name]]
    return kept


def _example(row: Row, report: Report, wanted: bool = True) -> Example:
    """The example that a row holds; what is wrong goes to `report`, and then the example is not to be used."""
    if "messages" in row:
        turns = _turns("messages", row["messages"], report, "role", "content")
    elif "conversations" in row:
        turns = _turns("conversations", row["conversations"], report, "from", "value")
    elif "input" not in row and "output" not in row and ("prompt" in row or "completion" in row):
        turns = _both(_said(row, "prompt", report), _said(row, "completion", report) if wanted else None)
    else:
        turns = _both(_asked(row, report), _said(row, "output", report) if wanted else None)
    if turns and isinstance(row.get("system"), str):
        turns.insert(0, Turn("system", row["system"]))
    before, target = _target(turns, report, wanted) if turns else ([], "")
    return Example(
        id=_id(row, report),
        input=before[-1].text if before else "",
        output=target,
        accepted=tuple(texts.compact(value) for value in _list(row, "accepted", report)) if wanted else (),
        gold=tuple(str(value) for value in _list(row, "gold", report)),
        turns=tuple(before[:-1]),
    )


def _both(asked: list[Turn], answered: list[Turn] | None) -> list[Turn]:
    return asked if answered is None else asked + answered if asked and answered else []


def _asked(row: Row, report: Report) -> list[Turn]:
    """The turn of `input`, or of Alpaca's `instruction` and `input`; [] once something is reported."""
    parts = [row[name] for name in ("instruction", "input") if row.get(name) not in (None, "")]
    if not parts and row.get("input") is None:
        return _missing(row, "input", report)
    wrong = next((part for part in parts if not isinstance(part, str)), None)
    if wrong is not None:
        report("input", f"is {texts.kind(wrong)}, not text", "Put it in double quotes")
        return []
    return [Turn("user", "\n\n".join(parts))]


def _said(row: Row, field: str, report: Report) -> list[Turn]:
    """The turns of `prompt`, `completion` or `output`; [] once something is reported."""
    value = row.get(field)
    if value is None:
        return _missing(row, field, report)
    if isinstance(value, list) and field != "output":
        return _turns(field, value, report, "role", "content")
    if field == "prompt" and not isinstance(value, str):
        report(field, f"is {texts.kind(value)}, not text", "Give text, or a list of messages")
        return []
    return [Turn("user" if field == "prompt" else "assistant", texts.compact(value))]


def _missing(row: Row, field: str, report: Report) -> list[Turn]:
    near = next((key for key in row if key not in KEYS and texts.meant(key, [field])), None)
    keys = f" (its keys: {', '.join(map(repr, row))})" if row and field not in row else ""
    do = f"Rename {near!r} to {field!r}" if near else f'Add "{field}": "...", or remove the row'
    report(field, "is null" if field in row else f"is missing{keys}", do)
    return []


def _turns(field: str, value: object, report: Report, role_key: str, text_key: str) -> list[Turn]:
    """The turns of a conversation; [] once something is reported."""
    if not isinstance(value, list) or not value:
        do = f'Write a list such as [{{"{role_key}": "user", "{text_key}": "..."}}, ...]'
        report(field, f"is {texts.kind(value)}, not a list of turns", do)
        return []
    turns: list[Turn] = []
    for number, item in enumerate(value):
        role, text = (item.get(role_key), item.get(text_key)) if isinstance(item, dict) else (None, None)
        if isinstance(text, list) and all(
            isinstance(part, dict) and isinstance(part.get("text"), str) for part in text
        ):
            text = "".join(part["text"] for part in text)
        if not isinstance(role, str) or role.lower() not in ROLES:
            what = f"has no {role_key}" if role is None else f"has the unknown {role_key} {role!r}"
            report(f"{field}[{number}]", what, "Use system, user or assistant")
        elif not isinstance(text, str):
            report(f"{field}[{number}]", f"has no text as {text_key}", "Give every turn its text")
        else:
            turns.append(Turn(ROLES[role.lower()], text))
    return turns if len(turns) == len(value) else []


def _target(turns: list[Turn], report: Report, wanted: bool) -> tuple[list[Turn], str]:
    """The turns up to the last user turn, and the assistant's last turn, which answers it."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "assistant"), default=-1)
    if wanted and last < 0:
        report("", "has no assistant turn, which would be the wanted output", "End it with an assistant turn")
        return [], ""
    before = turns[:last] if wanted or last == len(turns) - 1 else turns
    target = turns[last].text if wanted else ""
    if not before or before[-1].role != "user":
        report("", "has no user turn right before its end", "Let a user turn come before the assistant's last turn")
    elif not before[-1].text.strip():
        report("input", "is empty", "Write the input, or remove the row")
    if wanted and not target.strip():
        report("output", "is empty", "Write the wanted output, or remove the row")
    return before, target


def _id(row: Row, report: Report) -> str:
    value = row.get("id")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        report("id", f"is {texts.kind(value)}", "Give a text or a whole number, or leave id out")
    return str(value)


def _list(row: Row, field: str, report: Report) -> list[Any]:
    value = row.get(field)
    if value is None:
        return []
    kinds: Any = str | int if field == "gold" else object
    if not isinstance(value, list):
        report(field, f"is {texts.kind(value)}, not a list", 'Write a list such as ["..."]')
    elif any(item is None or item == "" or not isinstance(item, kinds) for item in value):
        report(field, "holds something that is empty or not text", 'Write a list such as ["..."]')
    else:
        return value
    return []
