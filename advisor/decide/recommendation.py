"""The decision: rules, published cases and measurements as one belief, then a ranking of all five paths.

Knows nothing of models, files or how things were measured; `Measured` is all it is told of that. What it believes is
a set of draws of the five paths' scores; every figure it gives is a share or a quantile of those.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from advisor.answers import KEYS, UNKNOWN
from advisor.decide.cases import DRAWS, SMALLEST_GAIN, Case, CaseModel, Floats, fit, load_cases, nearest
from advisor.decide.costs import EFFORTS, Cost
from advisor.decide.rules import Rule, Signals, fired
from advisor.system import PATH_NAMES

# From answers alone, cross-validated: what was advised at 0.6 or more was right in about three of four cases, what was
# less sure in less than two of three (`python benchmarks/decide.py`). With measurements a build costs hours and the
# sealed test still checks it: wrong once in five is the most we accept.
ENOUGH_FROM_ANSWERS, ENOUGH_MEASURED = 0.6, 0.8
FEW_DRAWS = 500  # for asking what would change, where only the first path counts
INTERVAL = (5, 95)  # percentiles
UNMEASURED = "not measured"  # is noted of a path that no probe tried where others were
_TRIED: Mapping[str, tuple[float, ...]] = {"train_examples": (0.0, 200.0, 5000.0), "num_labels": (3.0, 100.0)}


@dataclass(frozen=True)
class Measured:
    """What probes measured on development examples.

    `draws`: for each path measured (and "baseline", if it is) the (b,) bootstrap draws of its score, 0..100, draw i of
    every path from the same resampled examples. `outlook`: for a path that was only tried in short, the further gain
    in points expected of building it in full, and the sd of that. `examples`: how many were measured on. `proven`: whether
    a sealed test is there to prove it on.
    """

    draws: Mapping[str, NDArray[np.float64]]
    outlook: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    examples: int = 0
    proven: bool = True


@dataclass(frozen=True)
class Ranked:
    """One path: the probability that it is within the smallest gain worth having of the best possible path, its
    expected gain in points with a 90 % interval, what it costs, and why it is impossible where it is."""

    path: str
    probability: float
    expected_gain: float
    interval: tuple[float, float]
    cost: Cost
    note: str = ""


@dataclass(frozen=True)
class Reason:
    """One argument in words. A rule's carries its id, weight and source; a comparison's only its text."""

    text: str
    rule: str = ""
    weight: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class Similar:
    """A published comparison with its similarity, 0 to 1; `won` are the paths within the smallest gain of its best."""

    id: str
    title: str
    source: str
    task: str
    scores: Mapping[str, float]
    won: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class Recommendation:
    """Which path, how sure, and why.

    `path` is None where the evidence is insufficient; `provisional` then is the cheapest path that can't be told from
    the best. `certainty` is the probability of the first in the ranking. Gains are over `gain_over`; `answers` are those that it
    rests on.
    """

    path: str | None
    certainty: float
    enough: float
    provisional: str | None
    gain_over: str
    ranking: tuple[Ranked, ...]
    reasons: tuple[Reason, ...]
    would_change: tuple[str, ...]
    next: str
    cases: tuple[Similar, ...] = ()
    answers: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def leading(self) -> str:
        """The first in the ranking, decided or not."""
        return self.ranking[0].path


def recommend(
    answers: Mapping[str, str | float],
    signals: Signals,
    rules: tuple[Rule, ...],
    measured: Measured | None = None,
    costs: Mapping[str, Cost] = EFFORTS,
    infeasible: Mapping[str, str] | None = None,
    cases: tuple[Case, ...] | None = None,
) -> Recommendation:
    """The path to take, from answers, from measurements or both.

    `signals` are measured values that rules may read beside the answers; `costs` says what each path takes;
    `infeasible` names paths that can't be taken, each with the reason; `cases` are the comparisons to learn from
    (default: those shipped).
    """
    known: dict[str, str | float] = {**dict.fromkeys(KEYS, UNKNOWN), **answers}
    impossible = {**_impossible(known), **(infeasible or {})}
    if measured and not any(path in measured.draws for path in PATH_NAMES):
        measured = None  # a baseline alone compares nothing
    model = fit(cases or load_cases(), rules)
    scores = believed(model, known, {**known, **signals}, measured, DRAWS)
    probability = _probabilities(scores, impossible)
    order = _order(probability, impossible)
    over, gains = _gains(scores, measured)
    low, high = np.percentile(gains, INTERVAL, axis=0)
    ranking = []
    for path in order:
        k = PATH_NAMES.index(path)
        note = impossible.get(path, "") or (UNMEASURED if measured and path not in measured.draws else "")
        interval = (_rounded(low[k]), _rounded(high[k]))
        ranking.append(Ranked(path, float(probability[k]), _rounded(gains[:, k].mean()), interval, costs[path], note))
    certainty, enough = ranking[0].probability, ENOUGH_MEASURED if measured else ENOUGH_FROM_ANSWERS
    decided = certainty >= enough
    alike = nearest(known, 25, model.cases)
    settle = _examples_to_settle(scores, order, impossible, measured, enough) if measured else ""
    return Recommendation(
        path=order[0] if decided else None,
        certainty=certainty,
        enough=enough,
        provisional=None if decided else _cheapest_contender(scores, order[0], impossible),
        gain_over=over,
        ranking=tuple(ranking),
        reasons=_reasons(order[0], fired(rules, {**known, **signals}), measured, alike),
        would_change=(*_flips(model, known, signals, measured, infeasible or {}), *filter(None, [settle])),
        next=_next(known, order[0], decided, measured, settle),
        cases=tuple(map(_similar, alike[:5])),
        answers=answers,
    )


def _similar(alike: tuple[Case, float]) -> Similar:
    case, similarity = alike
    return Similar(case.id, case.title, case.source, case.task, case.scores, case.won, round(similarity, 3))


def _rounded(value: float) -> float:
    """What is told of a figure: more digits than these would be noise."""
    return round(float(value), 4)


def _impossible(answers: Mapping[str, str | float]) -> dict[str, str]:
    """Paths that the answers rule out, each with the reason. What is unknown rules nothing out."""
    reasons: dict[str, str] = {}
    if answers["documents_available"] == "no":
        reasons |= dict.fromkeys(("rag", "rag+finetuning"), "there are no documents to retrieve from")
    if answers["train_examples"] == 0:
        reasons |= dict.fromkeys(("classifier", "finetuning", "rag+finetuning"), "there are no examples to train on")
    if answers["output_kind"] not in (UNKNOWN, "label"):
        reasons["classifier"] = "the output is not one of a fixed set of labels"
    return reasons


def believed(
    model: CaseModel,
    answers: Mapping[str, str | float],
    signals: Signals,
    measured: Measured | None,
    draws: int,
) -> Floats:
    """(draws, 5) scores of the paths; without a measurement relative to an unknown level.

    With one, every draw is moved by how far the measurement, with an error drawn for it, is from what the draw says of
    the paths measured: times the regression of all scores on those. That is the exact update of a linear-Gaussian
    model, made on draws (Evensen 2003, the ensemble Kalman filter; in geostatistics conditioning by kriging).
    """
    prior = model.belief(answers, signals, draws)
    names = [path for path in PATH_NAMES if measured and path in measured.draws]
    if not measured or not names:
        return prior
    seen = [PATH_NAMES.index(path) for path in names]
    outlook = np.array([measured.outlook.get(path, (0.0, 0.0)) for path in names])
    boot = np.column_stack([measured.draws[path] for path in names])
    random = np.random.default_rng(1).normal(size=(draws, len(names)))
    error = (boot - boot.mean(0))[np.arange(draws) % len(boot)] + random * outlook[:, 1]
    spread = np.cov(prior, rowvar=False) + 1e5  # a level that nothing is known of
    trust = np.atleast_2d(np.cov(boot, rowvar=False)) + np.diag(outlook[:, 1] ** 2 + 1e-6)
    gain = np.linalg.solve(spread[np.ix_(seen, seen)] + trust, spread[seen]).T
    moved: Floats = prior + (boot.mean(0) + outlook[:, 0] - prior[:, seen] - error) @ gain.T
    return moved


def _probabilities(scores: Floats, impossible: Mapping[str, str]) -> Floats:
    """(5,) the share of draws in which a path is within the smallest gain of the best possible one, to two places:
    more would be noise, and what is nearer than that is a tie."""
    possible = np.array([path not in impossible for path in PATH_NAMES])
    best = np.where(possible, scores, -np.inf).max(axis=1, keepdims=True)
    shares: Floats = ((scores >= best - SMALLEST_GAIN) & possible).mean(axis=0)
    return shares.round(2)


def _order(probability: Floats, impossible: Mapping[str, str]) -> list[str]:
    """All five paths, the likeliest first; of ties the cheaper; the impossible last."""
    return sorted(PATH_NAMES, key=lambda path: (path in impossible, -probability[PATH_NAMES.index(path)]))


def _gains(scores: Floats, measured: Measured | None) -> tuple[str, Floats]:
    """What gains are over (the measured baseline if there is one, else prompting) and (draws, 5) of them."""
    if measured and "baseline" in measured.draws:
        base = measured.draws["baseline"]
        over = (2 * base.mean() - base)[np.arange(len(scores)) % len(base)]  # the error's sign as in `_belief`
        return "baseline", np.clip(scores - over[:, None], -100.0, 100.0)
    return "prompting", np.clip(scores - scores[:, :1], -100.0, 100.0)


def _cheapest_contender(scores: Floats, first: str, impossible: Mapping[str, str]) -> str:
    """The cheapest possible path that is not, with the certainty wanted of a measurement, worse than the first; the first
    where none is possible."""
    worse = (scores[:, [PATH_NAMES.index(first)]] - scores > SMALLEST_GAIN).mean(axis=0)
    shares = zip(PATH_NAMES, worse, strict=True)
    return next((p for p, share in shares if p not in impossible and share < ENOUGH_MEASURED), first)


def _reasons(
    path: str, rules: Sequence[Rule], measured: Measured | None, alike: Sequence[tuple[Case, float]]
) -> tuple[Reason, ...]:
    """What speaks for and against a path: measured comparisons, then rules, then the published cases most alike."""
    reasons = []
    if measured and path in measured.draws:
        for other, draws in measured.draws.items():
            if other != path and len(draws):
                difference = measured.draws[path] - draws
                low, high = np.percentile(difference, INTERVAL)
                text = f"measured: {path} {difference.mean():+.1f} points against {other} [{low:.1f}, {high:.1f}]"
                more = measured.outlook.get(path, (0.0, 0.0))[0]
                short = f"; that was a short tuning, in full {more:+.1f} more are expected" if more else ""
                reasons.append(Reason(f"{text} on {measured.examples} examples{short}"))
    for rule in sorted(rules, key=lambda rule: -abs(rule.weight)):
        if rule.path == path or rule.weight > 0:
            side = "for" if rule.weight > 0 else "against"
            text = rule.reason if rule.path == path else f"{side} {rule.path}: {rule.reason}"
            reasons.append(Reason(text, rule.id, rule.weight, rule.source))
    tried = [case for case, _ in alike if path in case.scores]
    if tried:
        won = sum(path in case.won for case in tried)
        text = f"in {won} of the {len(tried)} most similar published comparisons that tried it, {path} was"
        reasons.append(Reason(f"{text} within {SMALLEST_GAIN:g} points of the best", source="rules/cases.jsonl"))
    return tuple(reasons)


def _flips(
    model: CaseModel,
    answers: dict[str, str | float],
    signals: Signals,
    measured: Measured | None,
    infeasible: Mapping[str, str],
) -> tuple[str, ...]:
    """Each answer that, given otherwise, would put another path first: found by deciding again, not by rules."""

    def decide(changed: Mapping[str, str | float]) -> tuple[str, float]:
        scores = believed(model, changed, {**changed, **signals}, measured, FEW_DRAWS)
        # What the caller ruled out stays out, except where a changed answer is what ruled it out.
        out = {**_impossible(changed), **{p: why for p, why in infeasible.items() if p not in _impossible(answers)}}
        probability = _probabilities(scores, out)
        first = _order(probability, out)[0]
        return first, float(probability[PATH_NAMES.index(first)])

    now, _ = decide(answers)
    flips = []
    for name, key in KEYS.items():
        for value in key.choices or _TRIED.get(name, ()):
            if value == answers[name]:
                continue
            first, probability = decide({**answers, name: value})
            if first != now:
                told = value if isinstance(value, str) else f"{value:,.0f}"
                change = "were known to be" if answers[name] == UNKNOWN else "were"
                flips.append((probability, f"{first} (probability {probability:.2f}) if {name} {change} {told}"))
    return tuple(text for _, text in sorted(flips, reverse=True)[:6])


def _examples_to_settle(
    scores: Floats, order: Sequence[str], impossible: Mapping[str, str], measured: Measured, enough: float
) -> str:
    """How many development examples would tell the first path from the second, from the spread of their difference."""
    pairs = [(a, b) for a, b in pairwise(order) if b not in impossible][:1]
    if not pairs or not all(path in measured.draws for path in pairs[0]) or measured.examples < 2:
        return ""
    first, second = pairs[0]
    ahead = scores[:, PATH_NAMES.index(first)] - scores[:, PATH_NAMES.index(second)]
    deviation = float(np.std(measured.draws[first] - measured.draws[second])) * math.sqrt(measured.examples)
    rest = sum(measured.outlook.get(path, (0.0, 0.0))[1] ** 2 for path in pairs[0])  # more examples leave this
    wanted = (float(ahead.mean()) + SMALLEST_GAIN) / NormalDist().inv_cdf(enough)
    if wanted**2 <= rest:
        return f"{first} and {second}: no number of examples tells them apart; only building both does"
    needed = max(0, math.ceil(deviation**2 / (wanted**2 - rest)) - measured.examples)
    if not needed:
        return ""
    return f"{needed} more development examples would settle whether {first} is at least level with {second}"


def _next(answers: Mapping[str, str | float], first: str, decided: bool, measured: Measured | None, settle: str) -> str:
    """The cheapest thing to do next."""
    if measured and decided:
        return f"build {first}" + (" and prove it on the sealed test" if measured.proven else ": measured, not proven")
    if measured:
        return settle or "build the two first and compare"
    examples = answers["train_examples"]
    if not isinstance(examples, str) and examples >= 60:
        return "run `advisor diagnose` on 60 of your examples: minutes of measuring narrow this more than any answer"
    return "label 60 examples (an input with its wanted output) and run `advisor diagnose`: minutes, and no money"
