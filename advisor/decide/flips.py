"""What would change a decision: each answer given otherwise, decided again in full; what is told here comes true."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from advisor.answers import KEYS, implied
from advisor.decide.belief import Situation, denied
from advisor.decide.cases import CaseModel
from advisor.decide.deciding import Decided, decide

MOST = 6  # told
# Values of numbers that are tried: each side of where rules and prices turn.
TRIED: Mapping[str, tuple[float, ...]] = {
    "train_examples": (0.0, 30.0, 500.0, 5000.0),
    "num_labels": (3.0, 100.0),
    "corpus_tokens": (5000.0,),
    "requests_per_day": (3.0, 1e5),
    "max_latency_ms": (200.0,),
    "max_cost_per_1000": (0.5,),
}


@dataclass(frozen=True)
class Change:
    """Answers that, given as `when` says ("if" in JSON), make `path` the one recommended, with its probability then."""

    when: Annotated[Mapping[str, str | float], Field(alias="if")]
    path: str
    probability: float


def changes(
    model: CaseModel, said: Mapping[str, str | float], situation: Situation, now: Decided
) -> tuple[Change, ...]:
    """The answers that would make another path the one recommended, likeliest first; `said` is what was answered, without
    what follows from it."""
    found = []
    for name, value in _others(said):
        then = decide(model, changed(said, situation, name, value))
        if then.path and then.path != now.order[0]:
            found.append(Change({name: value}, then.path, then.probable(then.path)))
    return tuple(sorted(found, key=lambda one: -one.probability)[:MOST])


def _others(said: Mapping[str, str | float]) -> Iterator[tuple[str, str | float]]:
    """Every value of every key that was not given."""
    for name, key in KEYS.items():
        for value in key.choices or TRIED.get(name, ()):
            if value != said[name]:
                yield name, value


def changed(said: Mapping[str, str | float], situation: Situation, name: str, value: str | float) -> Situation:
    """The situation with one answer given otherwise. What the caller ruled out stays out, except where the changed answer is
    what had ruled it out."""
    given = {**said, name: value}
    before = denied(situation.answers)
    kept = {path: why for path, why in situation.infeasible.items() if path not in before}
    return replace(situation, answers={**given, **implied(given)}, infeasible=kept)
