"""The recommendation: what is believed of all five paths in a situation, ranked, with reasons and what would change it.

Knows nothing of models, files or how things were measured. Every figure is a share or a quantile of draws of the paths' scores.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from advisor.answers import KEYS, UNKNOWN, implied
from advisor.decide.belief import Measured, Situation, Triple, ends, facing
from advisor.decide.cases import SMALLEST_GAIN, Case, Floats, fit, load_cases, nearest
from advisor.decide.costs import LABELLED, Cost, Work, costs
from advisor.decide.deciding import Decided, Verdict, decide, lacking
from advisor.decide.flips import Change, changes
from advisor.decide.gaps import Gap, believed_gap
from advisor.decide.rates import Rates, usual
from advisor.decide.reasons import Reason, reasons
from advisor.decide.rules import Rule, Signals, fired
from advisor.decide.worth import BreakEven, MoreExamples, Stop, break_even, more_examples, stop
from advisor.score.metric import COPIED
from advisor.system import PATH_NAMES

UNMEASURED = "not measured"  # is noted of a path that no probe tried where others were
STUDIES, SHOWN = 25, 5  # most alike that are counted, and shown

ByModel = Mapping[str, tuple[Mapping[str, Work], Rates]]


@dataclass(frozen=True)
class Ranked:
    """One path: the probability that it is within the smallest gain worth having of the best possible path, and the certainty,
    the same with what it takes to build taken off; its expected gain in points with a 90 % interval, what it costs, and a `note`,
    which is why it is not `possible` where that is so.

    Where scores were measured: `measured`, the path's own as it was tried, `forecast`, what is expected of it in full (lower
    end, expected, upper end), and `gain_over_cheaper`, the forecast's gain over the best that comes before in the order of
    cost (`cheaper`). `model`: the best for the path, where models were compared.
    """

    path: str
    probability: float
    expected_gain: float
    interval: tuple[float, float]
    cost: Cost
    note: str = ""
    certainty: float = 0.0
    measured: float | None = None
    forecast: Triple | None = None
    cheaper: str = ""
    gain_over_cheaper: Triple | None = None
    possible: bool = True
    model: str = ""


@dataclass(frozen=True)
class WithModel:
    """A path with one of the models that were compared: the probability that, of all of these, it is within the smallest gain
    worth having of the best; its score as it was measured, and what it costs."""

    path: str
    model: str
    probability: float
    measured: float
    cost: Cost


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

    `path` is None where the evidence is insufficient (`provisional` then is the cheapest path that can't be told from the
    best) or no path is surely above the floor (`verdict` says which). `certainty` is that of the first in the ranking. Gains are
    over `gain_over`; `answers` are those that it rests on, `origin` says where each comes from: "said", or what else.
    `settles` says how many more examples would decide it. `rates` are what costs were reckoned with; `break_even`, `stop` and
    `more_examples` what follows from them. `models`: each path with each model, the best first, where models were compared.
    """

    verdict: Verdict
    gap: Gap
    path: str | None
    certainty: float
    enough: float
    provisional: str | None
    gain_over: str
    ranking: tuple[Ranked, ...]
    reasons: tuple[Reason, ...]
    would_change: tuple[Change, ...]
    next: str
    settles: str = ""
    cases: tuple[Similar, ...] = ()
    answers: Mapping[str, str | float] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    models: tuple[WithModel, ...] = ()
    rates: Rates | None = None
    break_even: BreakEven | None = None
    stop: Stop | None = None
    more_examples: MoreExamples | None = None

    @property
    def leading(self) -> str:
        """The first in the ranking, decided or not."""
        return self.ranking[0].path

    def of(self, path: str) -> Ranked:
        """A path's entry in the ranking."""
        return next(one for one in self.ranking if one.path == path)


def recommend(
    answers: Mapping[str, str | float],
    signals: Signals,
    rules: tuple[Rule, ...],
    measured: Measured | None = None,
    by_model: ByModel | None = None,
    infeasible: Mapping[str, str] | None = None,
    cases: tuple[Case, ...] | None = None,
    gap: Gap | None = None,
    origin: Mapping[str, str] | None = None,
    feasible: frozenset[str] = frozenset(),
) -> Recommendation:
    """The path to take, from answers, from measurements or both.

    `signals` are measured values that rules may read beside the answers; `by_model` is what machines do for paths with each model,
    the first one first, as far as it is known, and what that and people's hours are priced at (default: by the table);
    `infeasible` names paths that can't be taken, each with the reason, `feasible` those that can whatever the answers say;
    `cases` are the comparisons to learn from (default: those shipped); `gap` is the one that was measured (default: as the
    answers let believe); `origin` says where answers come from that the person did not give.
    """
    if measured and not measured.paths:
        measured = None  # a baseline alone compares nothing
    said = {**dict.fromkeys(KEYS, UNKNOWN), **answers}
    follows = implied(said)
    tried = frozenset(measured.paths) if measured else frozenset()
    given, out = {**said, **follows}, infeasible or {}
    known_of = by_model or {"": ({}, usual())}
    situation = Situation(given, signals, measured, out, feasible | tried, *_best(measured, known_of))
    model = fit(cases or load_cases(), rules)
    decided = decide(model, situation)
    first = decided.order[0]
    over, gains = _gains(decided.scores, measured)
    alike = nearest(said, STUDIES, [case for case in model.cases if first in case.scores])
    settles = _examples_to_settle(decided, measured) if measured else ""
    known = {name: value for name, value in answers.items() if value != UNKNOWN}
    models = _with_models(situation, known_of)
    return Recommendation(
        verdict=decided.verdict,
        gap=gap or believed_gap(situation.known),
        path=decided.path,
        certainty=decided.sure_of(first),
        enough=decided.enough,
        provisional=decided.provisional if decided.verdict == "insufficient evidence" else None,
        gain_over=over,
        ranking=tuple(_ranked(path, decided, situation, gains, models) for path in decided.order),
        models=models,
        reasons=reasons(decided, situation, fired(rules, situation.known), alike),
        would_change=changes(model, said, situation, decided),
        next=_next(situation, decided, settles),
        settles=settles,
        cases=tuple(map(_similar, alike[:SHOWN])),
        answers={**known, **follows},
        origin={
            **dict.fromkeys(known, "said"),
            **{name: where for name, where in (origin or {}).items() if name in known},
            **dict.fromkeys(follows, "inferred from the kind of output"),
        },
        rates=situation.rates,
        break_even=break_even(decided, situation),
        stop=stop(decided, situation),
        more_examples=more_examples(model, decided, situation),
    )


def _similar(alike: tuple[Case, float]) -> Similar:
    case, similarity = alike
    return Similar(case.id, case.title, case.source, case.task, case.scores, case.won, round(similarity, 3))


def _best(measured: Measured | None, by_model: ByModel) -> tuple[dict[str, Work], Rates, dict[str, Rates]]:
    """What machines do for each path with the model that is best for it, the first where that is not known; the rates of the
    first, and those of others for the paths that they are best for."""
    first, (work, rates) = next(iter(by_model.items()))
    others = {path: model for path, model in measured.models.items() if model != first} if measured else {}
    own = {path: by_model[model][0][path] for path, model in others.items()}
    return {**work, **own}, rates, {path: by_model[model][1] for path, model in others.items()}


def _with_models(situation: Situation, by_model: ByModel) -> tuple[WithModel, ...]:
    """Each path with each model, the best first. What is expected of a tuning in full is that of the path's best model."""
    measured = situation.measured
    if not measured or not measured.pairs:
        return ()
    random, full = np.random.default_rng(2), []
    for (path, _), drawn in measured.pairs.items():
        more, sd = measured.outlook.get(path, (0.0, 0.0))
        full.append(drawn + random.normal(more, sd, len(drawn)))
    best, table = np.max(full, axis=0), {model: costs(situation.answers, *known) for model, known in by_model.items()}
    told = [
        WithModel(
            path,
            model,
            round(float((own >= best - SMALLEST_GAIN).mean()), 2),
            round(float(drawn.mean()), 4),
            table[model][path],
        )
        for own, ((path, model), drawn) in zip(full, measured.pairs.items(), strict=True)
    ]
    return tuple(sorted(told, key=lambda one: -one.probability))


def _ranked(path: str, decided: Decided, situation: Situation, gains: Floats, models: Sequence[WithModel]) -> Ranked:
    k, measured = PATH_NAMES.index(path), situation.measured
    low, expected, high = ends(gains[:, k])
    note = situation.ruled_out.get(path, "") or decided.floored.get(path, "")
    entry = Ranked(
        path,
        decided.probable(path),
        expected,
        (low, high),
        situation.costs[path],
        note,
        certainty=decided.sure_of(path),
        possible=path not in decided.out,
    )
    if models and measured and path in measured.models:
        entry = replace(entry, model=measured.models[path])
    if not measured or not entry.possible:
        return entry
    scores = np.clip(decided.scores, 0.0, 100.0)
    earlier = [name for name in measured.paths if PATH_NAMES.index(name) < k]
    cheaper = max(earlier, key=lambda name: scores[:, PATH_NAMES.index(name)].mean(), default="")
    more = ends(scores[:, k] - scores[:, PATH_NAMES.index(cheaper)]) if cheaper else None
    here = round(float(measured.draws[path].mean()), 4) if path in measured.draws else None
    return replace(
        entry,
        note=note or ("" if here is not None else UNMEASURED),
        measured=here,
        forecast=ends(scores[:, k]),
        cheaper=cheaper,
        gain_over_cheaper=more,
    )


def _gains(scores: Floats, measured: Measured | None) -> tuple[str, Floats]:
    """What gains are over (the measured baseline if there is one, else prompting) and (draws, 5) of them."""
    if measured and "baseline" in measured.draws:
        over = facing(measured.draws["baseline"], len(scores))
        return "baseline", np.clip(scores - over[:, None], -100.0, 100.0)
    return "prompting", np.clip(scores - scores[:, :1], -100.0, 100.0)


def _examples_to_settle(decided: Decided, measured: Measured) -> str:
    """How many development examples would tell the first path from the second, from the spread of their difference."""
    pairs = [(a, b) for a, b in pairwise(decided.order) if b not in decided.out][:1]
    if not pairs or not all(path in measured.draws for path in pairs[0]) or measured.examples < 2:
        return ""
    first, second = pairs[0]
    ahead = decided.scores[:, PATH_NAMES.index(first)] - decided.scores[:, PATH_NAMES.index(second)]
    deviation = float(np.std(measured.draws[first] - measured.draws[second])) * math.sqrt(measured.examples)
    rest = sum(measured.outlook.get(path, (0.0, 0.0))[1] ** 2 for path in pairs[0])  # more examples leave this
    wanted = (float(ahead.mean()) + SMALLEST_GAIN) / NormalDist().inv_cdf(decided.enough)
    if wanted**2 <= rest:
        return f"{first} and {second}: no number of examples tells them apart; only building both does"
    needed = max(0, math.ceil(deviation**2 / (wanted**2 - rest)) - measured.examples)
    if not needed:
        return ""
    return f"{needed} more development examples would settle whether {first} is at least level with {second}"


def _next(situation: Situation, decided: Decided, settles: str) -> str:
    """The cheapest thing to do next."""
    answers, measured, first = situation.answers, situation.measured, decided.order[0]
    if measured and decided.verdict == "nothing":
        if measured.floor[0] == COPIED:
            return f"hand out the first passage that is found as it is: it scores {measured.floor[1]:.0f}, and nothing that was tried is surely better"
        return (
            "build nothing yet: read some outputs beside what was wanted, look whether the wanted outputs are right, try a "
            "stronger model, or gather more examples; then measure again"
        )
    if measured and decided.path:
        return f"build {first}" + (" and prove it on the sealed test" if measured.proven else ": measured, not proven")
    if first in decided.untried:
        return f"run again with a larger --budget: {first} was not measured"
    if measured:
        return settles or "build the two first and compare"
    if lacking(situation):
        return "get the documents in which the facts stand: nothing else supplies them; then measure on 60 examples"
    examples = answers["train_examples"]
    if answers["examples_clean"] == "no" and examples != 0:
        return (
            f"clean a few hundred of your examples first ({_labelling(400, situation)}): what is wrong in them is learnt, too; then run "
            "`advisor diagnose`"
        )
    if not isinstance(examples, str) and examples >= LABELLED:
        return f"run `advisor diagnose` on {LABELLED} of your examples: minutes of measuring narrow this more than any answer"
    return f"label {LABELLED} examples, an input with its wanted output ({_labelling(LABELLED, situation)}), and run `advisor diagnose`"


def _labelling(examples: int, situation: Situation) -> str:
    """What labelling or cleaning so many examples takes."""
    minutes = examples * situation.rates.label_minutes.value
    return f"about {minutes / 60:.0f} hour{'s' * (minutes >= 90)} of somebody's time"
