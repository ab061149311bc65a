"""Messages of a conversation, as OpenAI's chat rows and ShareGPT write them, to turns. Knows no rows.

What may stand in a message is from OpenAI's reference (`FineTuneChatRequestInput`, chat messages) and, for `from` and `value`,
from LLaMA-Factory's data/README.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from advisor import texts
from trainers.rendering import Turn

Role = Literal["system", "user", "assistant"]
ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant", "function_call": "assistant",
    "tool": "user", "function": "user", "observation": "user",
}  # fmt: skip
RESULTS = ("tool", "function", "observation")  # roles whose text is what a tool gave back
OFFERED = "You can call these tools:"  # a system turn that begins so lists tools
KNOWN = ("role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id")


@dataclass
class Notes:
    """What there is to say of one row: what is `wrong` (field, what, what to do), and what of it is `unused`; while it is
    read, the keys that were `used`."""

    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def say(self, field: str, what: str, do: str) -> None:
        """Note that something is wrong."""
        self.wrong.append((field, what, do))


@dataclass(frozen=True)
class Message:
    """A message: its text, the calls of tools in it, whether it `result`s from one, and whether it is to be learned."""

    role: Role
    text: str
    calls: tuple[Any, ...] = ()
    result: bool = False
    learned: bool = True

    @property
    def called(self) -> str:
        """Its calls as JSON: {"name", "arguments"}, or a list of those; "" where there are none."""
        return texts.compact(self.calls[0] if len(self.calls) == 1 else list(self.calls)) if self.calls else ""


def are_messages(value: Sequence[object]) -> bool:
    """Whether the items of a list are messages by their keys."""
    return bool(value) and all(isinstance(item, dict) and {"role", "from"} & set(item) for item in value)


def messages(field: str, value: object, notes: Notes) -> list[Message]:
    """The messages of a list, [] once something is wrong with it."""
    if not isinstance(value, list) or not value:
        keys = '"from": "human", "value"' if field.startswith("conv") else '"role": "user", "content"'
        notes.say(
            field, f"is {texts.kind(value)}, not a list of turns", f'Write a list such as [{{{keys}: "..."}}, ...]'
        )
        return []
    before = len(notes.wrong)
    items = [item if isinstance(item, dict) else {} for item in value]
    called = dict(_names_of_calls(items))
    people = _people(items)
    read = [_message(f"{field}[{at}]", item, called, people, notes) for at, item in enumerate(items)]
    notes.unused += sorted({repr(f"{field}[].{key}") for item in items for key in _beyond(item, people)})
    return [one for one in read if one] if len(notes.wrong) == before else []


def turns(said: Sequence[Message]) -> list[Turn]:
    """The messages as turns: a call is a turn of the assistant, results that follow each other are one of the user."""
    made: list[Turn] = []
    for at, one in enumerate(said):
        text = "\n\n".join(filter(None, (one.text, one.called)))
        if one.result and at and said[at - 1].result:
            made[-1] = replace(made[-1], text=f"{made[-1].text}\n{text}")
        else:
            made.append(Turn(one.role, text))
    return made


def offered(field: str, value: object, one_at_a_time: bool, notes: Notes) -> list[Turn]:
    """The system turn that lists the tools that a row offers; [] where it offers none."""
    value = texts.structured(value)
    if not value:
        return []
    tools = value if isinstance(value, list) else [value]
    odd = [tool for tool in tools if not isinstance(tool, dict | str)]
    if odd:
        notes.say(field, f"holds {texts.kind(odd[0])}, not the description of a tool", "Write a list of objects")
    lines = [texts.compact(_described(tool)) for tool in tools]
    last = ["Call one at a time."] if one_at_a_time else []
    return [Turn("system", "\n".join([OFFERED, *lines, *last]))]


def _described(tool: Any) -> Any:
    """A tool without the wrapping that says only that it is a function."""
    wrapped = isinstance(tool, dict) and tool.get("type") == "function" and set(tool) == {"type", "function"}
    return tool["function"] if wrapped else tool


def _message(
    field: str, item: Mapping[str, Any], called: Mapping[str, str], people: frozenset[str], notes: Notes
) -> Message | None:
    """One message; None once something is wrong with it."""
    role_key, text_key = ("from", "value") if {"from", "value"} & set(item) else ("role", "content")
    role = item.get(role_key)
    if not isinstance(role, str) or role.lower() not in ROLES:
        what = f"has no {role_key}" if role is None else f"has the unknown {role_key} {role!r}"
        notes.say(field, what, "Use system, user, assistant or tool")
        return None
    role, calls = role.lower(), tuple(_calls(field, item, notes))
    text = _text(field, item.get(text_key), role in RESULTS, notes)
    if text is None and isinstance(item.get("refusal"), str):
        text = item["refusal"]
    if text is None and (not calls or item.get(text_key) is not None):
        if not notes.wrong or notes.wrong[-1][0] != field:
            notes.say(field, f"has no text as {text_key}", "Give every turn its text")
        return None
    text, name = text or "", item["name"] if isinstance(item.get("name"), str) else ""
    if role in RESULTS:
        name = name or called.get(str(item.get("tool_call_id")), "")
        text = f"Result of {name}: {text}" if name else f"Result: {text}"
    elif name in people and ROLES[role] == "user":
        text = f"{name}: {text}"
    return Message(ROLES[role], text, calls, role in RESULTS, item.get("weight") not in (0, False))


def _text(field: str, value: object, result: bool, notes: Notes) -> str | None:
    """The text of a content: a string, or the texts of its parts; what a tool gave back may be any JSON."""
    if not isinstance(value, list):
        return texts.compact(value) if result and value is not None else value if isinstance(value, str) else None
    parts = [part if isinstance(part, dict) else {"text": part} for part in value]
    said = [part.get("text", part.get("refusal")) for part in parts]
    if all(isinstance(text, str) for text in said):
        return "".join(map(str, said))
    if result:
        return texts.compact(value)
    odd = next(part for part, text in zip(parts, said, strict=True) if not isinstance(text, str))
    kind = f"a part of the type {odd['type']!r}" if isinstance(odd.get("type"), str) else "a part"
    notes.say(field, f"holds {kind} that is not text", "Only text is read: write it as text, or remove the row")
    return None


def _calls(field: str, item: Mapping[str, Any], notes: Notes) -> Iterator[dict[str, Any]]:
    """The calls of tools in a message, as their names and arguments."""
    given = item.get("tool_calls") or []
    if item.get("function_call"):
        given = [*given, {"function": item["function_call"]}] if isinstance(given, list) else given
    for call in given if isinstance(given, list) else [given]:
        inner = _called(call)
        if not isinstance(inner.get("name"), str):
            do = 'Write {"type": "function", "function": {"name": "...", "arguments": "..."}}'
            notes.say(field, "has a call of a tool without a name", do)
            continue
        arguments = inner.get("arguments", inner.get("input", {}))
        yield {"name": inner["name"], "arguments": texts.structured(arguments)}


def _called(call: object) -> Mapping[str, Any]:
    """The function or custom tool that a call names, {} where it names none."""
    inner = call.get("function", call.get("custom", call)) if isinstance(call, dict) else None
    return inner if isinstance(inner, dict) else {}


def _names_of_calls(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """For each call in the messages its id and the name of what it calls."""
    for item in items:
        calls = item.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict) and isinstance(_called(call).get("name"), str):
                yield str(call.get("id")), _called(call)["name"]


def _people(items: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The names of users where there are several: what `name` is there for."""
    asking = [item for item in items if str(item.get("role")).lower() == "user"]
    named = {item["name"] for item in asking if isinstance(item.get("name"), str)}
    return frozenset(named) if len(named) > 1 else frozenset()


def _beyond(item: Mapping[str, Any], people: frozenset[str]) -> Iterator[str]:
    """The keys of a message, of its parts and of its calls, that have a value and are not read."""
    role = str(item.get("role", item.get("from"))).lower()
    text = item.get("content", item.get("value"))
    used = {
        **dict.fromkeys(KNOWN, True),
        "weight": isinstance(item.get("weight"), int | float),
        "refusal": not isinstance(text, str),
        "name": isinstance(item.get("name"), str) and (role in RESULTS or item["name"] in people),
    }
    yield from (key for key, value in item.items() if value not in (None, "", [], {}) and not used.get(key))
    for part in text if isinstance(text, list) and role not in RESULTS else ():
        keys = set(part) - {"type", "text", "refusal"} if isinstance(part, dict) else ()
        yield from (f"content[].{key}" for key in keys if part[key] is not None)
    calls = item.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        whole = {**call, **_called(call)} if isinstance(call, dict) else {}
        keys = set(whole) - {"id", "type", "function", "custom", "name", "arguments", "input"}
        yield from (f"tool_calls[].{key}" for key in keys if whole[key] is not None)
