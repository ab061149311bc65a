"""Placebos: arms whose content was taken out. By how much an arm is better than its placebo comes from the content, and not from
a longer prompt or from chance.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from advisor.errors import DroppedOut
from advisor.measure.race import Answers, Entry, asked, seconds
from advisor.models.endpoint import Endpoint
from advisor.runtime.bench import Bench
from advisor.score.metric import score_all
from advisor.score.statistics import rating
from advisor.system import System
from advisor.task import Example

SHOTS, PASSAGES, AGAIN = "outputs of shots shuffled", "passages of other questions", "asked again"


@dataclass(frozen=True)
class Tried:
    """An arm's name, `what` was done to its content, and what it gave then."""

    of: str
    what: str
    entry: Entry
    answers: Answers


def placebos(
    bench: Bench,
    entries: Mapping[str, Entry],
    answers: Mapping[str, Answers],
    plain: str,
    examples: Sequence[Example],
    left: float,
) -> list[Tried]:
    """The best arm of each path that shows something, where it is better than the `plain` one, with that taken out; and the
    plain one once more past the store, where a server answers. `answers`: of the arms that may still be best. Asked about these
    examples, as far as the seconds that are `left` go by what the arms themselves took."""
    tried: list[Tried] = []
    for name, what in _worth(bench, entries, answers, plain).items():
        took = seconds(bench, [answers[name]]) * len(examples) / max(1, len(answers[name].made))
        if took > left:
            continue
        left -= took
        entry = replace(entries[name], bench=_emptied(entries[name].bench, what))
        try:
            given = again(entry, examples) if what == AGAIN else asked(entry, examples, f"{name}, {what}")
        except DroppedOut:
            continue
        tried.append(Tried(name, what, entry, given))
    return tried


def _worth(bench: Bench, entries: Mapping[str, Entry], answers: Mapping[str, Answers], plain: str) -> dict[str, str]:
    """The arms to try a placebo of, with what is done to each."""
    scores = {name: rating(bench.metric, one.scored) for name, one in answers.items()}
    best: dict[tuple[str, str], str] = {}
    for name in answers:
        entry = entries[name]
        asks = entry.path not in ("", "classifier") and entry.bench.model == bench.model
        system = (
            entry.arm(entry.bench.first) if asks else None
        )  # where rows are few, a tuning was made for each fold alone
        if isinstance(system, System) and (what := _content(system)) and scores[name] > scores[plain]:
            key = entry.path, what
            if key not in best or scores[name] > scores[best[key]]:
                best[key] = name
    told = {name: what for (_, what), name in best.items()}
    return {plain: AGAIN, **told} if isinstance(bench.runtime.model, Endpoint) else told


def _content(system: System) -> str:
    """What can be done to what a system shows."""
    if system.context.kind == "retrieved":
        return PASSAGES
    return SHOTS if system.shots.kind != "none" else ""


def _emptied(bench: Bench, what: str) -> Bench:
    """The bench on which what is shown tells nothing."""
    if what == PASSAGES:
        return replace(bench, runtime=replace(bench.runtime, finder=replace(bench.runtime.finder, astray=True)))
    if what == SHOTS:
        rows = bench.task.split.train
        outputs = [row.output for row in rows]
        random.Random(bench.seed).shuffle(outputs)
        mixed = tuple(replace(row, output=output) for row, output in zip(rows, outputs, strict=True))
        task = replace(bench.task, split=replace(bench.task.split, train=mixed))
        return replace(bench, task=task, runtime=replace(bench.runtime, pool=mixed))
    return bench


def again(entry: Entry, examples: Sequence[Example]) -> Answers:
    """What an arm gives when it is asked once more, past the store."""
    bench = entry.bench
    made = bench.runtime.predict(entry.arm(bench), examples, AGAIN, keep=False)
    return Answers(score_all(bench.metric, [one.text for one in made], examples), tuple(made))
