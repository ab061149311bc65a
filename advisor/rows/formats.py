"""A row of any format to an example; which key means what is known in `names`. Knows no files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor import texts
from advisor.rows import conversations
from advisor.rows.conversations import Message, Notes
from advisor.rows.names import Keys, Names
from advisor.task import Example
from trainers.rendering import Turn

Row = Mapping[str, Any]
EMPTY: tuple[object, ...] = (None, "", [], {})
ALTERNATIVES = ("answer", "answers", "ideal")  # keys whose lists hold outputs that are all right
NO_ANSWER = "Write the wanted output, or remove the row; if there is none to give, set abstain in task.yaml"


@dataclass(frozen=True)
class Record:
    """A row as its file holds it: the `line` where it begins, its `values` by key, and all `names` that there are for them,
    those of empty cells too."""

    line: int
    values: Row
    names: Names


def flat(row: Row) -> Row:
    """The row; of OpenAI's preference rows, whose `input` is an object with the messages, that object's keys beside."""
    inner = row.get("input")
    if not isinstance(inner, dict) or "messages" not in inner or set(inner) & set(row):
        return row
    return {**{key: value for key, value in row.items() if key != "input"}, **inner}


def questions(value: object) -> list[Any]:
    """The questions of one of SQuAD's articles (`paragraphs`, `qas`) as flat rows; anything else alone, as it is."""
    paragraphs = value.get("paragraphs") if isinstance(value, dict) else None
    inside = (
        [part.get("qas") if isinstance(part, dict) else None for part in paragraphs or ()]
        if isinstance(paragraphs, list)
        else []
    )
    if not isinstance(value, dict) or not inside or not all(isinstance(questions, list) for questions in inside):
        return [value]
    around = {key: inner for key, inner in value.items() if key != "paragraphs"}
    return [
        around | {key: inner for key, inner in paragraph.items() if key != "qas"} | question
        if isinstance(question, dict)
        else question
        for paragraph in value["paragraphs"]
        for question in paragraph["qas"]
    ]


def example(row: Row, keys: Keys, notes: Notes, *, wanted: bool = True, unanswered: str = "") -> Example:
    """The example that a row holds; where `notes` then say that something is wrong, it is not to be used.

    wanted: an output has to be there. unanswered: what is wanted where a row says that there is no answer.
    """
    if unanswered and keys.output and row.get(keys.output) is None:
        row = {**row, keys.output: ""}
    accepted: list[Any] = []
    said = _conversation(row, keys, notes, accepted, wanted)
    before, target = _target(said, notes, wanted, unanswered) if said else ([], "")
    turns = _opened(row, keys, conversations.turns(before), notes)
    accepted += _list(row, keys.accepted, notes)
    if not wanted:
        notes.used |= {keys.output, keys.preferred, keys.verdict, keys.impossible} - {""}
    made = Example(
        id=_id(row, keys, notes),
        input=turns[-1].text if turns else "",
        output=target,
        accepted=tuple(map(texts.compact, accepted)) if wanted else (),
        gold=tuple(str(value) for value in _list(row, keys.gold, notes, str | int)),
        turns=tuple(turns[:-1]),
    )
    notes.unused += [repr(key) for key, value in row.items() if key not in notes.used and value not in EMPTY]
    return made


def _take(row: Row, key: str, notes: Notes) -> Any:
    """The value of a key, which counts as used; None where there is none, or no key ("")."""
    if not key:
        return None
    notes.used.add(key)
    return row.get(key)


def _opened(row: Row, keys: Keys, turns: Sequence[Turn], notes: Notes) -> list[Turn]:
    """The turns with the system turns that a row has beside them: what the assistant is, and the tools that it may call."""
    system = _take(row, keys.system, notes)
    if system is not None and not isinstance(system, str):
        notes.say(keys.system, f"is {texts.kind(system)}, not text", "Put it in double quotes")
        return []
    one_at_a_time = _is(row, keys.parallel, notes) is False
    tools = [
        turn for key in keys.tools for turn in conversations.offered(key, _take(row, key, notes), one_at_a_time, notes)
    ]
    first = next((at for at, turn in enumerate(turns) if turn.role != "system"), len(turns))
    opening = [Turn("system", system)] if system else []
    return [*opening, *turns[:first], *tools, *turns[first:]]


def _conversation(row: Row, keys: Keys, notes: Notes, accepted: list[Any], wanted: bool) -> list[Message]:
    """What is asked and, where it is `wanted`, the answer; [] once something is wrong. Other answers: `accepted`."""
    better = _preferred(row, keys, notes) if wanted else []
    if any(one.role == "user" and not one.result for one in better):  # the whole of the preferred conversation
        notes.used |= {*keys.asked, keys.messages} - {""}
        return better
    if keys.messages and row.get(keys.messages) is not None:
        asked = conversations.messages(keys.messages, texts.structured(_take(row, keys.messages, notes)), notes)
        answered = not keys.output or any(one.role == "assistant" for one in asked)
    else:
        asked, answered = [*_history(row, keys, notes), *_asked(row, keys, notes)], False
    if wanted and not better and not answered:
        better = _output(row, keys, notes, accepted)
    return [] if notes.wrong else [*asked, *better]


def _preferred(row: Row, keys: Keys, notes: Notes) -> list[Message]:
    """The better one of two outputs, [] where there are no two: text, a message, or a list of messages."""
    value = _take(row, keys.preferred, notes)
    inner = texts.structured(value)
    inner = [inner] if isinstance(inner, dict) else inner
    if isinstance(value, str) and not (isinstance(inner, list) and conversations.are_messages(inner)):
        return [Message("assistant", value)]
    return [] if value is None else conversations.messages(keys.preferred, inner, notes)


def _history(row: Row, keys: Keys, notes: Notes) -> list[Message]:
    """Earlier turns: Alpaca's pairs of what was asked and answered, or messages."""
    value = texts.structured(_take(row, keys.history, notes))
    if value in EMPTY:
        return []
    if isinstance(value, list) and conversations.are_messages(value):
        return conversations.messages(keys.history, value, notes)
    pairs = value if isinstance(value, list) else [value]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs) or not all(
        isinstance(text, str | None) for pair in pairs for text in pair
    ):
        notes.say(keys.history, "is not a list of pairs", 'Write [["what was asked", "what was answered"], ...]')
        return []
    said = [(Message("user", asked or ""), Message("assistant", answer or "")) for asked, answer in pairs]
    return [message for pair in said for message in pair if message.text]


def _asked(row: Row, keys: Keys, notes: Notes) -> list[Message]:
    """What is asked: instruction, input and context as one turn, or the messages of a prompt."""
    if not keys.asked:
        return _missing(row, "input", notes)
    values = {key: _take(row, key, notes) for key in keys.asked}
    parts = {key: value for key, value in values.items() if value not in (None, "")}
    if not parts and None in values.values():
        return _missing(row, keys.asked[0], notes)
    if len(parts) == 1:
        ((key, value),) = parts.items()
        if isinstance(value, list) and conversations.are_messages(value):
            return conversations.messages(key, value, notes)
    for key, value in parts.items():
        if not isinstance(value, str):
            do = "Put it in double quotes" if isinstance(value, int | float) else "Give text, or a list of messages"
            notes.say(key, f"is {texts.kind(value)}, not text", do)
    return [] if notes.wrong else [Message("user", "\n\n".join(parts.values()))]


def _output(row: Row, keys: Keys, notes: Notes, accepted: list[Any]) -> list[Message]:
    """What is wanted, "" where the row says that there is no answer; other right outputs go to `accepted`."""
    value, key = _take(row, keys.output, notes), keys.output
    if _is(row, keys.verdict, notes) is False:
        do = "Remove such rows: they teach what is wrong"
        notes.say(keys.verdict, "says that the output is not a wanted one", do)
    if _is(row, keys.impossible, notes):
        return [Message("assistant", "")]
    if key.lower() in ALTERNATIVES:
        value, *others = _alternatives(key, value, notes) or [""]
        accepted += others
    elif key.lower() == "completion" and isinstance(value, list):
        return conversations.messages(key, value, notes)
    if not key or value is None:
        return _missing(row, key or ("completion" if "prompt" in keys.asked else "output"), notes)
    return [Message("assistant", texts.compact(value))]


def _is(row: Row, key: str, notes: Notes) -> bool | None:
    """Whether a row says yes or no; None where it says neither."""
    said = {"true": True, "false": False}.get(str(row.get(key)).lower())
    return None if said is None or not key else bool(_take(row, key, notes)) and said


def _alternatives(key: str, value: object, notes: Notes) -> list[Any]:
    """Outputs that are all right: the texts of a list, or of SQuAD's objects with `text`; anything else alone."""
    plural = key.lower() == "answers"
    inner = texts.structured(value) if plural else value
    if plural and isinstance(inner, str) and re.match(r"\s*[\[{]\s*'", inner):
        notes.say(key, "is an object as Python prints it, not JSON", "Export the data as JSON Lines or Parquet")
    items = inner if isinstance(inner, list) else [inner]
    objects = [item for item in items if plural and isinstance(item, dict) and "text" in item]
    if len(objects) + sum(isinstance(item, str) for item in items) < len(items):
        return [value]
    made: list[Any] = []
    for item in items:
        said = item["text"] if isinstance(item, dict) else item
        made += said if isinstance(said, list) else [said]
    notes.unused += sorted(
        {repr(f"{key}.{name}") for one in objects for name in one if name != "text" and one[name] not in EMPTY}
    )
    return list(dict.fromkeys(texts.compact(one) for one in made if one is not None))


def _missing(row: Row, field: str, notes: Notes) -> list[Message]:
    near = next((key for key in row if key not in notes.used and texts.meant(key, [field])), None)
    keys = f" (its keys: {', '.join(map(repr, row))})" if row and field not in row else ""
    do = f"Rename {near!r} to {field!r}" if near else f'Add "{field}": "...", or remove the row'
    notes.say(field, "is null" if field in row else f"is missing{keys}", do)
    return []


def _target(said: Sequence[Message], notes: Notes, wanted: bool, unanswered: str) -> tuple[Sequence[Message], str]:
    """The messages up to the last that is asked, and the last that is to be learned, which answers it."""
    learned = [at for at, one in enumerate(said) if one.role == "assistant" and (one.learned or not wanted)]
    if wanted and not learned:
        kind = (
            "assistant turn to learn (their weight is 0)"
            if any(one.role == "assistant" for one in said)
            else "assistant turn"
        )
        notes.say("", f"has no {kind}, which would be the wanted output", "End it with an assistant turn")
        return [], ""
    last = learned[-1] if learned and (wanted or learned[-1] == len(said) - 1) else len(said)
    before, answer = said[:last], said[last] if wanted else Message("assistant", "")
    if wanted and last < len(said) - 1:
        notes.unused.append("turns after the one to learn")
    if answer.calls and answer.text.strip():
        notes.unused.append("text beside the call of a tool")
    target = answer.called or answer.text
    if not before or before[-1].role != "user":
        notes.say("", "has no user turn right before its end", "Let a user turn come before the assistant's last turn")
    elif not before[-1].text.strip():
        notes.say("input", "is empty", "Write the input, or remove the row")
    if wanted and not target.strip():
        target = unanswered
        if not target:
            notes.say("output", "is empty", NO_ANSWER)
    return before, target


def _id(row: Row, keys: Keys, notes: Notes) -> str:
    value = _take(row, keys.id, notes)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        notes.say(keys.id, f"is {texts.kind(value)}", "Give a text or a whole number, or leave id out")
    return str(value)


def _list(row: Row, key: str, notes: Notes, kinds: Any = object) -> list[Any]:
    value = _take(row, key, notes)
    if value is None:
        return []
    if not isinstance(value, list):
        notes.say(key, f"is {texts.kind(value)}, not a list", 'Write a list such as ["..."]')
    elif any(item is None or item == "" or not isinstance(item, kinds) for item in value):
        notes.say(key, "holds something that is empty or not text", 'Write a list such as ["..."]')
    else:
        return value
    return []
