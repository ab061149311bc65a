"""The questionnaire in the terminal: asks what is not known and does not follow, and writes a file that replays it."""

import json
from collections.abc import Mapping
from pathlib import Path

import questionary

from advisor.answers import KEYS, UNKNOWN, Answers, Key, implied, parse
from advisor.decide.costs import HOURS
from advisor.decide.flips import turns
from advisor.errors import InputError
from advisor.runfolder import whole

DONT_KNOW = "I don't know"


def _skips(name: str, known: Mapping[str, str | float]) -> bool:
    """Whether it is not worth asking after earlier answers, since it follows from them or can change nothing."""
    kind = known.get("output_kind")
    needless: Mapping[str, bool] = {
        "num_labels": kind not in ("label", "json", UNKNOWN),
        "corpus_tokens": known.get("documents_available") == "no",
        "facts_change": known.get("needs_private_or_fresh_facts") == "no",
        "examples_clean": known.get("train_examples") == 0,
        "tunes_same_model": known.get("train_examples") == 0,
        "max_latency_ms": known.get("latency_or_volume_sensitive") == "no",
    }
    if name in HOURS.values():  # are assumed where others would change nothing
        return not turns(known, name)
    return needless.get(name, False) or name in implied(known)


def ask(known: Mapping[str, str | float]) -> Answers:
    """Ask every key that `known` does not hold and that is worth asking after the rest; an answer for every key.

    Raises KeyboardInterrupt when the person breaks off.
    """
    given = dict(known)
    for name, key in KEYS.items():
        if name not in given:
            given[name] = UNKNOWN if _skips(name, given) else _asked(name, key)
    return parse(given, "the questionnaire")


def _asked(name: str, key: Key) -> str | float:
    """One answer from the person."""
    if key.kind == "choice":
        choices = [questionary.Choice(choice.replace("_", " "), choice) for choice in key.choices]
        choices.append(questionary.Choice(DONT_KNOW, UNKNOWN))
        asked = questionary.select(key.question, choices, default=UNKNOWN, instruction=f"\n  {key.help}")
        return str(asked.unsafe_ask())
    note = f"\n  {key.help} Enter alone: {DONT_KNOW}.\n "
    text = questionary.text(key.question, instruction=note, validate=lambda typed: problem(name, typed)).unsafe_ask()
    return parse({name: text})[name]


def problem(name: str, typed: str) -> str | bool:
    """True where `typed` is an answer to the key `name`, else what is wrong with it."""
    try:
        parse({name: typed})
    except InputError as error:
        return f"{error.problems[0].what}. {error.problems[0].do}"
    return True


def write(answers: Mapping[str, str | float], path: Path) -> None:
    """Write answers as YAML that `answers.read` replays, each with its question as a comment; whole or not at all."""
    lines = ["# Answers for `advisor recommend --answers FILE`. Each may be unknown.", ""]
    for name, value in answers.items():
        key = KEYS[name]
        lines += [
            f"# {key.question} {key.help}",
            f"# {', '.join(key.choices) or ('a sentence' if key.kind == 'text' else 'a number')}, or {UNKNOWN}",
        ]
        lines += [f"{name}: {_plain(value)}", ""]
    whole(path, "\n".join(lines))


def write_task(answers: Mapping[str, str | float], path: Path) -> None:
    """Write a task.yaml to go on with: what was answered, and what to put beside it; whole or not at all."""
    known = {name: value for name, value in answers.items() if value != UNKNOWN}
    metric = {"label": "label_accuracy", "json": "json_field_f1"}.get(str(known.get("output_kind")))
    lines = [
        '# Put examples beside this file into train.jsonl, a line each: {"input": "...", "output": "..."}',
        "# and documents, if there are any, into a folder that the line `documents: FOLDER` names. Then: advisor run .",
        f"name: {path.parent.name}",
        f"description: {_plain(known.pop('description', 'Say here what the task is.'))}",
        *([f"metric: {metric}"] if metric else []),
        *(["answers:"] if known else []),
        *(f"  {name}: {_plain(value)}" for name, value in known.items()),
        "",
    ]
    whole(path, "\n".join(lines))


def _plain(value: str | float) -> str:
    """A value as YAML: text in quotes unless it is one word; numbers without an exponent, which YAML would read as text."""
    if isinstance(value, str):
        return value if value.isidentifier() else json.dumps(value, ensure_ascii=False)
    return f"{value:.12f}".rstrip("0").rstrip(".")


def needs_terminal() -> str:
    """What to do where there is no terminal to ask in."""
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in KEYS)
    return f"Use `advisor recommend --answers FILE`, or `advisor recommend` with some of the flags {flags}."
