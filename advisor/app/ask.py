"""The questionnaire in the terminal: asks what is not known and does not follow, and writes a file that replays it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import questionary

from advisor.answers import KEYS, UNKNOWN, Answers, Key, parse
from advisor.errors import InputError
from advisor.runfolder import whole

DONT_KNOW = "I don't know"
FORMAL = ("label", "json", "sql", "code")  # kinds of output whose form a program relies on


def _follows(name: str, known: Mapping[str, str | float]) -> str | None:
    """The answer that follows from earlier ones, `unknown` for what is not worth asking then; None: ask."""
    kind = known.get("output_kind")
    given: Mapping[str, Callable[[], str | None]] = {
        "num_labels": lambda: None if kind in ("label", "json", UNKNOWN) else UNKNOWN,
        "corpus_tokens": lambda: UNKNOWN if known.get("documents_available") == "no" else None,
        "facts_change": lambda: UNKNOWN if known.get("needs_private_or_fresh_facts") == "no" else None,
        "strict_format": lambda: "yes" if kind in FORMAL else None,
        "style_matters": lambda: "yes" if kind == "style" else None,
        "tunes_same_model": lambda: UNKNOWN if known.get("train_examples") == 0 else None,
        "requests_per_day": lambda: UNKNOWN if known.get("latency_or_volume_sensitive") == "no" else None,
        "max_latency_ms": lambda: UNKNOWN if known.get("latency_or_volume_sensitive") == "no" else None,
    }
    return given[name]() if name in given else None


def ask(known: Mapping[str, str | float]) -> Answers:
    """Ask every key that `known` does not hold and that does not follow from the rest; an answer for every key.

    Raises KeyboardInterrupt when the person breaks off.
    """
    given = dict(known)
    for name, key in KEYS.items():
        if name in given:
            continue
        follows = _follows(name, given)
        given[name] = _asked(name, key) if follows is None else follows
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
        lines += [f"# {key.question} {key.help}", f"# {', '.join(key.choices) or 'a number'}, or {UNKNOWN}"]
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
        "description: Say here what the task is.",
        *([f"metric: {metric}"] if metric else []),
        *(["answers:"] if known else []),
        *(f"  {name}: {_plain(value)}" for name, value in known.items()),
        "",
    ]
    whole(path, "\n".join(lines))


def _plain(value: str | float) -> str:
    """A value as YAML; numbers without an exponent, which YAML would read as text."""
    return value if isinstance(value, str) else f"{value:.12f}".rstrip("0").rstrip(".")


def needs_terminal() -> str:
    """What to do where there is no terminal to ask in."""
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in KEYS)
    return f"Use `advisor recommend --answers FILE`, or `advisor recommend` with some of the flags {flags}."
