"""What probes showed: systems with one part switched, on the same development examples; the differences are the evidence.

How they are run is known in `probing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from advisor.decide.belief import Measured
from advisor.decide.gaps import GAPS, Gap, Shown, measured_gap
from advisor.measure.race import Round
from advisor.runtime.grounding import Recall, Use
from advisor.score.metric import Metric, Scored
from advisor.score.statistics import draws, missed, rating
from advisor.system import digest
from advisor.task import Example

UNKNOWN = "unknown"  # no gap could be told: no system gave a whole answer


@dataclass(frozen=True)
class Probe:
    """One system measured: its score with interval, the metric's figures `beside` it, and what it took. `gap` is the gap
    that it closes where it passes; `cut` are the examples whose answers a limit cut off, the larger one too; `valid` the
    shares of its texts in a form that a program can read (`validity.forms`)."""

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

    @property
    def misses(self) -> bool:
        """Whether it gave no text so often that it is not to be recommended."""
        return missed(self.n, self.unscored)


@dataclass(frozen=True)
class Diagnosis:
    """What the probes showed. `gap_of`: for each example the first switch that made it pass ("none": passes already);
    `gaps`: the share of examples in each, and of those whose gap is unknown.

    `outlook`: for a path that was only tried in short, the further gain expected of building it in full, with its sd.
    `recall` and `use`, where there are documents: what is found at several depths, and what systems made of it. `folds`: in
    how many every example was measured by what was made without it, where rows are few. `ruled_out`: paths whose systems
    could not be asked, each with the reason. `floored`: for each of `floors` what it scores on each example. `shown`: an example of
    each gap. `rows`: on how many the short tuning learned, and how many a full one would. `rounds`: of the race; all arms
    answered the first, on which the gaps are told. `groups`: as `Split` has them, of these examples.
    """

    metric: str
    examples: int
    floors: Mapping[str, float]
    probes: tuple[Probe, ...]
    gap_of: Mapping[str, str]
    gaps: Mapping[str, float]
    outlook: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    recall: tuple[Recall, ...] = ()
    use: tuple[Use, ...] = ()
    folds: int = 0
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    floored: Mapping[str, tuple[Scored, ...]] = field(default_factory=dict)
    shown: Mapping[str, Shown] = field(default_factory=dict)
    rows: tuple[int, int] = (0, 0)
    rounds: tuple[Round, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)

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
            "short_tuning_score": self.score("short tuning"),
            "share_right": self.gaps["none"],
            **{f"gap_{gap}": share for gap, share in self.gaps.items() if gap != "none"},
        }
        return {name: value for name, value in named.items() if value is not None}

    def measured(self, metric: Metric, seed: int, proven: bool = True) -> Measured:
        """Paired draws of each path's score. A path with several probes is scored by the one chosen on other examples, of
        those that gave text often enough. `proven`: whether there is a sealed test."""
        of_path: dict[str, list[Probe]] = {}
        for probe in self.probes:
            if probe.path:
                of_path.setdefault(probe.path, []).append(probe)
        scored = {path: _cross_fitted(metric, _longest(probes), seed) for path, probes in of_path.items()}
        scored["baseline"] = _scored(next(probe for probe in self.probes if probe.name == "zero-shot"))
        all_scored = {**scored, **self.floored}
        drawn = draws(metric, all_scored, seed, self.groups, folded=self.folds > 0, beside="baseline")
        floors = {name: drawn.pop(name) for name in self.floored}
        return Measured(drawn, self.outlook, self.examples, proven, floors, self.rows)


def gaps_of(metric: Metric, probes: Sequence[Probe], examples: Sequence[Example]) -> dict[str, str]:
    """For each example the first switch, in the order of GAPS, that makes it pass; capability where whole answers failed."""
    gaps: dict[str, str] = {}
    for example in examples:
        passed = {p.gap for p in probes if (p.scores.get(example.id) or 0.0) >= metric.passing}
        whole = any(p.scores.get(example.id) is not None and example.id not in p.cut for p in probes)
        gaps[example.id] = next((gap for gap in GAPS if gap in passed), "capability" if whole else UNKNOWN)
    return gaps


def shares(gap_of: Mapping[str, str]) -> dict[str, float]:
    """The share of examples in each of GAPS, and of those whose gap is unknown."""
    return {gap: sum(one == gap for one in gap_of.values()) / max(1, len(gap_of)) for gap in (*GAPS, UNKNOWN)}


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
