"""What a person says about a task: the keys of the questionnaire, and how answers are read and checked.

Knows nothing of paths, rules or measurements. Every key can be `unknown`, which is never the same as no.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, ValidationError, create_model

from advisor import texts
from advisor.errors import InputError, Problem, complaints, wrong

UNKNOWN = "unknown"
YES_NO = ("yes", "no")
PARSED = ("label", "json", "sql", "code")  # kinds of output whose form a program relies on
Answers = dict[str, str | float]

_ALIASES = {"true": "yes", "y": "yes", "false": "no", "n": "no", "": UNKNOWN, "?": UNKNOWN}
_ALIASES |= {"null": UNKNOWN, "none": UNKNOWN, "n_a": UNKNOWN, "n/a": UNKNOWN}
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_NUMBER = re.compile(r"(\d+(?:_\d+)*|\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+\.\d*)(e\+?\d+)? ?([kmb]?)")
_LARGEST = 1e15
_LONGEST = 10_000  # characters of a description


@dataclass(frozen=True)
class Key:
    """One thing that is asked: what values it takes, the question, and the help beside it.

    `whole` numbers are counts. Choices are in their natural order; `unknown` is always possible and not listed.
    """

    kind: Literal["choice", "number", "text"]
    question: str
    help: str
    choices: tuple[str, ...] = ()
    whole: bool = True


def _choice(question: str, help: str, choices: tuple[str, ...] = YES_NO) -> Key:
    return Key("choice", question, help, choices)


def _number(question: str, help: str, whole: bool = True) -> Key:
    return Key("number", question, help, whole=whole)


KEYS: Mapping[str, Key] = {
    "description": Key("text", "What is the task, in a sentence?", "Finds published comparisons of tasks like yours."),
    "output_kind": _choice(
        "What should come out?",
        "label: one of a fixed set. style: text whose manner is the point. The rest says itself.",
        ("label", "json", "sql", "code", "style", "short_answer", "long_answer"),
    ),
    "num_labels": _number("How many labels, or kinds of field, are there?", "Only for labels and extraction."),
    "needs_private_or_fresh_facts": _choice(
        "Do right answers need facts that the model can't know?",
        "Your prices, your handbook, last week's news: yes. General knowledge: no.",
    ),
    "documents_available": _choice(
        "Do you have documents in which the answers stand?", "Text that a search could find them in counts."
    ),
    "corpus_tokens": _number(
        "How many tokens do the documents have?", "About 1.3 for each word; a page has about 500."
    ),
    "facts_change": _choice(
        "How often do those facts change?", "often: each week or more.", ("never", "slowly", "often")
    ),
    "train_examples": _number(
        "How many examples with their wanted output do you have, or could you get?", "0 if there is none."
    ),
    "examples_clean": _choice(
        "Are those examples clean: right, and alike where they should be?", "Checked by a person, at least a sample."
    ),
    "strict_format": _choice("Does a small slip of form make an output useless?", "JSON that a program reads: yes."),
    "style_matters": _choice("Does it matter how it is said?", "A house style, a voice, a manner of refusing."),
    "base_capability": _choice(
        "How good is the model today, with a good prompt?",
        "low: right in under 30 of 100. high: in over 75.",
        ("low", "medium", "high"),
    ),
    "tunes_same_model": _choice(
        "Is the model that you would tune the one that you would prompt?",
        "no: you would prompt a stronger model than you could tune.",
    ),
    "latency_or_volume_sensitive": _choice("Do speed or volume matter?", "Long prompts cost time on every request."),
    "data_may_leave": _choice("May the data leave your machines?", "no: only models that you run yourself."),
    "requests_per_day": _number("How many requests come in a day?", "A rough figure is enough."),
    "max_latency_ms": _number("How many milliseconds may an answer take?", "Until the whole answer is there."),
    "max_cost_per_1000": _number("What may 1,000 requests cost?", "In the currency that you pay in.", whole=False),
    "retrieval_hours": _number(
        "How many hours of somebody's work would a search over the documents take, in all?",
        "Setting it up, cleaning documents, and doing it again within a year. Two are assumed.",
        whole=False,
    ),
    "tuning_hours": _number(
        "How many hours of somebody's work would fine-tuning take, in all?",
        "Cleaning examples, training, evaluating, and doing it again within a year. Twenty are assumed.",
        whole=False,
    ),
}


def _value(key: Key, value: object) -> str | float:
    """One answer in its one spelling. Raises what `errors.wrong` makes."""
    word = {True: "yes", False: "no", None: UNKNOWN}[value] if value is None or isinstance(value, bool) else value
    if isinstance(word, str):
        word = re.sub(r"[\s-]+", "_", word.strip().lower())
        word = _ALIASES.get(word, word)
        if word == UNKNOWN:
            return UNKNOWN
    if key.kind == "number":
        return _count(value, key.whole)
    if key.kind == "text":
        return _sentence(value)
    if word not in key.choices:
        do = f"Choose from: {', '.join(key.choices)}, {UNKNOWN}."
        raise wrong(f"{_told(value)} is not one of the choices", do)
    return str(word)


def _sentence(value: object) -> str:
    """Text as it was written. Raises what `errors.wrong` makes."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise wrong(f"{_told(value)} is no sentence", f"Give a text of at most {_LONGEST:,} characters, or {UNKNOWN}.")
    return " ".join(value.split())


def _count(value: object, whole: bool) -> float:
    """A number from 0 up. Raises what `errors.wrong` makes for anything that could be read in two ways."""
    do = f"Give {'a whole number' if whole else 'a number'} from 0 up, such as 5000, or {UNKNOWN}."
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if abs(value) <= _LARGEST else math.nan
    elif isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip().lower())):
        digits, power, scale = match.groups()
        if not scale and not power and re.fullmatch(r"\d{1,3}\.\d{3}", digits):
            raise wrong(f"{value!r} can be read in two ways", do)
        number = float(digits.replace(",", "").replace("_", "") + (power or "")) * _SCALE[scale]
    if not 0 <= number <= _LARGEST:
        raise wrong(f"{_told(value)} is not a number from 0 to {_LARGEST:.0e}", do)
    if whole and abs(number - round(number)) > 1e-6:
        raise wrong(f"{_told(value)} is not a whole number", do)
    return float(round(number)) if whole else number


def implied(answers: Mapping[str, str | float]) -> Answers:
    """What follows from other answers where it was not said itself: a program that reads an output needs its form, and a
    style is a manner."""
    kind = answers.get("output_kind", UNKNOWN)
    follows = {"strict_format": kind in PARSED, "style_matters": kind == "style"}
    return {name: "yes" for name, holds in follows.items() if holds and answers.get(name, UNKNOWN) == UNKNOWN}


_FIELDS: dict[str, Any] = {
    name: (Annotated[Any, BeforeValidator(partial(_value, key))], UNKNOWN) for name, key in KEYS.items()
}
_Checked = create_model("_Checked", __config__=ConfigDict(extra="forbid"), **_FIELDS)


def parse(raw: Mapping[str, object], where: str | Path = "answers", text: str = "", line: int | None = None) -> Answers:
    """Checked answers with every key of `KEYS`, those not given `unknown`.

    `where` names the source in problems. Lines come from `line`, or are looked up in the source's `text`.
    Raises InputError with every problem found.
    """
    given = {re.sub(r"[\s-]+", "_", str(name).strip().lower()): (str(name), value) for name, value in raw.items()}
    told = []
    if len(given) < len(raw):
        twice = [str(name) for name in raw if str(name) not in {written for written, _ in given.values()}]
        told += [(name, "given twice", "Keep one of the two.") for name in twice]
    try:
        answers: Answers = _Checked.model_validate({clean: value for clean, (_, value) in given.items()}).model_dump()
    except ValidationError as error:
        for one in complaints(error):
            name, what, do = one.place[0], one.what, one.do
            if one.kind == "extra_forbidden":
                near = texts.meant(name, list(KEYS))
                what, do = "unknown key", f"Did you mean {near}?" if near else f"Keys: {', '.join(KEYS)}."
            told.append((given[name][0], what, do))
    if told:
        order = [str(name) for name in raw]
        told.sort(key=lambda one: order.index(one[0]))
        raise InputError([Problem(what, where, line or _line_of(text, name), name, do) for name, what, do in told])
    return answers


def _told(value: object) -> str:
    """A value in a message: text and numbers as they are, anything else by its kind, since it may be endless."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "so large a number"
    return repr(value) if isinstance(value, (str, int, float)) else texts.kind(value)


def _line_of(text: str, name: str) -> int | None:
    match = re.search(rf"(?:^|[{{,])\s*(?P<key>[\"']?{re.escape(name)}[\"']?\s*:)", text, re.MULTILINE)
    return text.count("\n", 0, match.start("key")) + 1 if match else None


def read_answers(path: Path) -> Answers:
    """The answers in a YAML or JSON file. Raises InputError with every problem and its line."""
    text, problems = _text(path)
    raw: Any = {}
    if problems:
        raise InputError(problems)
    if path.suffix.lower() != ".json":
        raw, _ = texts.keyed(text, path, problems)
    else:
        raw = _object(text, path, problems)
    try:
        answers = parse(raw, path, text)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return answers


def read_batch(path: Path) -> list[tuple[object, Answers]]:
    """One answers object a line, each with its `id` (None without one). Raises InputError naming every bad line."""
    batch: list[tuple[object, Answers]] = []
    text, problems = _text(path)
    bad = {problem.line for problem in problems}
    for line, raw in texts.json_lines(text, path, problems):
        try:
            batch.append((raw.pop("id", None), parse(raw, path, line=line)))
        except InputError as error:
            problems += error.problems if line not in bad else ()
    if not batch and not problems:
        problems.append(Problem("no answers in it", path, do="Write one JSON object a line."))
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    return batch


def _object(text: str, path: Path, problems: list[Problem]) -> dict[str, Any]:
    """The JSON object that a text is, {} with a problem noted where it is none."""
    try:
        value = texts.parsed(text)
    except texts.NotJson as error:
        problems.append(Problem(str(error), path, error.line, do="Write an object of answers as JSON."))
        return {}
    if not isinstance(value, dict):
        do = 'Write an object such as {"output_kind": "json"}.'
        problems.append(Problem(f"is {texts.kind(value)}, not an object", path, 1, do=do))
        return {}
    return value


def _text(path: Path) -> tuple[str, list[Problem]]:
    """The text of a file or pipe, and what is wrong with it."""
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return "", [Problem(f"can't be read: {reason}", path, do="Give a file that is there.")]
    return texts.decoded(raw, path)
