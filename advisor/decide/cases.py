"""Published comparisons as evidence: how much each path gained over prompting, and what that says of a new task.

One Gaussian model. A path's gain over prompting is a sum of parts (what a classifier adds, what retrieval adds, what
tuning adds, and what the last two add together on top), each part linear in the answers; each rule that fires adds its
weight, which is itself a belief that the cases correct. Studies and single comparisons stray from that line, so
eighteen rows of one study weigh little more than a few. Decides nothing; knows nothing of measurements on the task.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from advisor import texts
from advisor.answers import KEYS, UNKNOWN
from advisor.decide.rules import Rule, Signals
from advisor.system import LEARNING, PATH_NAMES

Floats = NDArray[np.float64]
DRAWS = 2000
SMALLEST_GAIN = 2.0  # points worth having

# (path, part): how paths are made of parts. Prompting, the baseline, has none.
PARTS: Floats = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 1]], dtype=np.float64)

CLIP = 25.0  # a path that lost by more counts as losing by this much: how hopeless it was decides nothing
# Standard deviations in points, by maximum marginal likelihood on all cases (rounded), from weak priors around them.
GAIN_SD, FEATURE_SD = 6.5, 2.0  # of a part's mean, and of the effect on it of one answer
RULE_SD = 0.5  # of a rule's true weight around the written one, as a multiple of it
TOGETHER = 0.5  # "together" varies this much as much as the parts it joins
STUDY_SD: Floats = np.array([2.5, 6.0, 6.5, 5.0])  # of a part between studies
CASE_SD: Floats = np.array([7.0, 3.0, 7.5, 2.5])  # of a part between comparisons of one study
SCORE_SD = 4.0  # of a single score
TAIL = 0.8  # of the log of how much anything matters on a task: more ties and more landslides than a Gaussian has
DOUBTFUL = {"secondary_source", "small_n", "small_test_set", "hobby_project", "repo_report", "different_base_models"}
DOUBT = 1.5  # such a case's own variance is this much larger

ABOUT = 6.0  # the weight of a description beside answers: a like task in another form says more than an unlike one in the same
SAME_SUBJECT = 0.25  # a cosine of words that only descriptions of one subject reach

_WEIGHTS = {
    "output_kind": 4.0,
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

    @property
    def told(self) -> Mapping[str, str | float]:
        """The answers, without the count of examples where a study learned from those of another task, and has none of its
        own."""
        borrowed = self.answers["train_examples"] == 0 and any(path in self.scores for path in LEARNING)
        return {**self.answers, "train_examples": UNKNOWN} if borrowed else self.answers


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
    """The `n` cases most like the answers, most alike first, with their similarity (0..1); of each study the one most like."""
    known = cases or load_cases()
    about = _alike_in_words(str(answers.get("description", UNKNOWN)), known)
    ranked = sorted(
        ((similarity(answers, case.answers, near), case) for case, near in zip(known, about, strict=True)),
        key=lambda pair: -pair[0],
    )
    of_study: dict[str, tuple[Case, float]] = {}
    for alike, case in ranked:
        of_study.setdefault(case.study, (case, alike))
    return tuple(of_study.values())[:n]


def similarity(
    answers: Mapping[str, str | float], other: Mapping[str, str | float], about: float | None = None
) -> float:
    """The share of what is known here that agrees there; a number by its ratio, what is unknown there as a half. `about`: how
    alike the descriptions are (0..1), None where there is none."""
    weight_of = {name: _WEIGHTS.get(name, 1.0) for name in KEYS if answers.get(name, UNKNOWN) != UNKNOWN}
    agreed = {name: _agree(answers[name], other.get(name, UNKNOWN)) for name in weight_of if name != "description"}
    if about is not None:
        agreed["description"], weight_of["description"] = about, ABOUT
    total = sum(weight_of[name] for name in agreed)
    return sum(weight_of[name] * agreed[name] for name in agreed) / total if total else 0.5


def _agree(mine: str | float, theirs: str | float) -> float:
    if theirs == UNKNOWN:
        return 0.5
    if isinstance(mine, str) or isinstance(theirs, str):
        return float(mine == theirs)
    return math.exp(-abs(math.log10((1 + mine) / (1 + theirs))))


def _alike_in_words(description: str, cases: Sequence[Case]) -> Sequence[float | None]:
    """For each case how much its task's words are those of a description: cosines of TF-IDF vectors, `SAME_SUBJECT` and more
    as 1; None without a description."""
    if description == UNKNOWN:
        return [None] * len(cases)
    texts_of = [texts.subjects(f"{case.task} {case.title}") for case in cases]
    spread = Counter(word for words in texts_of for word in words)
    rarity = {word: math.log(len(cases) / count) for word, count in spread.items()}
    mine = texts.subjects(description)
    unseen = math.log(len(cases))

    def length(words: set[str]) -> float:
        return math.sqrt(sum(rarity.get(word, unseen) ** 2 for word in words)) or 1.0

    shared = [sum(rarity[word] ** 2 for word in words & mine) for words in texts_of]
    return [
        min(1.0, both / (length(mine) * length(words)) / SAME_SUBJECT)
        for both, words in zip(shared, texts_of, strict=True)
    ]


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
    halves: NDArray[np.bool_]  # (draws, 2) whether documents, and examples, of which nothing is known are there

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
    rows = np.array([_encode(case.told) for case in cases])
    inputs = features(rows)
    case, path = np.array([(i, PATH_NAMES.index(p)) for i, case in enumerate(cases) for p in case.scores]).T
    scores = np.array([max(score, max(c.scores.values()) - CLIP) for c in cases for score in c.scores.values()])
    by_parts = np.einsum("np,nf->npf", PARTS[path], inputs[case]).reshape(len(case), -1)
    by_rules = np.array([_pulls(rules, c.told) for c in cases])[case, :, path]
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
    uniform, halves = random.random(DRAWS), random.random((DRAWS, 2)) < 0.5
    return CaseModel(cases, rules, rows, effects, weights, stray, scale, uniform, halves)
