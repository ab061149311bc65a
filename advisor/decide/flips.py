"""What would change a decision: an answer, a price or a measured score given otherwise, each by as little as does it.

Everything is decided again in full, so that what is told here comes true.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from advisor.answers import KEYS, UNKNOWN, implied
from advisor.decide.belief import Measured, Situation, denied
from advisor.decide.cases import CaseModel, Floats, fit, load_cases
from advisor.decide.costs import HOURS
from advisor.decide.deciding import Decided, decide
from advisor.decide.rates import SAID, Rate, efforts
from advisor.decide.rules import load_rules

MOST, MOST_FURTHER = 6, 3  # told of answers, and of prices and scores
# Values of numbers that are tried: each side of where rules and prices turn.
TRIED: Mapping[str, tuple[float, ...]] = {
    "train_examples": (0.0, 30.0, 500.0, 5000.0),
    "num_labels": (3.0, 100.0),
    "corpus_tokens": (5000.0,),
    "requests_per_day": (3.0, 1e5),
    "max_latency_ms": (200.0,),
    "max_cost_per_1000": (0.5,),
    "retrieval_hours": (0.5, 40.0),
    "tuning_hours": (4.0, 80.0),
}
TIMES, POINTS = 10.0, 20  # a price that is further off, or a score, is of another task
SCORE = "_score"  # ends the name of a measured score, which begins with its path
STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # in which people say a number, times a power of ten


@dataclass(frozen=True)
class Change:
    """What, being as `when` says ("if" in JSON), makes `path` the one recommended, with its probability then: an answer by its key,
    a price by its name in `costs:` of task.yaml, or the measured score of a path as `PATH_score`."""

    when: Annotated[Mapping[str, str | float], Field(alias="if")]
    path: str
    probability: float


Told = Mapping[str, str | float]
Then = Callable[[float], Decided]


def changes(model: CaseModel, said: Told, situation: Situation, now: Decided) -> tuple[Change, ...]:
    """What would make another path the one recommended, likeliest first, answers before prices and scores; `said` is what was
    answered, without what follows from it."""
    answers = _distinct(_answers(model, said, situation, now))
    further = list(_prices(model, situation, now))
    if situation.measured:
        further += _scores(model, situation, now, situation.measured)
    return (*_likeliest(answers)[:MOST], *_likeliest(further)[:MOST_FURTHER])


def turns(said: Told, name: str) -> bool:
    """Whether, from answers alone, the answer to a number's key can change which path is recommended."""
    model, given = fit(load_cases(), load_rules()), {**dict.fromkeys(KEYS, UNKNOWN), **said}
    values: tuple[str | float, ...] = (UNKNOWN, *TRIED[name])
    return len({decide(model, changed(given, Situation(given), name, value)).path for value in values}) > 1


def _likeliest(found: Sequence[Change]) -> list[Change]:
    return sorted(found, key=lambda one: -one.probability)


def _distinct(found: Iterable[Change]) -> list[Change]:
    """Of numbers of one key that lead to one path the first."""
    firsts: dict[tuple[str, str, str], Change] = {}
    for one in found:
        ((name, value),) = one.when.items()
        firsts.setdefault((name, one.path, value if isinstance(value, str) else ""), one)
    return list(firsts.values())


def _answers(model: CaseModel, said: Told, situation: Situation, now: Decided) -> Iterator[Change]:
    """Every other value of a choice; of a number that was said, or is assumed, the nearest on either side, else those tried."""
    assumed = {name: sum(efforts()[part].hours.values()) for part, name in HOURS.items()}
    assumed["requests_per_day"] = situation.rates.requests_per_day.value
    for name, key in KEYS.items():
        was = assumed.get(name, UNKNOWN) if said[name] == UNKNOWN else said[name]

        def then(value: str | float, name: str = name) -> Decided:
            return decide(model, changed(said, situation, name, value))

        for value in key.choices or TRIED.get(name, ()):
            if isinstance(value, str) or isinstance(was, str):
                flip = _flip(name, value, then(value), now) if value != was else None
            else:
                flip = _smallest(
                    name, [one for one in _between(was, value) if not key.whole or one % 1 == 0], then, now
                )
            if flip:
                yield flip


def _prices(model: CaseModel, situation: Situation, now: Decided) -> Iterator[Change]:
    """Each price dearer or cheaper; how many requests come is an answer."""
    for name, rate in situation.rates.known.items():

        def then(value: float, name: str = name) -> Decided:
            return decide(model, replace(situation, rates=replace(situation.rates, **{name: Rate(value, SAID)})))

        for end in (rate.value * TIMES, rate.value / TIMES) if name != "requests_per_day" else ():
            if flip := _smallest(name, _between(rate.value, end), then, now):
                yield flip


def _scores(model: CaseModel, situation: Situation, now: Decided, measured: Measured) -> Iterator[Change]:
    """The first path scoring less than was measured, another one more, by whole points."""
    for path in measured.paths:
        draws, mean = measured.draws[path], float(measured.draws[path].mean())

        def then(value: float, path: str = path, was: Floats = draws, mean: float = mean) -> Decided:
            moved = {**measured.draws, path: was + (value - mean)}
            return decide(model, replace(situation, measured=replace(measured, draws=moved)))

        sign = -1 if path == now.order[0] else 1
        steps = [round(mean + sign * points, 4) for points in range(1, POINTS + 1)]
        if flip := _smallest(path + SCORE, [value for value in steps if 0 <= value <= 100], then, now):
            yield flip


def _smallest(name: str, steps: Sequence[float], then: Then, now: Decided) -> Change | None:
    """The change by the fewest steps that leads where all of them lead, found by halving."""
    if not steps or not (last := _flip(name, steps[-1], then(steps[-1]), now)):
        return None
    short, enough = -1, len(steps) - 1
    while enough - short > 1:
        middle = (short + enough) // 2
        flip = _flip(name, steps[middle], then(steps[middle]), now)
        if flip and flip.path == last.path:
            enough, last = middle, flip
        else:
            short = middle
    return last


def _flip(name: str, value: str | float, then: Decided, now: Decided) -> Change | None:
    """The change, where another path is recommended."""
    if not then.path or then.path == now.order[0]:
        return None
    return Change({name: value}, then.path, then.probable(then.path))


def _between(start: float, end: float) -> list[float]:
    """Numbers as people say them from `start`, which is left out, to `end`."""
    low, high = min(start, end), max(start, end)
    said = {round(step * 10.0**power, 9) for power in range(-6, 16) for step in STEPS}
    return sorted({value for value in said if low < value < high} | {end} - {start}, reverse=end < start)


def changed(said: Told, situation: Situation, name: str, value: str | float) -> Situation:
    """The situation with one answer given otherwise. What the caller ruled out stays out, except where the changed answer is
    what had ruled it out."""
    given = {**said, name: value}
    before = denied(situation.answers)
    kept = {path: why for path, why in situation.infeasible.items() if path not in before}
    return replace(situation, answers={**given, **implied(given)}, infeasible=kept)
