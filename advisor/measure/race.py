"""The race: arms answer the same development examples in growing rounds, and one that can't win any more leaves.

Successive elimination (Even-Dar, Mannor and Mansour 2006, JMLR 7) with paired bootstrap draws in the place of bounds. The first
round is answered by all, since it tells the gaps. Knows nothing of paths; whoever enters arms says how much is still expected
of one that was made in short.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from advisor import runfolder
from advisor.decide.cases import SMALLEST_GAIN
from advisor.decide.deciding import SURELY
from advisor.errors import DroppedOut
from advisor.measure.planning import ROUND, USUAL
from advisor.paths.arms import Arm, scores
from advisor.runtime.bench import Bench
from advisor.score.metric import Scored
from advisor.score.statistics import draws, rating
from advisor.system import Prediction
from advisor.task import Example

GROWTH = 2  # times as many have been answered after each further round
LITTLE = 0.25  # points, for which no further round is worth its time
CHANCE = 0.05  # of being within the smallest gain worth having of the best, under which an arm leaves


@dataclass(frozen=True)
class Entry:
    """What enters the race: the arm of a path ("" for none), the gap that it closes, and the bench that it is made on; the name of
    the arm that it was `before`, where it is tuned."""

    path: str
    gap: str
    arm: Arm
    bench: Bench
    before: str = ""


Outlook = Callable[[Mapping[str, Sequence[Scored]]], Mapping[str, tuple[float, float]]]
"""From what arms scored to the further gain, in points, of making an arm in full, and the sd of that; 0 for most."""


@dataclass(frozen=True)
class Answers:
    """What an arm gave for the examples that it was asked."""

    scored: tuple[Scored, ...] = ()
    made: tuple[Prediction, ...] = ()

    def __add__(self, other: "Answers") -> "Answers":
        return Answers(self.scored + other.scored, self.made + other.made)


@dataclass(frozen=True)
class Round:
    """How many `examples` had been answered when it ended, by which `arms`, in seconds; and which `left` after it, with the
    chance that each had."""

    examples: int
    arms: tuple[str, ...]
    seconds: float
    left: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Raced:
    """What every arm gave that could be asked; those that `dropped` out, each with the reason; the rounds."""

    answers: Mapping[str, Answers]
    dropped: Mapping[str, str]
    rounds: tuple[Round, ...]

    @property
    def stayed(self) -> dict[str, Answers]:
        """What those gave that left after no round."""
        left = {name for one in self.rounds for name in one.left}
        return {name: given for name, given in self.answers.items() if name not in left}


def race(
    bench: Bench,
    entries: Mapping[str, Entry],
    stays: str,
    outlook: Outlook,
    floors: Mapping[str, Sequence[Scored]] = MappingProxyType({}),
) -> Raced:
    """Run the arms until the examples or the purse are spent, or more examples are not worth asking: all that are left beside
    `stays`, which answers all that is asked, are of one path, or which is best is as good as known; and whether the best is above
    the `floors`, what each of the examples scores for no work, is told."""
    examples, running = bench.comparing, dict(entries)
    answers: dict[str, Answers] = {}
    dropped: dict[str, str] = {}
    rounds: list[Round] = []
    done = 0
    while done < len(examples):
        part = examples[done : _upto(bench, done)]
        if rounds and not _affords(bench, rounds, [answers[name] for name in running], len(part)):
            break
        spent = -seconds(bench, answers.values())
        for name in tuple(running):
            try:
                answers[name] = answers.get(name, Answers()) + asked(running[name], part, name)
            except DroppedOut as reason:
                dropped[name] = str(reason)
                del running[name]
                answers.pop(name, None)
        if stays in dropped:
            break
        done += len(part)
        scored = {name: answers[name].scored for name in running}
        floored = {name: ones[:done] for name, ones in floors.items()}
        chances, worth, above = _chances(bench, scored, outlook(scored), floored)
        left = {name: chance for name, chance in chances.items() if chance < CHANCE and name != stays}
        rounds.append(Round(done, tuple(running), round(spent + seconds(bench, answers.values()), 2), left))
        figures = {name: round(rating(bench.metric, ones), 2) for name, ones in scored.items()}
        told = {"round": len(rounds), "examples": done, "seconds": rounds[-1].seconds, "scores": figures, "left": left}
        runfolder.progress(bench.runtime.folder, step="diagnosis", **told)
        running = {name: entry for name, entry in running.items() if name not in left}
        told_apart = worth < LITTLE or len({entry.path for name, entry in running.items() if name != stays}) < 2
        if told_apart and not 1 - SURELY < above < SURELY:
            break
    return Raced(answers, dropped, tuple(rounds))


def asked(entry: Entry, part: Sequence[Example], name: str) -> Answers:
    """What an arm gives for examples. Raises DroppedOut where it gives no text at all."""
    scored, made = scores(entry.bench, entry.arm, part, name)
    return Answers(scored, tuple(made))


def _upto(bench: Bench, done: int) -> int:
    """How many examples have been answered after the next round; where rows are few, about as many, whole folds, for each of
    which arms are made."""
    whole, after = len(bench.comparing), max(ROUND, GROWTH * done)
    if fold_of := bench.task.split.fold_of:
        folds = [fold_of[example.id] for example in bench.comparing]
        ends = [n for n in range(done + 1, whole) if folds[n] != folds[n - 1]]
        after = min([*ends, whole], key=lambda n: abs(n - after))
    return whole if whole < after + ROUND // 2 else after  # no last round of a handful


def _affords(bench: Bench, rounds: Sequence[Round], running: Sequence[Answers], more: int) -> bool:
    """Whether the purse covers so many more examples for what is still running, at what these took until now."""
    each = seconds(bench, running) / rounds[-1].examples
    return sum(one.seconds for one in rounds) + more * each <= bench.purse.racing


def seconds(bench: Bench, answers: Iterable[Answers]) -> float:
    """What answers took: by the clock, or as tokens usually take, where the budget is one in tokens; the instruction, which is read
    once for all of them, left out."""
    used = [made.usage for one in answers for made in one.made]
    if not bench.purse.counted:
        return sum(usage.seconds for usage in used)
    shared = bench.runtime.model.count([bench.task.instruction])[0]
    read = sum(max(0, usage.prompt_tokens - shared) for usage in used)
    return read / USUAL.prefill + sum(usage.generated_tokens for usage in used) / USUAL.decode


def _chances(
    bench: Bench,
    scored: Mapping[str, Sequence[Scored]],
    outlook: Mapping[str, tuple[float, float]],
    floors: Mapping[str, Sequence[Scored]],
) -> tuple[dict[str, float], float, float]:
    """For each arm the chance that, made in full, it is within the smallest gain worth having of the best; and how many points
    are lost, on the average, by taking the one that looks best now instead of the one that all examples there could be would
    show to be (the expected value of sample information; of what is expected of making in full they tell nothing); and the chance
    that this one is above all floors."""
    split = bench.task.split
    drawn = draws(bench.metric, {**scored, **floors}, bench.seed, split.groups, folded=bool(split.folds))
    floor = np.max([drawn.pop(name) for name in floors], axis=0, initial=0.0)
    random = np.random.default_rng([bench.seed, len(scored)])
    more, sd = (np.array([outlook.get(name, (0.0, 0.0))[i] for name in drawn]) for i in (0, 1))
    likely = np.column_stack(list(drawn.values())) + more
    full = likely + random.normal(0, sd, likely.shape)
    chances = (full >= full.max(axis=1, keepdims=True) - SMALLEST_GAIN).mean(axis=0)
    worth = likely.max(axis=1).mean() - likely.mean(axis=0).max()
    above = (full[:, full.mean(axis=0).argmax()] > floor).mean() if floors else 1.0
    return dict(zip(drawn, map(float, chances), strict=True)), float(worth), float(above)
