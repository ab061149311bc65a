"""Chat completions as OpenAI-compatible servers read and write them: requests to JSON, JSON to text. Sends nothing."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from advisor.models.habits import Part
from advisor.models.spending import estimate
from advisor.system import Decoding, Request
from advisor.thoughts import Parted, part

LABEL = "label"  # servers constrain objects only, so a label comes as {"label": "..."}
LIMITS = ("length", "max_tokens", "model_length", "max_output_tokens")  # what servers call it to end at the limit
THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")  # beside the content


@dataclass(frozen=True)
class Reply:
    """What a server's answer holds: thought and answer (None, and `why`, where there is no text), whether a limit `cut` it,
    and how many tokens it read, wrote and of those thought, as `reported` or estimated."""

    parted: Parted | None
    why: str
    cut: bool
    read: int
    written: int
    thought: int
    reported: bool


def body(model: str, request: Request, room: int = 0, without: Collection[Part] = ()) -> dict[str, Any]:
    """The JSON that asks for the answer to a request, with `room` for so many tokens more than the answer's; `without`
    those of `REFUSABLE` that the server refuses."""
    decoding = request.decoding
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.turns],
        "max_tokens": decoding.max_tokens + room,
        "temperature": 0,
    }
    if decoding.kind != "free":
        schema = {"name": "output", "strict": True, "schema": decoding.schema or _one_of(decoding.labels)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    for what in without:
        asked = REFUSABLE[what][1](asked)
    return asked


def prompt_tokens(asked: Mapping[str, Any]) -> int:
    """About how many tokens a request's prompt has: its texts, and a few for the template around each."""
    texts = [message["content"] for message in asked["messages"]]
    form = estimate(json.dumps(asked["response_format"])) if "response_format" in asked else 0
    return sum(estimate(text) + 5 for text in texts) + 3 + form


def is_answer(value: Any) -> bool:
    """Whether a server's JSON has the form of an answer."""
    try:
        choice = value["choices"][0]
        return (
            isinstance(choice["message"].get("content"), str | list | None) and choice.get("finish_reason") != "error"
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


def reply(answer: Any, prompt: int, most: int) -> Reply:
    """What an answer holds. `prompt`: the estimated tokens of the prompt, for a server that reports none; `most`: those
    that it was asked to write at the most, for one that does not say why it ended."""
    choice = answer["choices"][0]
    message, finish = choice["message"], str(choice.get("finish_reason") or "").lower()
    content = _text(message.get("content"), thoughts=False)
    said = message.get("refusal") if content is None else content  # a refusal is what the model says
    parted = part(said if isinstance(said, str) else "")
    thought = max([parted.thought, *(_text(message.get(name)) or "" for name in THOUGHTS)], key=len)
    thought = max(thought, _text(message.get("content"), thoughts=True) or "", key=len)
    read, written, thinking, reported = _usage(answer.get("usage"), prompt, thought + parted.answer)
    cut = finish in LIMITS or parted.endless or (not finish and reported and written >= most)
    if cut and not parted.answer:  # whether the thought is shown or not
        parted = replace(parted, endless=True)
    thinking = thinking or estimate(thought) or (written if cut and not parted.answer else 0)
    why = ""
    if finish == "content_filter" and not parted.answer:
        why = "the server's content filter kept the answer back"
    elif not isinstance(said, str) and not cut:
        why = "the answer holds a thought and no text" if thought else "the answer holds no text"
    return Reply(None if why else parted, why, cut, read, written, thinking, reported)


def label(text: str, decoding: Decoding) -> str:
    """The label in a text that was held to labels; any other text as it is."""
    if decoding.kind == "constrained" and decoding.schema is None:
        try:
            return str(json.loads(text)[LABEL])
        except (ValueError, KeyError, TypeError, IndexError):  # cut short, or not held to it: the text is what it is
            pass
    return text


def told(response: str) -> str:
    """What an error's body says, in one line."""
    try:
        value = json.loads(response)
        value = value.get("error", value) if isinstance(value, dict) else value
        said = value.get("message", value) if isinstance(value, dict) else value
    except ValueError:
        said = response
    return " ".join(str(said).split())


def wants_stream(said: str) -> bool:
    """Whether a refusal says that the answer comes as a stream only."""
    return re.search(r"\bstream", said, re.IGNORECASE) is not None


def of_template(said: str) -> bool:
    """Whether an error is of the chat template, which no second try mends."""
    return re.search(r"jinja|template", said, re.IGNORECASE) is not None


def refused(said: str, asked: Mapping[str, Any]) -> Part | None:
    """Which of `REFUSABLE` a refusal is about, if the request has it."""
    for what, (pattern, without) in REFUSABLE.items():
        if re.search(pattern, said, re.IGNORECASE) and without(dict(asked)) != asked:
            return what
    return None


def _renamed(asked: dict[str, Any]) -> dict[str, Any]:
    return {"max_completion_tokens" if name == "max_tokens" else name: value for name, value in asked.items()}


def _without_temperature(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "temperature"}


def _without_system(asked: dict[str, Any]) -> dict[str, Any]:
    """The same with what the system turn says at the beginning of the user's."""
    system, *rest = asked["messages"]
    if system["role"] != "system":
        return asked
    texts = [system["content"]]
    if rest and rest[0]["role"] == "user":
        texts.append(rest.pop(0)["content"])
    return {**asked, "messages": [{"role": "user", "content": "\n\n".join(texts)}, *rest]}


# What some servers refuse of a request, by what they say then, and the request without it.
REFUSABLE: Mapping[Part, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "max_tokens": (r"max_completion_tokens", _renamed),  # OpenAI's models that think
    "temperature": (r"temperature", _without_temperature),  # the same, which take none but their own
    "system": (r"system.*\brole|\brole.*system|roles? must alternate|only user", _without_system),  # Gemma, Mistral, o1
}


def _usage(usage: Any, prompt: int, text: str) -> tuple[int, int, int, bool]:
    """Tokens read, written and thought, and whether the server reported them."""
    told = usage if isinstance(usage, dict) else {}
    asked, made, whole = (told.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    details = told.get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, dict) else 0
    thought = thought if isinstance(thought, int) else 0
    if not (isinstance(asked, int) and isinstance(made, int)):
        return prompt, estimate(text), thought, False
    # Some count a thought in the total alone.
    return asked, max(made, whole - asked) if isinstance(whole, int) else made, thought, True


def _text(value: Any, thoughts: bool | None = None) -> str | None:
    """The text in a value: itself, or that of its parts; None where there is none. `thoughts`: only of parts that are
    thoughts, or only of those that are not."""
    if isinstance(value, str):
        return None if thoughts else value
    if isinstance(value, dict):
        kind = str(value.get("type", ""))
        if thoughts is not None and thoughts != ("think" in kind or "reason" in kind):
            return None
        parts = (
            _text(value[name]) for name in ("text", "thinking", "reasoning", "summary", "refusal") if name in value
        )
        return next((one for one in parts if one is not None), None)
    if isinstance(value, list):
        texts = [text for one in value if (text := _text(one, thoughts)) is not None]
        return "".join(texts) if texts else None
    return None


def _one_of(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {LABEL: {"type": "string", "enum": list(labels)}},
        "required": [LABEL],
        "additionalProperties": False,
    }
