"""What of a text is a thought that stands before an answer, in the forms in which models write one. A thought is no answer.

A mark counts where it opens the text. One that stands further inside, as in an answer about such marks, is text. A tag that
only closes, as where the chat template opened the thought, counts where it stands free: not quoted and not inside code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAMES = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|thought_process|reasoning|analysis|reflection|scratchpad)"
# A tag that opens or closes: <think> and its like of most models, [THINK] of Mistral's, ◁think▷ of Kimi's.
_TAG = re.compile(rf"<\|?(/?)\|?({_NAMES})\|?>|\[(/?)(think)\]|◁(/?)(think)▷", re.IGNORECASE)
# Other marks: what opens a thought, what ends it, and whether it is one where nothing does.
_MARKS = tuple(
    (re.compile(opens, re.IGNORECASE), re.compile(ends, re.IGNORECASE), endless)
    for opens, ends, endless in (
        # gpt-oss (openai/harmony), and what is left of it where a server drops the special tokens
        (r"(<\|start\|>assistant)?<\|channel\|>\s*(?!final\b)\w+", r"<\|channel\|>\s*final\b(<\|message\|>)?", True),
        (r"analysis(?=\S)", r"assistantfinal", False),
        (rf"<\|(begin_of|start)_{_NAMES}\|>", rf"<\|end(_of)?_{_NAMES}\|>", True),  # Cohere's, OpenThinker
        (r"<\|channel>thought", r"<channel\|>", True),  # Gemma
        (r"<unused94>thought", r"<unused95>", True),  # MedGemma
        (r"here(?:'s| is) my thought process:", r"here(?:'s| is) my response:", False),  # Granite
    )
)
# What may enclose an answer that follows a thought.
_AROUND = tuple(
    re.compile(around, re.IGNORECASE | re.DOTALL)
    for around in (
        r"<(?P<name>answer|output|response)>(?P<answer>.*)</(?P=name)>",
        r"<\|(begin_of|start)_(solution|response)\|>(?P<answer>.*?)(<\|end(_of)?_(solution|response)\|>)?",
        r"(<\|start\|>assistant)?(<\|channel\|>final<\|message\|>)?(?P<answer>.*?)(<\|(return|end)\|>)?",
    )
)
_QUOTES = "\"'`“”‘’"


@dataclass(frozen=True)
class Parted:
    """A text in two: its `thought` ("" for none) and its `answer`; `endless` where the thought did not end."""

    thought: str
    answer: str
    endless: bool = False


def part(text: str) -> Parted:
    """The thoughts that a text begins with, of which there may be several, and the answer behind them."""
    thoughts, rest, endless = [], text.strip(), False
    while first := _first(rest):
        thoughts.append(first.thought)
        rest, endless = first.answer, first.endless
    if not thoughts and not rest.startswith(("<|channel|>", "<|start|>")):  # gpt-oss that did not think
        return Parted("", rest)
    for around in _AROUND:
        if inner := around.fullmatch(rest):
            rest = inner["answer"].strip()
    return Parted("\n\n".join(thoughts), rest, endless)


def without(text: str) -> str:
    """The text without the thoughts that it begins with; as it is where it begins with none."""
    answer = part(text).answer
    return text if answer == text.strip() else answer


def opened(prompt: str) -> str:
    """The tag with which a prompt opens the thought that a model is to go on with; "" for none."""
    tags = list(_TAG.finditer(prompt))
    return tags[-1][0] if tags and not _closes(tags[-1]) and not prompt[tags[-1].end() :].strip() else ""


def _first(text: str) -> Parted | None:
    """The first of the thoughts that a text begins with, and what is behind it; None where it begins with none."""
    for opens, ends, endless in _MARKS:
        if start := opens.match(text):
            end = ends.search(text, start.end())
            return _at(text, start.end(), end) if end or endless else None
    tags = (tag for tag in _TAG.finditer(text) if not _quoted(text, tag))
    first = next(tags, None)
    if first is None or not text[first.end() :].strip():  # such as an answer that is a tag
        return None
    if not _closes(first):
        return _at(text, first.end(), _closing(text, first, tags)) if first.start() == 0 else None
    return _at(text, 0, first) if _free(text, first) else None


def _at(text: str, start: int, end: re.Match[str] | None) -> Parted:
    if end is None:
        return Parted(text[start:].strip(), "", endless=True)
    return Parted(text[start : end.start()].strip(), text[end.end() :].strip())


def _closing(text: str, first: re.Match[str], rest: Iterator[re.Match[str]]) -> re.Match[str] | None:
    """Of the rest the tag that closes the first; where they do not pair up, as where a thought speaks of its own tag, the
    first that stands free, or else the last that closes any of its name."""
    depth, closing = 1, []
    for tag in rest:
        if _name(tag) == _name(first):
            depth += -1 if _closes(tag) else 1
            closing += [tag] if _closes(tag) else []
        if not depth:
            return tag
    return next((tag for tag in closing if _free(text, tag)), closing[-1] if closing else None)


def _free(text: str, tag: re.Match[str]) -> bool:
    """Whether a tag stands at an edge of its line, behind a sentence or between two words, and in no block of code."""
    before, after = text[: tag.start()].split("\n")[-1], text[tag.end() :].split("\n")[0]
    edge = not before.strip() or not after.strip() or before.rstrip().endswith((".", "!", "?"))
    joins = bool(before[-1:].strip() and after[:1].strip()) and not set(before + after) & set(_QUOTES)
    return (edge or joins) and text.count("```", 0, tag.start()) % 2 == 0


def _quoted(text: str, tag: re.Match[str]) -> bool:
    before, after = text[: tag.start()][-1:], text[tag.end() :][:1]
    return bool(before and after) and before in _QUOTES and after in _QUOTES


def _closes(tag: re.Match[str]) -> bool:
    return any(tag.group(1, 3, 5))


def _name(tag: re.Match[str]) -> str:
    return next(name for name in tag.group(2, 4, 6) if name).lower()
