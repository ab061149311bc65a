"""Published comparisons as evidence: how much each path gained over prompting, and what that says of a new task.

One Gaussian model. A path's gain over prompting is a sum of parts (what a classifier adds, what retrieval adds, what
tuning adds, and what the last two add together on top), each part linear in the answers; each rule that fires adds its
weight, which is itself a belief that the cases correct. Studies and single comparisons stray from that line, so
eighteen rows of one study weigh little more than a few. Decides nothing; knows nothing of measurements on the task.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from advisor import texts
from advisor.answers import KEYS, UNKNOWN
from advisor.decide.rules import Rule, Signals
from advisor.system import PATH_NAMES

Floats = NDArray[np.float64]
DRAWS = 2000
SMALLEST_GAIN = 2.0  # points worth having

# (path, part): how paths are made of parts. Prompting, the baseline, has none.
PARTS: Floats = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 1]], dtype=np.float64)

CLIP = 25.0  # a path that lost by more counts as losing by this much: how hopeless it was decides nothing
# Standard deviations in points, by maximum marginal likelihood on all cases (rounded), from weak priors around them.
GAIN_SD, FEATURE_SD = 6.5, 2.0  # of a part's mean, and of the effect on it of one answer
RULE_SD = 1.0  # of a rule's true weight around the written one, as a multiple of it
TOGETHER = 0.5  # "together" varies this much as much as the parts it joins
STUDY_SD: Floats = np.array([2.5, 6.0, 6.5, 5.0])  # of a part between studies
CASE_SD: Floats = np.array([7.0, 3.0, 7.5, 2.5])  # of a part between comparisons of one study
SCORE_SD = 4.0  # of a single score
TAIL = 0.8  # of the log of how much anything matters on a task: more ties and more landslides than a Gaussian has
DOUBTFUL = {"secondary_source", "small_n", "small_test_set", "hobby_project", "repo_report", "different_base_models"}
DOUBT = 1.5  # such a case's own variance is this much larger

_WEIGHTS = {
    "output_kind": 2.0,
    "documents_available": 2.0,
    "needs_private_or_fresh_facts": 2.0,
    "tunes_same_model": 1.5,
}
_ORDER = {"yes": 1.0, "no": -1.0, "never": -1.0, "slowly": 0.0, "often": 1.0, "low": -1.0, "medium": 0.0, "high": 1.0}
_LOG = {"train_examples": (3.5, 1.2), "num_labels": (0.8, 0.5)}  # mean and sd of log10(1 + n) over the cases
_ORDERED = (
    "needs_private_or_fresh_facts",
    "documents_available",
    "tunes_same_model",
    "base_capability",
    "train_examples",
    "num_labels",
    "strict_format",
    "style_matters",
    "facts_change",
)
_TOGETHER = ((0, 1), (0, 3), (2, 3), (2, 4), (3, 4))  # pairs of `_ORDERED` whose product is a feature too


@dataclass(frozen=True, eq=False)
class Case:
    """One published comparison: what the task was, and the score (0..100) of each path that the study measured."""

    id: str
    study: str
    title: str
    year: int
    source: str
    task: str
    base_model: str
    answers: Mapping[str, str | float]
    scores: Mapping[str, float]
    metric: str
    evidence: str
    verified: bool
    tags: tuple[str, ...]

    @property
    def won(self) -> tuple[str, ...]:
        """The paths within the smallest gain worth having of the best measured, cheapest first."""
        best = max(self.scores.values())
        return tuple(path for path in PATH_NAMES if self.scores.get(path, -math.inf) >= best - SMALLEST_GAIN)


@cache
def load_cases() -> tuple[Case, ...]:
    """The shipped comparisons, `rules/cases.jsonl`."""
    text = (resources.files("rules") / "cases.jsonl").read_text(encoding="utf-8")
    return tuple(
        Case(**{**row, "tags": tuple(row["tags"])}) for _, row in texts.json_lines(text, "rules/cases.jsonl", [])
    )


def nearest(
    answers: Mapping[str, str | float], n: int = 5, cases: Sequence[Case] | None = None
) -> tuple[tuple[Case, float], ...]:
    """The `n` cases most like the answers, most alike first, with their similarity (0..1)."""
    ranked = sorted(
        ((similarity(answers, case.answers), case) for case in cases or load_cases()), key=lambda pair: -pair[0]
    )
    return tuple((case, alike) for alike, case in ranked[:n])


def similarity(answers: Mapping[str, str | float], other: Mapping[str, str | float]) -> float:
    """The share of what is known here that agrees there; a number by its ratio, what is unknown there as a half."""
    total = agreed = 0.0
    for name in KEYS:
        mine, theirs = answers.get(name, UNKNOWN), other.get(name, UNKNOWN)
        if mine == UNKNOWN:
            continue
        weight = _WEIGHTS.get(name, 1.0)
        total += weight
        if theirs == UNKNOWN:
            agreed += weight / 2
        elif isinstance(mine, str) or isinstance(theirs, str):
            agreed += weight * (mine == theirs)
        else:
            agreed += weight * math.exp(-abs(math.log10((1 + mine) / (1 + theirs))))
    return agreed / total if total else 0.5


def _encode(answers: Mapping[str, str | float]) -> Floats:
    """(d,) the answers as numbers around 0, NaN where unknown."""
    row = [_number(name, answers.get(name, UNKNOWN)) for name in _ORDERED]
    kind = answers.get("output_kind", UNKNOWN)
    row += [math.nan if kind == UNKNOWN else float(kind == choice) for choice in KEYS["output_kind"].choices]
    return np.array(row)


def _number(name: str, value: str | float) -> float:
    """A log number or ordered choice as a number around 0, NaN where unknown."""
    if value == UNKNOWN:
        return math.nan
    if name in _LOG and not isinstance(value, str):
        mean, deviation = _LOG[name]
        return (math.log10(1 + value) - mean) / deviation
    return _ORDER[str(value)]


def features(rows: Floats) -> Floats:
    """(n, f) from (n, d): a constant, the answers (0 where unknown) and products of some pairs."""
    rows = np.nan_to_num(rows)
    pairs = [rows[:, a] * rows[:, b] for a, b in _TOGETHER]
    return np.column_stack([np.ones(len(rows)), rows, *pairs])


@dataclass(frozen=True)
class CaseModel:
    """The model fitted to cases: ask `belief`.

    The random parts are drawn once, so that beliefs about two tasks differ by what is different about the tasks alone.
    """

    cases: tuple[Case, ...]
    rules: tuple[Rule, ...]
    rows: Floats  # (cases, d) encoded answers
    effects: Floats  # (draws, parts, features)
    weights: Floats  # (draws, rules) points
    stray: Floats  # (draws, paths) of a new study, a new comparison in it and each score
    scale: Floats  # (draws,) around 1
    uniform: Floats  # (draws,) which case an unknown answer is taken from

    def belief(self, answers: Mapping[str, str | float], signals: Signals, draws: int = DRAWS) -> Floats:
        """What is believed of each path's gain over prompting on a new task: (draws, 5) points. Prompting's own column is not
        constant: it holds how far a single score strays. `signals`, the answers among them, are what rules read.

        What is unknown is drawn, whole, from the cases, those that agree on what is known far more often; so it widens
        the belief and counts neither as no nor as average.
        """
        row = np.tile(_encode(answers), (draws, 1))
        if np.isnan(row[0]).any():
            row = np.where(np.isnan(row), self.rows[self._donors(row[0], self.uniform[:draws])], row)
        parts = np.einsum("sf,spf->sp", features(row), self.effects[:draws])
        pulled = self.weights[:draws] @ _pulls(self.rules, signals)
        gains = parts @ PARTS.T + self.stray[:draws] + pulled - pulled[:, :1]
        believed: Floats = np.clip(gains * self.scale[:draws, None], -100.0, 100.0)
        return believed

    def _donors(self, row: Floats, uniform: Floats) -> NDArray[np.intp]:
        distance = np.nan_to_num(np.abs(self.rows - row)).sum(axis=1)
        share = np.exp(-distance)
        return np.minimum(np.searchsorted(np.cumsum(share / share.sum()), uniform), len(share) - 1)


def _pulls(rules: Sequence[Rule], signals: Signals) -> Floats:
    """(rules, paths) 1 where a rule fires and speaks of the path."""
    pulls = np.zeros((len(rules), len(PATH_NAMES)))
    for row, rule in zip(pulls, rules, strict=True):
        row[PATH_NAMES.index(rule.path)] = rule.fires(signals)
    return pulls


@cache
def fit(cases: tuple[Case, ...], rules: tuple[Rule, ...], seed: int = 0) -> CaseModel:
    """Bayesian regression of all scores on answers and rules. Same seed, same model."""
    rows = np.array([_encode(case.answers) for case in cases])
    inputs = features(rows)
    case, path = np.array([(i, PATH_NAMES.index(p)) for i, case in enumerate(cases) for p in case.scores]).T
    scores = np.array([max(score, max(c.scores.values()) - CLIP) for c in cases for score in c.scores.values()])
    by_parts = np.einsum("np,nf->npf", PARTS[path], inputs[case]).reshape(len(case), -1)
    by_rules = np.array([_pulls(rules, c.answers) for c in cases])[case, :, path]
    design = np.hstack([by_parts, by_rules])

    study = np.unique([c.study for c in cases], return_inverse=True)[1][case]
    doubt = np.array([DOUBT if DOUBTFUL.intersection(c.tags) else 1.0 for c in cases])[case]
    same = case[:, None] == case
    noise = (PARTS[path] * STUDY_SD**2) @ PARTS[path].T * (study[:, None] == study)
    noise += (PARTS[path] * CASE_SD**2) @ PARTS[path].T * same * doubt[:, None]
    noise += np.eye(len(case)) * SCORE_SD**2 + 1e4 * same  # a task's level says nothing: only differences count

    spread = np.full((PARTS.shape[1], inputs.shape[1]), FEATURE_SD)
    spread[:, 0] = GAIN_SD
    spread[3] *= TOGETHER
    written = np.array([rule.weight for rule in rules])
    before = np.concatenate([np.zeros(spread.size), written])
    precision = np.concatenate([spread.ravel(), RULE_SD * np.abs(written)]) ** -2.0
    weighted = np.linalg.solve(noise, design)
    covariance = np.linalg.inv(design.T @ weighted + np.diag(precision))
    mean = covariance @ (weighted.T @ scores + precision * before)

    random = np.random.default_rng(seed)
    drawn = mean + random.normal(size=(DRAWS, len(mean))) @ np.linalg.cholesky(covariance).T
    effects, weights = drawn[:, : spread.size].reshape(DRAWS, *spread.shape), drawn[:, spread.size :]
    strayed = random.normal(size=(DRAWS, PARTS.shape[1])) * np.sqrt(STUDY_SD**2 + CASE_SD**2)
    stray = strayed @ PARTS.T + random.normal(size=(DRAWS, len(PATH_NAMES))) * SCORE_SD
    scale = np.exp(random.normal(-(TAIL**2) / 2, TAIL, DRAWS))
    return CaseModel(cases, rules, rows, effects, weights, stray, scale, random.random(DRAWS))
