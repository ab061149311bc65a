"""The questions of `advisor ask`, in the terminal. Knows the keys of `answers`, nothing of what follows from them."""

from collections.abc import Mapping
from pathlib import Path

import questionary

from advisor.answers import KEYS, UNKNOWN, parse
from advisor.errors import InputError

# What an answer makes pointless to ask, with what it then is.
FOLLOWS: Mapping[tuple[str, str], Mapping[str, str | float]] = {
    ("documents_available", "no"): {"corpus_tokens": UNKNOWN},
    **{
        ("output_kind", kind): {"num_labels": UNKNOWN}
        for kind in ("sql", "code", "style", "short_answer", "long_answer")
    },
    ("output_kind", "style"): {"style_matters": "yes", "num_labels": UNKNOWN},
}


def ask(known: Mapping[str, str | float]) -> dict[str, str | float]:
    """Ask every key that is not known and does not follow from an earlier answer. Raises KeyboardInterrupt on Ctrl-C."""
    given = dict(known)
    for name, key in KEYS.items():
        if name in given:
            continue
        if key.choices:
            choices = [*key.choices, UNKNOWN]
            question = questionary.select(key.question, choices=choices, default=UNKNOWN, instruction=f"({key.help})")
        else:
            question = questionary.text(
                key.question,
                default=UNKNOWN,
                instruction=f"({key.help}) ",
                validate=lambda text, name=name: _checked(name, text),
            )
        given[name] = parse({name: question.unsafe_ask()})[name]
        for follower, value in FOLLOWS.get((name, str(given[name])), {}).items():
            given.setdefault(follower, value)
    return parse(given)


def write(answers: Mapping[str, str | float], path: Path) -> None:
    """Write the answers as YAML, each under its question, for `--answers` to replay."""
    lines = []
    for name, value in answers.items():
        shown = f"{value:g}" if isinstance(value, float) and value < 1e15 and value == int(value) else value
        shown = int(value) if isinstance(value, float) and value == int(value) else shown
        lines += [f"# {KEYS[name].question}", f"{name}: {shown}"]
    partial = path.with_name(path.name + ".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def needs_terminal() -> str:
    """What to do where there is no terminal."""
    flags = " ".join("--" + name.replace("_", "-") for name in KEYS)
    return f"Use `advisor recommend --answers FILE`, or these flags of `advisor recommend`: {flags}"


def _checked(name: str, text: str) -> bool | str:
    try:
        parse({name: text})
    except InputError as error:
        return error.problems[0].what
    return True
