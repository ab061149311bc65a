"""Turns of a conversation to token ids: training and predicting render through the one function here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trainers.models import LanguageModel

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation. `shared` marks what every request of a system has in common."""

    role: Literal["system", "user", "assistant"]
    text: str
    shared: bool = False


@dataclass(frozen=True)
class Row:
    """Token ids of one request: `shared` with other requests (computed once), its `own`, and the wanted `target`."""

    shared: Ids
    own: Ids
    target: Ids = ()

    @property
    def tokens(self) -> int:
        """All tokens of the row."""
        return len(self.shared) + len(self.own) + len(self.target)


def render(lm: LanguageModel, turns: Sequence[Turn]) -> Row:
    """Render through the model's chat template. A last turn by the assistant becomes the target, with its end token."""
    asked, answer = (turns[:-1], turns[-1]) if turns[-1].role == "assistant" else (turns, None)
    prompt = template(lm, asked, prompt=True)
    shared = template(lm, [turn for turn in asked if turn.shared], prompt=False)
    if not prompt.startswith(shared):  # templates that move or merge turns share nothing
        shared = ""
    target = "" if answer is None else _answer(lm, prompt, [*asked, answer])
    return Row(*(_ids(lm, text) for text in (shared, prompt[len(shared) :], target)))


def _answer(lm: LanguageModel, prompt: str, turns: Sequence[Turn]) -> str:
    whole = template(lm, turns, prompt=False)
    text = whole[len(prompt) :].rstrip() if whole.startswith(prompt) else turns[-1].text
    return text if text.endswith(lm.tokenizer.eos_token) else text + lm.tokenizer.eos_token


def template(lm: LanguageModel, turns: Sequence[Turn], *, prompt: bool) -> str:
    """The text of a conversation by the model's chat template; with `prompt`, up to where its answer begins."""
    if not turns:
        return ""
    messages = [{"role": turn.role, "content": _harmless(lm, turn.text)} for turn in turns]
    return str(lm.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))


def _harmless(lm: LanguageModel, text: str) -> str:
    """The text, with a zero-width space in whatever the tokenizer would take for a control token such as <|im_end|>."""
    for token in lm.tokenizer.added_tokens_decoder.values():
        if token.special and token.content in text:
            text = text.replace(token.content, f"{token.content[0]}\u200b{token.content[1:]}")
    return text


def _ids(lm: LanguageModel, text: str) -> Ids:
    return tuple(lm.tokenizer(text, add_special_tokens=False).input_ids) if text else ()
