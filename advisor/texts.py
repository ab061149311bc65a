"""Text as it is read and compared: bytes to text, text to JSON or YAML values with what is wrong said by line and column,
and when two texts are the same. Knows nothing of tasks."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from advisor.errors import Problem
from retrieval.words import joined, terms
from retrieval.words import spaced as spaced  # scores ask only here
from retrieval.words import written as written
from retrieval.writing import clean as clean
from retrieval.writing import compared as compared
from retrieval.writing import plain as plain

Lines = Mapping[tuple[str, ...], int]  # the line of each key of a YAML file, by its path: ("answers", "facts_change")


def read_text(path: Path) -> tuple[str, list[Problem]]:
    """The text of a UTF-8 file; lines in another encoding are named and come back empty. Never raises."""
    try:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "is not there"
            return "", [Problem(what, path, do="Give the name of a file")]
        return decoded(path.read_bytes(), path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return "", [Problem(f"can't be read: {reason}", path, do="Check the name, and that you may read the file")]


def decoded(raw: bytes, where: str | Path) -> tuple[str, list[Problem]]:
    """Bytes as text with `\\n` line ends and no byte order mark; lines in another encoding come back empty."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw:
        line = raw[: max(0, raw.find(b"\0"))].count(b"\n") + 1
        do = "Save it as UTF-8 text, such as with: iconv -f UTF-16 -t UTF-8"
        return "", [Problem("is not UTF-8 but UTF-16 or not text at all: it holds zero bytes", where, line, do=do)]
    text = re.sub(r"\r\n?", "\n", raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
    bad = list(re.finditer("[\udc80-\udcff][^\n]*", text))
    if not bad:
        return text, []
    problems, lines = [], text.split("\n")
    for match in bad:
        start = text.rfind("\n", 0, match.start()) + 1
        number, offset = text.count("\n", 0, start) + 1, len(text[: match.start()].encode("utf-8", "surrogateescape"))
        what = f"is not UTF-8: byte 0x{ord(match[0][0]) - 0xDC00:02x} in column {match.start() - start + 1}"
        do = "Save the file as UTF-8, such as with: iconv -f WINDOWS-1252 -t UTF-8"
        problems.append(Problem(f"{what} (offset {offset:,} in the file)", where, number, do=do))
        lines[number - 1] = ""
    return "\n".join(lines), problems


class NotJson(ValueError):
    """Why a text is no JSON, in which `line` of it, with a hint where there is one."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def parsed(text: str) -> Any:
    """The JSON value of a text. Raises NotJson."""
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        reason = f"{error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
        raise NotJson(f"is not valid JSON: {reason}{_hint(text)}", error.lineno) from None
    except UnicodeEncodeError:
        raise NotJson("is not valid JSON: half of a \\u surrogate pair stands for no character") from None
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except ValueError as error:  # not a number, a key twice, a number with too many digits
        raise NotJson(f"is not valid JSON: {error}") from None
    return value


def json_lines(
    text: str, where: str | Path, problems: list[Problem], *, plain: bool = False
) -> Iterator[tuple[int, Any]]:
    """The objects of JSON Lines (`plain`: and strings) with their line; what is wrong is appended to `problems`."""
    if text.lstrip().startswith("["):
        try:
            items = parsed(text)
        except NotJson:
            items = []
        if items and ("\n" in text.strip() or isinstance(items[0], dict)):
            do = "Write one row a line, such as with: jq -c '.[]' rows.json > rows.jsonl"
            problems.append(Problem("is one JSON array, not JSON Lines", where, 1, do=do))
            return
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            value = parsed(row)
        except NotJson as error:
            problems.append(Problem(str(error), where, line, do="Write one whole JSON object a line"))
            continue
        if isinstance(value, dict) or (plain and isinstance(value, str)):
            yield line, value
        else:
            do = 'Write an object such as {"input": "...", "output": "..."}'
            problems.append(Problem(f"is {kind(value)}, not an object", where, line, do=do))


def keyed(text: str, path: Path, problems: list[Problem]) -> tuple[dict[str, Any], Lines]:
    """The top-level mapping of a YAML text and the lines of its keys; both empty where there is none. Never raises."""
    lines: dict[tuple[str, ...], int] = {}
    line: int | None = None
    do = "Put odd values in quotes"
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        value = loader.construct_document(node) if node else None
        if isinstance(value, dict):
            _place(loader, node, (), lines, path, problems)
            return {_name(key): item for key, item in value.items()}, lines
        what = "is empty" if value is None else f"is {kind(value)}, not keys with values"
        line, do = 1, "Write one `key: value` a line"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at column {mark.column + 1}" if mark else ""
        what, line = f"is not valid YAML: {error.problem or error.context}{place}", mark.line + 1 if mark else None
        do = "Check indentation and quotes: text with ': ' or ' #' in it goes in quotes"
    except yaml.reader.ReaderError as error:
        line, do = text.count("\n", 0, error.position) + 1, "Remove it"
        what = f"holds a control character (number {ord(text[error.position])})"
    except Exception as error:
        what = f"can't be read as YAML: {str(error) or type(error).__name__}"
    problems.append(Problem(what, path, line, do=do))
    return {}, {}


def normalised(text: str) -> str:
    """The clean text in lower case, its white space collapsed: what "equal" means everywhere in this project."""
    return " ".join(clean(text).lower().split())


def words(text: str) -> list[str]:
    """The words as SQuAD's scorer compares them: in lower case, no punctuation, no articles ("don't" is "dont").

    It differs where that script makes one of what is not the same, or compares nothing:
    - "3.5" is not "35", "-5" not "5", "1.10" not "110" and "C++" not "C": what tells them apart is kept;
    - punctuation separates: "well-known" is two words, as "well known" is, not "wellknown";
    - text of articles alone keeps them (the answer "A"), of punctuation alone stays as it is;
    - words are Unicode's (`retrieval.words`): one form for each letter, punctuation of every script; a sign such as "€" or
      "°" is a word; each Chinese or Japanese character is one (as in MLQA), and each Thai cluster.
    """
    words = joined(text)
    return [word for word in words if word not in ("a", "an", "the")] or words or compared(text).split()


def clipped(text: str, length: int = 60) -> str:
    """The beginning of a text, for a message."""
    return text if len(text) <= length else text[:length] + "…"


def compact(value: object) -> str:
    """A wanted output as text: a string as it is, everything else as JSON without spaces, keys in the order given."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def structured(value: object) -> Any:
    """The object or list that a text is as JSON; any other value as it is."""
    try:
        return parsed(value) if isinstance(value, str) and value.lstrip().startswith(("{", "[")) else value
    except NotJson:
        return value


def kind(value: object) -> str:
    """What a JSON or YAML value is, in a person's words."""
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    if value is None or value == "" or value == []:
        return "null" if value is None else "empty"
    return names.get(type(value), f"a {type(value).__name__}")


def meant(word: str, known: Sequence[str], closeness: float = 0.6) -> str:
    """The nearest of what is known, or "" where nothing is near."""
    near = difflib.get_close_matches(word.lower(), known, 1, closeness)
    return near[0] if near else ""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return value


def _hint(text: str) -> str:
    if re.match(r"\s*\{\s*'", text):
        return " (JSON wants double quotes)"
    if re.search(r",\s*[}\]]", text):
        return " (a comma before a closing bracket?)"
    if re.search(r"\b(True|False|None)\b", text):
        return " (JSON writes true, false, null)"
    return " (cut off, or spread over several lines?)" if text.count("{") > text.count("}") else ""


def _name(key: object) -> str:
    """A key as text, with halves of surrogate pairs as escapes."""
    return str(key).encode("utf-8", "backslashreplace").decode()


def _place(
    loader: yaml.SafeLoader,
    node: Any,
    at: tuple[str, ...],
    lines: dict[tuple[str, ...], int],
    path: Path,
    problems: list[Problem],
) -> None:
    """Notes the line of each key of a mapping and of the mappings in it; reports keys that stand there twice."""
    for key, item in node.value:
        place, line = (*at, _name(loader.construct_object(key))), key.start_mark.line + 1
        if place in lines:
            what = f"stands here again, after line {lines[place]}"
            problems.append(Problem(what, path, line, ".".join(place), "Keep one of the two"))
        lines[place] = line
        if isinstance(item, yaml.MappingNode) and not at:
            _place(loader, item, place, lines, path, problems)


def subjects(text: str) -> set[str]:
    """The stems of the words that a text is about, without stop words."""
    return set(terms(text))
