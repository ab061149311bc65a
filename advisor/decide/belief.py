"""What is believed of the five paths in a situation: draws of their scores, and in which of them each path can be taken.

Knows nothing of models, files or how things were measured; `Measured` is all it is told of that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.answers import UNKNOWN
from advisor.decide.cases import DRAWS, CaseModel, Floats
from advisor.decide.costs import Cost, Work, costs
from advisor.decide.rates import Rates, usual
from advisor.decide.rules import Signals
from advisor.system import LEARNING, PATH_NAMES, RETRIEVING

Answers = Mapping[str, str | float]
Bools = NDArray[np.bool_]

INTERVAL = (5, 95)  # percentiles that are told of draws
Triple = tuple[float, float, float]  # lower end, expected, upper end

LEVEL = 1e5  # the variance of a task's level, of which nothing is known


@dataclass(frozen=True)
class Measured:
    """What probes measured on development examples.

    `draws`: for each path measured (and "baseline", if it is) the (b,) bootstrap draws of its score, 0..100, draw i of
    every path from the same resampled examples. `outlook`: for a path that was only tried in short, the further gain
    in points expected of building it in full, and the sd of that. `examples`: how many were measured on. `proven`: whether
    a sealed test is there to prove it on. `floors`: the like draws of what no work at all scores, by name.
    `rows`: on how many rows tuning was tried in short, and how many it would learn from; `seen`: how many both see, repeats
    counted. `pairs`: where models were compared, the like draws of each path with each model, of which a path's own are those of
    the best. `instructions`: how many were tried.
    """

    draws: Mapping[str, NDArray[np.float64]]
    outlook: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    examples: int = 0
    proven: bool = True
    floors: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    rows: tuple[int, int] = (0, 0)
    pairs: Mapping[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    instructions: int = 1
    seen: tuple[int, int] = (0, 0)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that were measured."""
        return tuple(path for path in PATH_NAMES if path in self.draws)

    @property
    def models(self) -> dict[str, str]:
        """The best model for each path, where models were compared."""
        best: dict[str, tuple[float, str]] = {}
        for (path, model), drawn in self.pairs.items():
            best[path] = max(best.get(path, (-1.0, "")), (float(drawn.mean()), model))
        return {path: model for path, (_, model) in best.items()}

    @property
    def floor(self) -> tuple[str, float]:
        """The highest floor and its score; none scores nothing."""
        scores = {name: float(draws.mean()) for name, draws in self.floors.items()}
        return max(scores.items(), key=lambda one: one[1], default=("nothing", 0.0))


@dataclass(frozen=True)
class Situation:
    """All that a decision rests on. `signals` are measured values that rules may read beside the answers; `infeasible`
    names paths that can't be taken, each with the reason; `feasible` those that can whatever the answers say, such as
    what was measured. `work` is what machines do for paths, `rates` what that and people's hours are priced at; `own_rates` are
    those of paths whose best model is another than the first."""

    answers: Answers
    signals: Signals = field(default_factory=dict)
    measured: Measured | None = None
    infeasible: Mapping[str, str] = field(default_factory=dict)
    feasible: frozenset[str] = frozenset()
    work: Mapping[str, Work] = field(default_factory=dict)
    rates: Rates = field(default_factory=usual)
    own_rates: Mapping[str, Rates] = field(default_factory=dict)

    @property
    def costs(self) -> dict[str, Cost]:
        """What each path takes."""
        own = {path: costs(self.answers, self.work, rates)[path] for path, rates in self.own_rates.items()}
        return {**costs(self.answers, self.work, self.rates), **own}

    @property
    def known(self) -> Signals:
        """What rules read: answers and signals."""
        return {**self.answers, **self.signals}

    @property
    def ruled_out(self) -> dict[str, str]:
        """Paths that can't be taken, each with the reason. What is unknown rules nothing out."""
        told = {path: why for path, why in denied(self.answers).items() if path not in self.feasible}
        return {**told, **self.infeasible}


def denied(answers: Answers) -> dict[str, str]:
    """Paths that need what a person said is not there, each with the reason."""
    reasons: dict[str, str] = {}
    if answers["documents_available"] == "no":
        reasons |= dict.fromkeys(RETRIEVING, "there are no documents to retrieve from")
    if answers["train_examples"] == 0:
        reasons |= dict.fromkeys(LEARNING, "there are no examples to train on")
    if answers["output_kind"] not in (UNKNOWN, "label"):
        reasons["classifier"] = "the output is not one of a fixed set of labels"
    return reasons


def possible(model: CaseModel, situation: Situation) -> Bools:
    """(draws, 5) whether each path can be taken. What it needs and nobody said is there, is there in half of the draws:
    so it can't win by that."""
    out, taken = situation.ruled_out, set(situation.feasible)
    there = np.ones((DRAWS, len(PATH_NAMES)), dtype=bool)
    needs = {"documents_available": RETRIEVING, "train_examples": LEARNING}
    for half, (name, paths) in zip(model.halves.T, needs.items(), strict=True):
        if situation.answers[name] == UNKNOWN:
            for path in set(paths) - taken:
                there[:, PATH_NAMES.index(path)] &= half
    there &= np.array([path not in out for path in PATH_NAMES])
    return there


def believed(model: CaseModel, situation: Situation) -> Floats:
    """(draws, 5) scores of the paths; without a measurement relative to an unknown level.

    With one, every draw is moved by how far the measurement, with an error drawn for it, is from what the draw says of
    the paths measured: times the regression of all scores on those. That is the exact update of a linear-Gaussian
    model, made on draws (Evensen 2003, the ensemble Kalman filter; in geostatistics conditioning by kriging).
    """
    prior, measured = model.belief(situation.answers, situation.known), situation.measured
    if not measured or not measured.paths:
        return prior
    names, draws = measured.paths, len(prior)
    seen = [PATH_NAMES.index(path) for path in names]
    outlook = np.array([measured.outlook.get(path, (0.0, 0.0)) for path in names])
    boot = np.column_stack([measured.draws[path] for path in names])
    random = np.random.default_rng(1).normal(size=(draws, len(names)))
    error = (boot - boot.mean(0))[np.arange(draws) % len(boot)] + random * outlook[:, 1]
    spread = np.cov(prior, rowvar=False) + LEVEL
    trust = np.atleast_2d(np.cov(boot, rowvar=False)) + np.diag(outlook[:, 1] ** 2 + 1e-6)
    gain = np.linalg.solve(spread[np.ix_(seen, seen)] + trust, spread[seen]).T
    moved: Floats = prior + (boot.mean(0) + outlook[:, 0] - prior[:, seen] - error) @ gain.T
    return moved


def facing(draws: Floats, n: int) -> Floats:
    """(n,) the draws of something measured beside scores that `believed` gave: an error that raises what was measured lowers
    what is believed, so its sign is turned."""
    turned: Floats = (2 * draws.mean() - draws)[np.arange(n) % len(draws)]
    return turned


def ends(draws: Floats) -> Triple:
    """What is told of draws, to four places: more would be noise."""
    low, high = np.percentile(draws, INTERVAL)
    return round(float(low), 4), round(float(draws.mean()), 4), round(float(high), 4)
