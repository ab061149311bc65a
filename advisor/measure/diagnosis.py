"""What probes showed: systems with one part switched, on the same development examples; the differences are the evidence.

How they are run is known in `probing`.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.decide.belief import Measured, Triple
from advisor.decide.cases import SMALLEST_GAIN
from advisor.decide.gaps import BOTH, GAPS, SIDES, Gap, Shown, measured_gap
from advisor.measure.forecast import Rungs, in_full
from advisor.measure.race import CHANCE, Round
from advisor.runtime.grounding import Recall, Use
from advisor.runtime.instructions import Instructions
from advisor.score.metric import Metric, Scored
from advisor.score.statistics import difference, draws, missed, rating
from advisor.system import TUNING, digest
from advisor.task import Example

UNKNOWN = "unknown"  # no gap could be told: no system gave a whole answer, or none was tuned that could be


@dataclass(frozen=True)
class Probe:
    """One system measured: its score with interval, the metric's figures `beside` it, and what it took: of its `tokens` it wrote
    `written`. `gap` is the gap
    that it closes where it passes; `cut` are the examples whose answers a limit cut off, the larger one too; `valid` the
    shares of its texts in a form that a program can read (`validity.forms`). `usd_per_1000` requests take at an endpoint's prices,
    and an answer that is asked for alone takes `latency_ms`, where that was measured."""

    name: str
    path: str
    gap: str
    value: float
    lo: float
    hi: float
    n: int
    unscored: int
    seconds: float
    tokens: int
    scores: Mapping[str, float | None]
    statistics: Mapping[str, Sequence[float]]
    cut: tuple[str, ...] = ()
    valid: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    usd_per_1000: float | None = None
    latency_ms: float | None = None
    written: int = 0

    @property
    def misses(self) -> bool:
        """Whether it gave no text so often that it is not to be recommended."""
        return missed(self.n, self.unscored)


@dataclass(frozen=True)
class Placebo:
    """The arm called `of` with its content taken out (`what` was done to it): its `probe`, and how much better the arm itself is on
    the examples that both answered, in points with the ends of the 95 % interval (`gain`); None where both answered none."""

    of: str
    what: str
    probe: Probe
    gain: Triple | None


@dataclass(frozen=True)
class Diagnosis:
    """What the probes showed. `gap_of`: for each example the first switch that made it pass ("none": passes already);
    `gaps`: the share of examples in each, and of those whose gap is unknown.

    `rungs`: for a path that was only tried in short, what it was before and in short.
    `recall` and `use`, where there are documents: what is found at several depths, and what systems made of it. `folds`: in
    how many the examples lie, each measured by what was made without its own, where rows are few. `ruled_out`: paths whose systems
    could not be asked, each with the reason. `floored`: for each of `floors` what it scores on each example. `shown`: an example of
    each gap. `rows`: on how many the short tuning learned, and how many a full one would. `rounds`: of the race; all arms
    answered the first, on which the gaps are told. `instructions`: those that were tried before, on other examples. `groups`: as
    `Split` has them, of these examples. `placebos`: arms whose content was taken out.
    """

    metric: str
    examples: int
    floors: Mapping[str, float]
    probes: tuple[Probe, ...]
    gap_of: Mapping[str, str]
    gaps: Mapping[str, float]
    rungs: Mapping[str, Rungs] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    recall: tuple[Recall, ...] = ()
    use: tuple[Use, ...] = ()
    folds: int = 0
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    floored: Mapping[str, tuple[Scored, ...]] = field(default_factory=dict)
    shown: Mapping[str, Shown] = field(default_factory=dict)
    rows: tuple[int, int] = (0, 0)
    rounds: tuple[Round, ...] = ()
    instructions: Instructions | None = None
    groups: Mapping[str, int] = field(default_factory=dict)
    placebos: tuple[Placebo, ...] = ()

    @property
    def outlook(self) -> dict[str, tuple[float, float]]:
        """The further gain expected of building in full what was tried in short, by path, with its sd."""
        return {path: in_full(one) for path, one in self.rungs.items()}

    @property
    def clusters(self) -> int:
        """From how many sources the examples are."""
        return self.examples - len(self.groups) + len(set(self.groups.values()))

    @property
    def gap(self) -> Gap:
        """Which kind of gap it is, with an example of each."""
        return measured_gap(self.gaps, self.shown)

    def score(self, name: str) -> float | None:
        """The score of a probe; None when it was not run."""
        return next((probe.value for probe in self.probes if probe.name == name), None)

    def signals(self) -> dict[str, float]:
        """The values that rules read."""
        prompts = [probe.value for probe in self.probes if probe.path == "prompting"]
        named = {
            "zero_shot_score": self.score("zero-shot"),
            "best_prompt_score": max(prompts, default=None),
            "retrieved_score": self.score("retrieved context"),
            "oracle_score": self.score("oracle context"),
            "short_tuning_score": max((probe.value for probe in self.probes if probe.path in TUNING), default=None),
            "share_right": self.gaps["none"],
            **{f"gap_{gap}": share for gap, share in self.gaps.items() if gap != "none"},
        }
        return {name: value for name, value in named.items() if value is not None}

    def over(self, limits: Mapping[str, float]) -> dict[str, str]:
        """The probes that take more than the answers `max_latency_ms` and `max_cost_per_1000` allow, each with the reason."""
        reasons: dict[str, str] = {}
        for probe in self.probes:
            if probe.latency_ms is not None and probe.latency_ms > limits.get("max_latency_ms", math.inf):
                reasons[probe.name] = (
                    f"an answer takes {probe.latency_ms:.0f} ms, more than the {limits['max_latency_ms']:.0f} allowed"
                )
            elif probe.usd_per_1000 is not None and probe.usd_per_1000 > limits.get("max_cost_per_1000", math.inf):
                most = limits["max_cost_per_1000"]
                reasons[probe.name] = (
                    f"1,000 requests cost {probe.usd_per_1000:.2g} USD, more than the {most:g} allowed"
                )
        return reasons

    def gone(self, model: str, limits: Mapping[str, float]) -> frozenset[str]:
        """The arms, as they are called on a bench of this model, that take more than the answers allow."""
        over = self.over(limits)
        return _unmarked(probe.name for probe in self.probes if probe.model == model and probe.name in over)

    def raced(self, model: str) -> frozenset[str]:
        """The arms that were asked, as they are called on a bench of this model."""
        return _unmarked(probe.name for probe in self.probes if probe.model == model)

    def behind(self, metric: Metric, seed: int, model: str) -> frozenset[str]:
        """The arms, as they are called on a bench of this model, that can't be the best of their path any more: they have less than
        the chance by which an arm leaves the race."""
        own = {probe.name: probe for probe in self.probes if probe.model == model and probe.path}
        scored = {name: _scored(probe) for name, probe in own.items()}
        plain = self.probes[0].name
        drawn = draws(
            metric, {plain: _scored(self.probes[0]), **scored}, seed, self.groups, folded=self.folds > 0, beside=plain
        )
        names = set[str]()
        for path in {probe.path for probe in own.values()}:
            of_path = [name for name, probe in own.items() if probe.path == path]
            best = np.max([drawn[name] for name in of_path], axis=0)
            names |= {name for name in of_path if (drawn[name] >= best - SMALLEST_GAIN).mean() < CHANCE}
        return _unmarked(names)

    def too_dear(self, limits: Mapping[str, float]) -> dict[str, str]:
        """The paths of which every probe takes more than the answers allow, each with a reason."""
        over = self.over(limits)
        paths = {probe.path: over[probe.name] for probe in self.probes if probe.name in over and probe.path}
        return {path: why for path, why in paths.items() if all(p.name in over for p in self.probes if p.path == path)}

    def measured(
        self, metric: Metric, seed: int, proven: bool = True, limits: Mapping[str, float] | None = None
    ) -> Measured:
        """Paired draws of each path's score. A path with several probes is scored by the one chosen on other examples, of
        those that gave text often enough. `proven`: whether there is a sealed test. `limits`: what takes more is left out (`over`)."""
        over = self.over(limits or {})
        of_path: dict[str, list[Probe]] = {}
        for probe in self.probes:
            if probe.path and probe.name not in over:
                of_path.setdefault(probe.path, []).append(probe)
        scored = {path: _cross_fitted(metric, _longest(probes), seed) for path, probes in of_path.items()}
        scored["baseline"] = _scored(next(probe for probe in self.probes if probe.name == "zero-shot"))
        all_scored = {**scored, **self.floored}
        drawn = draws(metric, all_scored, seed, self.groups, folded=self.folds > 0, beside="baseline")
        floors = {name: drawn.pop(name) for name in self.floored}
        pairs = {} if len(self.models) < 2 else self._pairs(metric, seed, over)
        tried = self.instructions.count if self.instructions else 1
        return Measured(drawn, self.outlook, self.examples, proven, floors, self.rows, pairs, tried)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that were asked, in the order in which the task names them."""
        return tuple(dict.fromkeys(probe.model for probe in self.probes))

    def _pairs(self, metric: Metric, seed: int, over: Collection[str]) -> dict[tuple[str, str], NDArray[np.float64]]:
        """Paired draws of the score of each path with each model."""
        of_pair: dict[tuple[str, str], list[Probe]] = {}
        for probe in self.probes:
            if probe.path and probe.name not in over:
                of_pair.setdefault((probe.path, probe.model), []).append(probe)
        scored = {" ".join(pair): _cross_fitted(metric, _longest(probes), seed) for pair, probes in of_pair.items()}
        scored["baseline"] = _scored(self.probes[0])
        drawn = draws(metric, scored, seed, self.groups, folded=self.folds > 0, beside="baseline")
        return {pair: drawn[" ".join(pair)] for pair in of_pair}


def _unmarked(names: Iterable[str]) -> frozenset[str]:
    """Names of arms without that of their model, which follows where several are compared."""
    return frozenset(name.split(" · ")[0] for name in names)


def gain_over(metric: Metric, arm: Probe, placebo: Probe, seed: int, groups: Mapping[str, int]) -> Triple | None:
    """How much better an arm is than its placebo."""
    asked = [one for one in _scored(arm) if one.id in placebo.scores]
    more = difference(metric, asked, _scored(placebo), seed, groups)
    return None if more.value is None else (more.lo, more.value, more.hi)


def gaps_of(
    metric: Metric, probes: Sequence[Probe], examples: Sequence[Example], tunes: bool = False
) -> dict[str, str]:
    """For each example the first switch, in the order of GAPS, that makes it pass; BOTH where passages and tuning do it together
    and neither alone; capability where whole answers failed, unless the model `tunes` and no tuning was tried: then it is unknown."""
    gaps: dict[str, str] = {}
    beyond = UNKNOWN if tunes and not any(probe.path in TUNING for probe in probes) else "capability"
    for example in examples:
        passed = {p.gap for p in probes if (p.scores.get(example.id) or 0.0) >= metric.passing}
        whole = any(p.scores.get(example.id) is not None and example.id not in p.cut for p in probes)
        gaps[example.id] = next((gap for gap in (*GAPS, BOTH) if gap in passed), beyond if whole else UNKNOWN)
    return gaps


def shares(gap_of: Mapping[str, str]) -> dict[str, float]:
    """The share of examples in each of GAPS, and of those whose gap is unknown."""
    counts = Counter(gap_of.values())
    halves = {gap: counts[both] / len(sides) for both, sides in SIDES.items() for gap in sides}
    return {gap: (counts[gap] + halves.get(gap, 0.0)) / max(1, len(gap_of)) for gap in (*GAPS, UNKNOWN)}


def _longest(probes: Sequence[Probe]) -> list[Probe]:
    """Of a path's probes those that stayed in the race longest, and gave text often enough if any did."""
    kept = [probe for probe in probes if not probe.misses] or list(probes)
    most = max(len(probe.scores) for probe in kept)
    return [probe for probe in kept if len(probe.scores) == most]


def _scored(probe: Probe) -> list[Scored]:
    return [Scored(i, score, tuple(probe.statistics[i])) for i, score in probe.scores.items()]


def _cross_fitted(metric: Metric, probes: Sequence[Probe], seed: int) -> list[Scored]:
    """Each half of the examples scored by the probe that is best on the other half: choosing does not flatter."""
    tables = [{one.id: one for one in _scored(probe)} for probe in probes]
    ids = sorted(tables[0], key=lambda i: digest([seed, i]))
    halves = (ids[::2], ids[1::2])
    fitted: dict[str, Scored] = {}
    for ours, others in (halves, halves[::-1]):
        best = max(tables, key=lambda table: rating(metric, [table[i] for i in others or ours]))
        fitted |= {i: best[i] for i in ours}
    return [fitted[i] for i in tables[0]]


def capability(diagnosis: Diagnosis) -> str:
    """The answer `base_capability` as measured (under 30 low, over 75 high)."""
    value = float(np.clip(diagnosis.score("zero-shot") or 0.0, 0, 100))
    return "low" if value < 30 else "high" if value > 75 else "medium"
