"""How often a race and the decision after it go wrong, in worlds where each path's true score is known.

Worlds: published comparisons, each decided with a belief that its study had no part in; the same with the scores given to
other paths, so that the belief is wrong; all paths alike; one better by 5. In each, the paths answer up to 400 examples
that are right or wrong by chance, half of the luck common to all; the race drops arms and ends as in a run. A
decision is wrong when the true score of the path recommended is more than 2 points below the best.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from advisor.answers import KEYS, UNKNOWN
from advisor.decide.belief import Measured, Situation
from advisor.decide.cases import SMALLEST_GAIN, Case, CaseModel, fit, load_cases
from advisor.decide.deciding import decide
from advisor.decide.rules import load_rules
from advisor.measure.race import Entry, race
from advisor.runtime.bench import Bench, Purse
from advisor.score.metrics import resolve
from advisor.score.statistics import draws, wilson
from advisor.system import PATH_NAMES, Prediction, Usage
from advisor.task import Example, Split, Task
from trainers import Speed

EXAMPLES, FOLDS, COMMON = 400, 10, 0.5
LARGE = 5.0  # points, by which no arm should be better than what was kept
BASE = "baseline"


@dataclass(frozen=True)
class World:
    """A situation with the true score, 0 to 100, of each path, and the belief to decide with."""

    answers: Mapping[str, str | float]
    scores: Mapping[str, float]
    model: CaseModel


@dataclass(frozen=True)
class Ended:
    """How a race in a world ended: the certainty of its first path, whether one was recommended, how far the first is from the
    best, whether an arm better by `LARGE` was dropped, and the share of all answers that were asked."""

    certainty: float
    decided: bool
    regret: float
    lost: bool
    asked: float


def worlds() -> Iterator[tuple[str, World]]:
    """All worlds, by kind."""
    cases, rng = load_cases(), np.random.default_rng(0)
    studies = sorted({case.study for case in cases})
    fold = dict(zip(studies, rng.permutation(len(studies)) % FOLDS, strict=True))
    for k in range(FOLDS):
        model = fit(tuple(case for case in cases if fold[case.study] != k), load_rules())
        for case in (one for one in cases if fold[one.study] == k and len(one.scores) > 1):
            answers = {**dict.fromkeys(KEYS, UNKNOWN), **case.told}
            yield "published", World(answers, case.scores, model)
            yield "belief wrong", World(answers, _turned(case), model)
            level = float(np.clip(np.mean(list(case.scores.values())), 10, 85))
            yield "all alike", World(answers, dict.fromkeys(case.scores, level), model)
            better = rng.choice(list(case.scores))
            yield "one by 5", World(answers, {p: level + 5.0 * (p == better) for p in case.scores}, model)


def _turned(case: Case) -> dict[str, float]:
    """The scores of a case, each given to the next of its paths."""
    paths = list(case.scores)
    return dict(zip(paths, [case.scores[path] for path in (*paths[1:], paths[0])], strict=True))


def run(world: World, seed: int, folder: Path) -> Ended:
    """Race the paths of a world, and decide."""
    examples = tuple(Example(str(i), f"{i}", "yes") for i in range(EXAMPLES))
    rng = np.random.default_rng(seed)
    common, which = rng.random(EXAMPLES), rng.random(EXAMPLES) < COMMON
    true = {path: float(np.clip(score, 0, 100)) for path, score in world.scores.items()}
    names = {BASE: min(true.values()) / 2, **true}
    right = {name: np.where(which, common, rng.random(EXAMPLES)) < score / 100 for name, score in names.items()}

    def predict(system: str, part: Sequence[Example], what: str) -> list[Prediction]:
        return [Prediction("yes" if right[system][int(e.id)] else "no", usage=Usage(1, 1)) for e in part]

    runtime: Any = SimpleNamespace(folder=folder, predict=predict)
    purse = Purse(EXAMPLES, 0, 0, 0, 0, 8, Speed(1, 1, 1))
    bench = Bench(Task("world", Path(), split=Split((), (), examples)), runtime, resolve("exact_match"), purse, seed)
    entries = {name: Entry(name if name in true else "", "", _arm(name), bench) for name in names}
    raced = race(bench, entries, BASE, lambda scored: {})
    scored = {name: answers.scored for name, answers in raced.answers.items()}
    drawn = draws(bench.metric, scored, seed, beside=BASE)
    untried = {path: "not tried" for path in PATH_NAMES if path not in true}
    measured = Measured(drawn, examples=raced.rounds[-1].examples)
    decided = decide(world.model, Situation(world.answers, {}, measured, untried, frozenset(true)))
    left = [name for one in raced.rounds for name in one.left]
    kept = max(true[name] for name in true if name not in left)
    first, best = decided.order[0], max(true.values())
    asked = sum(len(answers.made) for answers in raced.answers.values()) / (EXAMPLES * len(names))
    lost = any(true[name] > kept + LARGE for name in left)
    return Ended(decided.sure_of(first), decided.path is not None, best - true[first], lost, asked)


def _arm(name: str) -> Any:
    return lambda bench: name


def main() -> None:
    """Print the table, then one JSON line."""
    ended: dict[str, list[Ended]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed, (kind, world) in enumerate(worlds()):
            ended.setdefault(kind, []).append(run(world, seed, Path(folder)))
    print(f"{'world':14} {'races':>6} {'decided':>8} {'wrong':>7} {'95 %':>14} {'stated':>7} {'lost':>6} {'asked':>6}")
    figures: dict[str, dict[str, float]] = {}
    for kind, ones in ended.items():
        sure = [one for one in ones if one.decided]
        wrong = float(np.mean([one.regret > SMALLEST_GAIN for one in sure])) if sure else 0.0
        lo, hi = wilson(wrong, wrong * (1 - wrong), max(1, len(sure)))
        stated = float(np.mean([one.certainty for one in sure])) if sure else 0.0
        lost, asked = (float(np.mean(values)) for values in ([o.lost for o in ones], [o.asked for o in ones]))
        share = len(sure) / len(ones)
        print(
            f"{kind:14} {len(ones):6} {share:8.2f} {wrong:7.3f} [{lo:.3f}, {hi:.3f}] {stated:7.2f} {lost:6.3f} {asked:6.2f}"
        )
        regret = float(np.mean([one.regret for one in ones]))
        told = {"races": len(ones), "decided": share, "wrong": wrong, "stated": stated, "lost": lost, "asked": asked}
        figures[kind] = {name: round(value, 4) for name, value in {**told, "regret": regret}.items()}
    print(json.dumps({"bench": "races", "worlds": figures}))


if __name__ == "__main__":
    main()
