"""Chat completions as OpenAI-compatible servers read and write them: requests to JSON, JSON to text. Sends nothing."""

import json
from collections.abc import Mapping
from typing import Any

from advisor.models.spending import estimate
from advisor.system import Decoding, Request

LABEL = "label"  # servers constrain objects only, so a label comes as {"label": "..."}


def body(model: str, request: Request) -> dict[str, Any]:
    """The JSON that asks for the answer to a request."""
    decoding = request.decoding
    asked = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.turns],
        "max_tokens": decoding.max_tokens,
        "temperature": 0,
    }
    if decoding.kind == "free":
        return asked
    schema = {"name": "output", "strict": True, "schema": decoding.schema or _one_of(decoding.labels)}
    return {**asked, "response_format": {"type": "json_schema", "json_schema": schema}}


def prompt_tokens(asked: Mapping[str, Any]) -> int:
    """About how many tokens a request's prompt has: its texts, and a few for the template around each."""
    texts = [message["content"] for message in asked["messages"]]
    form = estimate(json.dumps(asked["response_format"])) if "response_format" in asked else 0
    return sum(estimate(text) + 5 for text in texts) + 3 + form


def is_answer(value: Any) -> bool:
    """Whether a server's JSON has the form of an answer."""
    try:
        return isinstance(value["choices"][0]["message"].get("content"), str | None)
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


def text(answer: Any, decoding: Decoding) -> str | None:
    """The text of an answer; of one that was held to labels, the label. None where it holds none (a refusal)."""
    content: str | None = answer["choices"][0]["message"].get("content")
    if content is None:
        return None
    if decoding.kind == "constrained" and decoding.schema is None:
        try:
            return str(json.loads(content)[LABEL])
        except (ValueError, KeyError, TypeError, IndexError):  # cut short, or not held to it: the text is what it is
            pass
    return content.strip()


def told(response: str) -> str:
    """What an error's body says, in one line."""
    try:
        value = json.loads(response)
        value = value.get("error", value) if isinstance(value, dict) else value
        said = value.get("message", value) if isinstance(value, dict) else value
    except ValueError:
        said = response
    return " ".join(str(said).split())


def _one_of(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {LABEL: {"type": "string", "enum": list(labels)}},
        "required": [LABEL],
        "additionalProperties": False,
    }
