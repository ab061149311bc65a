"""Arms: how a system is made from a bench, and what it then gives. The one place that knows of folds.

An arm is a function, not a system, because where rows are few it is made several times: each row is answered by what was
made from the rows of the other folds.
"""

from collections.abc import Callable, Sequence

from advisor.errors import DroppedOut
from advisor.runtime.bench import Bench
from advisor.score.metric import Scored, score_all
from advisor.system import Buildable, Prediction, System
from advisor.task import Example

Arm = Callable[[Bench], Buildable]


def predictions(bench: Bench, arm: Arm, examples: Sequence[Example], what: str) -> list[Prediction]:
    """What an arm gives for development examples, in their order."""
    fold_of = bench.task.split.fold_of
    asked = {fold_of[example.id] for example in examples} if fold_of else ()
    made = {fold: arm(part) for fold, part in bench.parts.items() if fold in asked}
    systems = list(made.values())
    if not systems or all(one == systems[0] and not _draws_shots(one) for one in systems):
        return bench.runtime.predict(systems[0] if systems else arm(bench), examples, what)
    answers: dict[str, Prediction] = {}
    for fold, system in made.items():
        own = [example for example in examples if fold_of[example.id] == fold]
        told = f"{what} · fold {fold + 1} of {len(bench.parts)}"
        answers |= zip((e.id for e in own), bench.parts[fold].runtime.predict(system, own, told), strict=True)
    return [answers[example.id] for example in examples]


def scores(
    bench: Bench, arm: Arm, examples: Sequence[Example], what: str
) -> tuple[tuple[Scored, ...], list[Prediction]]:
    """The same with what each is worth. Raises DroppedOut where the arm gave no text at all."""
    made = predictions(bench, arm, examples, what)
    if examples and all(one.text is None for one in made):
        raise DroppedOut(f"no example got an answer, the first because: {made[0].error}")
    return score_all(bench.metric, [one.text for one in made], examples), made


def _draws_shots(system: Buildable) -> bool:
    """Whether what it shows is drawn from the rows that its runtime holds."""
    return isinstance(system, System) and system.shots.kind == "similar"
