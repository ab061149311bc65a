"""How well `run` decides: what it would build in each situation of the truth table, and what that costs beside the best.

Regret is cross-fitted: the best path is picked on one half of the test rows, and how much better it is than what was built is
measured on the other; then the same with halves swapped. What is built provisionally counts as built; where nothing is, what
the advice says is handed out instead, the first passage or the plain prompt's answer. Finding out is counted in seconds of
processor time, as building and proving are in the table.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from pydantic import TypeAdapter

from advisor.answers import KEYS, UNKNOWN
from advisor.data.reading import load_task
from advisor.decide.cases import SMALLEST_GAIN
from advisor.decide.recommendation import recommend
from advisor.decide.rules import load_rules
from advisor.measure.forecast import Rungs, in_full
from advisor.score.metric import COPIED, Metric
from advisor.score.metrics import resolve
from advisor.system import PATH_NAMES
from benchmarks import flags
from benchmarks.decisions.situations import HELD_OUT, ROWS, TASKS, Situation, situations
from benchmarks.decisions.truth import BASELINE, Worth, opened, table

WIDE = 10.0  # points between the best path and the next, from which a decision should not be left open
DRAWS, RESAMPLES = 10_000, 1000
MISSED = 0.1  # of what is forecast may lie outside its interval
EXPONENTS = np.array([0.1, 0.2, 0.3, 0.4, 0.6])  # of a power of the rows, by which tunings were forecast before


@dataclass(frozen=True)
class Advised:
    """What the advisor says of a situation: what it would build ("" for nothing, `COPIED` where that is to hand out the first
    passage), whether it recommends that or only can't tell better, and how probable it thinks each path to be within reach of
    the best; the first path from answers alone; seconds of processor time that it took to find out; of the tunings that were
    tried in short the rungs."""

    situation: str
    path: str
    recommended: bool
    probable: Mapping[str, float]
    from_answers: str
    seconds: float
    rungs: Mapping[str, Rungs]


_ADVISED = TypeAdapter(Advised)


@dataclass(frozen=True)
class Truth:
    """The paths of a situation with what each row of the test adds to the metric's sums, by path."""

    situation: Situation
    metric: Metric
    worth: Mapping[str, Worth]

    def score(self, path: str, half: slice = slice(None)) -> float:
        """The score of a path on the test, or on a part of it."""
        known = [sums for sums in self.worth[path].sums[half] if sums is not None]
        return float(self.metric.aggregate(np.array(known, dtype=float).sum(0, keepdims=True))[0])

    @property
    def paths(self) -> list[str]:
        """The paths that can be built, in their order."""
        return [path for path in PATH_NAMES if path in self.worth]

    @property
    def options(self) -> list[str]:
        """What can be done: the paths, and handing out the first passage where there is one."""
        return [*self.paths, *([COPIED] if COPIED in self.worth else [])]

    @property
    def lead(self) -> float:
        """How far the best that can be done is from the next."""
        first, second, *_ = sorted(map(self.score, self.options), reverse=True)
        return first - second

    def sd(self, path: str) -> float:
        """The sd of a path's score, from which rows the test has (bootstrap)."""
        known = np.array([sums for sums in self.worth[path].sums if sums is not None], dtype=float)
        drawn = np.random.default_rng(0).integers(len(known), size=(RESAMPLES, len(known)))
        return float(self.metric.aggregate(known[drawn].sum(axis=1)).std())

    def regret(self, path: str) -> float:
        """How much worse it is to build a path than the best that can be done, cross-fitted."""
        halves = (slice(0, None, 2), slice(1, None, 2))
        lost = []
        for picked, measured in (halves, halves[::-1]):
            best = max(self.options, key=lambda one: self.score(one, picked))
            lost.append(self.score(best, measured) - self.score(path or BASELINE, measured))
        return float(np.mean(lost))


def known(data: Path) -> list[Truth]:
    """The situations of which the table knows every path."""
    by_name: dict[str, dict[str, Worth]] = {}
    for one in table():
        by_name.setdefault(one.situation, {})[one.path] = one
    found = []
    for situation in situations(data, (*TASKS, *HELD_OUT)):
        worth, last = by_name.get(situation.name, {}), "rag+finetuning" if situation.documents else "finetuning"
        if last in worth:
            task = load_task(data / situation.task)
            found.append(Truth(situation, resolve(task.metric, task.labels), worth))
    return found


def advise(one: Truth, data: Path, folder: Path) -> Advised:
    """Ask the advisor, with its probes but without building anything."""
    since = time.process_time()
    with chdir(folder):
        run = opened(one.situation, data, folder)
        advice, chosen = run.recommendation, run.chosen
        told = recommend(
            {**dict.fromkeys(KEYS, UNKNOWN), **run.profile.derived, **run.task.answers},
            run.profile.signals,
            load_rules(),
        )
    probable = {estimate.path: estimate.probability for estimate in advice.ranking}
    first = next(estimate.path for estimate in told.ranking if estimate.path in one.worth)
    took, measured = round(time.process_time() - since, 1), run.diagnosis
    assert measured
    copied = max(measured.floors, key=lambda name: measured.floors[name]) == COPIED
    path = chosen.path if chosen else COPIED if copied else ""
    return Advised(one.situation.name, path, advice.path is not None, probable, first, took, measured.rungs)


RULES: Mapping[str, Callable[[Truth], str]] = {  # what is done without measuring anything
    "always prompting": lambda one: "prompting",
    "RAG where there are documents": lambda one: "rag" if "rag" in one.worth else "prompting",
    "always finetuning": lambda one: "finetuning",
    "RAG for knowledge, tuning for behaviour": lambda one: "rag" if "rag" in one.worth else "finetuning",
    "the dearest path": lambda one: one.paths[-1],
}


def figures(ones: Sequence[Truth], advised: Mapping[str, Advised]) -> dict[str, object]:
    """What the last line says."""
    told = [advised[one.situation.name] for one in ones]
    regrets = np.array([one.regret(a.path) for one, a in zip(ones, told, strict=True)])
    wide = [a for one, a in zip(ones, told, strict=True) if one.situation.rows == max(ROWS) and one.lead > WIDE]
    within, stated = [], []
    for one, a in zip(ones, told, strict=True):
        best = max(map(one.score, one.options))
        within += [one.score(path) >= best - SMALLEST_GAIN for path in one.paths]
        stated += [a.probable[path] for path in one.paths]
    built = sum(w.built + w.tested for one in ones for path, w in one.worth.items() if path not in (BASELINE, COPIED))
    others = {name: [one.regret(rule(one)) for one in ones] for name, rule in RULES.items()}
    others["answers alone"] = [one.regret(a.from_answers) for one, a in zip(ones, told, strict=True)]
    return {
        "bench": "decisions",
        "situations": len(ones),
        "regret_mean": round(float(regrets.mean()), 2),
        "regret_interval": _interval(regrets),
        "regret_worst": round(float(regrets.max()), 2),
        "agreement": round(float(np.mean([_right(one, a.path) for one, a in zip(ones, told, strict=True)])), 3),
        "left_open": round(float(np.mean([not a.recommended for a in wide])), 3) if wide else None,
        "cost_share": round(sum(a.seconds for a in told) / built, 3),
        "brier": round(float(np.mean((np.array(stated) - np.array(within)) ** 2)), 3),
        "forecasts": foretold(ones, advised),
        "baselines": {name: round(float(np.mean(lost)), 2) for name, lost in others.items()},
    }


def _by_exponents(rungs: Rungs) -> tuple[float, float]:
    """As a power of the rows: each of five exponents as likely."""
    gains = (100 - rungs.short) * (1 - max(1.0, rungs.more) ** -EXPONENTS)
    return float(gains.mean()), float(gains.std())


FORECASTS: Mapping[str, Callable[[Rungs], tuple[float, float]]] = {  # of a tuning's further gain: expected, and its sd
    "ours": in_full,
    "one exponent": _by_exponents,
    "as the last rung": lambda rungs: (0.0, 0.0),
}


def foretold(ones: Sequence[Truth], advised: Mapping[str, Advised]) -> dict[str, dict[str, float]]:
    """For each forecast the mean interval score of its 90 % intervals (Gneiting and Raftery 2007, JASA 102: the less the better),
    in points, and how many of the scores on the test they hold; the sampling errors of both sets are in them."""
    found: dict[str, dict[str, float]] = {}
    for name, forecast in FORECASTS.items():
        scores, held = [], []
        for one in ones:
            for path, rungs in advised[one.situation.name].rungs.items():
                (gain, spread), came = forecast(rungs), one.score(path)
                half = NormalDist().inv_cdf(1 - MISSED / 2) * math.hypot(rungs.sd, spread, one.sd(path))
                lo, hi = max(0.0, rungs.short + gain - half), min(100.0, rungs.short + gain + half)
                scores.append(hi - lo + 2 / MISSED * (max(0.0, lo - came) + max(0.0, came - hi)))
                held.append(lo <= came <= hi)
        found[name] = {"score": round(float(np.mean(scores)), 1), "held": sum(held), "of": len(held)}
    return found


def _right(one: Truth, path: str) -> bool:
    return one.score(path or BASELINE) >= max(map(one.score, one.options)) - SMALLEST_GAIN


def _interval(regrets: np.ndarray) -> list[float]:
    """The ends of the mean's 95 % interval (bootstrap over situations)."""
    drawn = np.random.default_rng(0).choice(regrets, (DRAWS, len(regrets))).mean(axis=1)
    lo, hi = np.quantile(drawn, [0.025, 0.975])
    return [round(float(lo), 2), round(float(hi), 2)]


def main() -> None:
    """Print a line for each situation, then one JSON line. What was found out is kept; --fresh asks again."""
    asked = flags.given("decisions", __doc__, lambda folder: flags.removed(folder / "advised"))
    data, folder = asked.data.resolve(), (asked.folder / "advised").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ones, file = known(data), folder / "advised.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    advised = {one.situation: one for one in map(_ADVISED.validate_json, lines)}
    print(f"{'situation':28} {'built':20} {'regret':>7} {'best':20} {'lead':>5} {'s':>5}")
    for one in ones:
        name = one.situation.name
        if name not in advised:
            advised[name] = advise(one, data, folder)
            with file.open("a", encoding="utf-8") as lines_:
                lines_.write(_ADVISED.dump_json(advised[name]).decode() + "\n")
        a, best = advised[name], max(one.options, key=one.score)
        built = f"{a.path or 'nothing'}{'' if a.recommended or not a.path else '?'}"
        print(f"{name:28} {built:20} {one.regret(a.path):7.1f} {best:20} {one.lead:5.1f} {a.seconds:5.0f}", flush=True)
    if apart := [one for one in ones if one.situation.task in HELD_OUT]:
        print(
            f"of these, on the {len(apart)} situations that nothing was fitted on:\n{json.dumps(figures(apart, advised))}"
        )
    if ones:
        print(json.dumps(figures(ones, advised)))


if __name__ == "__main__":
    main()
