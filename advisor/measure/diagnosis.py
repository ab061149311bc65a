"""Diagnosis: systems with one part switched, run on the same development examples; the differences are the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from advisor.data.outputs import kind_of
from advisor.decide.recommendation import Measured
from advisor.errors import OutsideError
from advisor.models import local
from advisor.paths.classifier import classifier
from advisor.paths.finetuning import tuned
from advisor.paths.prompting import baseline, prompted, retrieving
from advisor.runtime import grounding
from advisor.runtime.grounding import Recall, Use
from advisor.runtime.purse import Plan, smaller
from advisor.runtime.runtime import Runtime
from advisor.score import metrics
from advisor.score.metric import Metric, Scored, floors, score_all
from advisor.score.statistics import draws, interval
from advisor.system import Context, Predictor, System, digest
from advisor.task import Example, Task

GAPS = ("none", "format", "instruction", "knowledge", "retrieval", "behaviour", "capability")
FEWEST = 20  # development examples; with fewer, figures say next to nothing
# A short tuning stops early: the error that is left falls as a power of the tokens trained on, with exponents of about
# 0.1 to 0.3 for LoRA (Zhang et al. 2024, arXiv 2402.17193). The middle is taken, half of the gain as its sd.
EXPONENT = 0.2


@dataclass(frozen=True)
class Probe:
    """One system measured: its score with interval, and what it took. `gap` is the gap that it closes where it passes."""

    name: str
    label: str
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


@dataclass(frozen=True)
class Diagnosis:
    """What the probes showed. `gap_of`: for each example the first switch that made it pass ("none": passes already).

    `recall` and `use`, where there are documents: what is found at several depths, and what systems made of it.
    """

    metric: str
    examples: int
    floors: Mapping[str, float]
    probes: tuple[Probe, ...]
    gap_of: Mapping[str, str]
    outlook: Mapping[str, tuple[float, float]]
    notes: tuple[str, ...] = ()
    recall: tuple[Recall, ...] = ()
    use: tuple[Use, ...] = ()

    @property
    def gaps(self) -> dict[str, float]:
        """The share of examples in each gap."""
        return {gap: sum(g == gap for g in self.gap_of.values()) / max(1, len(self.gap_of)) for gap in GAPS}

    def to_json(self) -> dict[str, Any]:
        """Plain values, the gap shares among them."""
        return {**asdict(self), "gaps": self.gaps}

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

    def measured(self, metric: Metric, seed: int) -> Measured:
        """Paired draws of each path's score. A path with several probes is scored by the one chosen on other examples."""
        of_path: dict[str, list[Probe]] = {}
        for probe in self.probes:
            if probe.path:
                of_path.setdefault(probe.path, []).append(probe)
        scored = {path: _cross_fitted(metric, probes, seed) for path, probes in of_path.items()}
        scored["baseline"] = _scored(next(probe for probe in self.probes if probe.name == "zero-shot"))
        return Measured(draws(metric, scored, seed), self.outlook, self.examples)


def from_json(value: Mapping[str, Any]) -> Diagnosis:
    """A diagnosis read back from its file."""
    known = {name: value[name] for name in ("metric", "examples", "floors", "gap_of")}
    probes = tuple(Probe(**probe) for probe in value["probes"])
    outlook = {path: (float(a), float(b)) for path, (a, b) in value["outlook"].items()}
    found = tuple(Recall(**one) for one in value["recall"])
    used = tuple(Use(**one) for one in value["use"])
    return Diagnosis(**known, probes=probes, outlook=outlook, notes=tuple(value["notes"]), recall=found, use=used)


def systems(task: Task, runtime: Runtime, plan: Plan, seed: int) -> dict[str, tuple[str, str, System]]:
    """What is probed before any tuning: by name the path, the gap that it closes, and the system."""
    found: dict[str, tuple[str, str, System]] = {}
    closes = {"zero-shot": "none", "constrained": "format", "similar shots, constrained": "instruction"}
    for name, system in prompted(task, runtime, plan, seed).items():
        found[name] = ("prompting", closes.get(name, "instruction"), system)
    if task.documents:
        rag = retrieving(task, runtime, plan, seed)
        found |= {name: ("rag", "knowledge", system) for name, system in rag.items()}
        found["oracle context"] = ("", "retrieval", replace(list(rag.values())[-1], context=Context("oracle", 1)))
    return found


def diagnose(task: Task, runtime: Runtime, plan: Plan, seed: int) -> Diagnosis:
    """Run the probes on the development examples set aside for comparing paths."""
    examples = task.split.compare[: plan.measure]
    metric = metrics.resolve(task.metric, task.labels, task.folder)
    tried = systems(task, runtime, plan, seed)
    probes = [
        _probe(name, path, gap, system, examples, runtime, metric, seed) for name, (path, gap, system) in tried.items()
    ]
    shown = {name: system.context for name, (_, _, system) in tried.items() if system.context.kind != "none"}
    used = [_use(probe, shown[probe.name], examples, runtime, metric) for probe in probes if probe.name in shown]
    outlook: dict[str, tuple[float, float]] = {}
    notes = ["the same examples were used to choose and to compare: there were too few"] if task.split.shared else []
    if task.split.train and has_labels(task):
        head = classifier(task, runtime, plan, seed, "probes")
        probes.append(_probe("classifier", "classifier", "", head, examples, runtime, metric, seed))
    if not local.tunes(runtime.model):
        notes.append("the model can't be tuned here: what counts as a gap of capability may be one of behaviour")
    elif task.split.train:
        probes.append(short := _short_tuning(task, runtime, plan, seed, examples, metric))
        more = max(1.0, plan.rows * plan.epochs / plan.short)
        gain = (100 - short.value) * (1 - more**-EXPONENT)
        outlook[short.path] = (gain, gain / 2)
    return Diagnosis(
        metric=task.metric,
        examples=len(examples),
        floors=floors(metric, examples, _contexts(task, runtime, examples)),
        probes=tuple(probes),
        gap_of=_gaps(metric, probes, examples),
        outlook=outlook,
        notes=tuple(notes),
        recall=grounding.recall(runtime, examples) if task.documents else (),
        use=tuple(used),
    )


def has_labels(task: Task) -> bool:
    """Whether the task's outputs are labels, so that a classifier can give them."""
    return bool(task.labels) or kind_of(task, task.split.train or task.split.compare) == "label"


def _short_tuning(
    task: Task, runtime: Runtime, plan: Plan, seed: int, examples: Sequence[Example], metric: Metric
) -> Probe:
    """A short tuning on the best context: one retrieved passage where there are documents."""
    base = baseline(task, runtime, plan)
    if task.documents:
        base = replace(base, context=Context("retrieved", task.retrieval.k or 1))
    built = tuned(task, runtime, smaller(plan, plan.short), seed, base, "probes/short-tuning", evaluations=1)
    path = "rag+finetuning" if task.documents else "finetuning"
    return _probe("short tuning", path, "behaviour", built, examples, runtime, metric, seed)


def _probe(
    name: str,
    path: str,
    gap: str,
    system: Predictor,
    examples: Sequence[Example],
    runtime: Runtime,
    metric: Metric,
    seed: int,
) -> Probe:
    predictions = runtime.predict(system, examples, name)
    scored = score_all(metric, [prediction.text for prediction in predictions], examples)
    found = interval(metric, scored, seed)
    if not found.n:
        raise OutsideError(f"{name}: no example got an answer, the first because: {predictions[0].error}")
    used = [prediction.usage for prediction in predictions]
    return Probe(
        name=name,
        label=name,
        path=path,
        gap=gap,
        value=found.value,
        lo=found.lo,
        hi=found.hi,
        n=found.n,
        unscored=found.unscored,
        seconds=round(sum(u.seconds for u in used), 2),
        tokens=sum(u.prompt_tokens + u.generated_tokens for u in used),
        scores={one.id: one.score for one in scored},
        statistics={one.id: tuple(one.statistics) for one in scored},
    )


def _use(probe: Probe, context: Context, examples: Sequence[Example], runtime: Runtime, metric: Metric) -> Use:
    right = [(probe.scores[example.id] or 0.0) >= metric.passing for example in examples]
    return grounding.use(
        probe.name, runtime.finder.passages(context, examples), examples, right, probe.tokens / probe.n
    )


def _gaps(metric: Metric, probes: Sequence[Probe], examples: Sequence[Example]) -> dict[str, str]:
    """For each example the first switch, in the order of GAPS, that makes it pass."""
    found: dict[str, str] = {}
    for example in examples:
        passed = {p.gap for p in probes if (p.scores.get(example.id) or 0.0) >= metric.passing}
        found[example.id] = next((gap for gap in GAPS if gap in passed), "capability")
    return found


def _scored(probe: Probe) -> list[Scored]:
    return [Scored(i, score, tuple(probe.statistics[i])) for i, score in probe.scores.items()]


def _cross_fitted(metric: Metric, probes: Sequence[Probe], seed: int) -> list[Scored]:
    """Each half of the examples scored by the probe that is best on the other half: choosing does not flatter."""
    tables = [{one.id: one for one in _scored(probe)} for probe in probes]
    ids = sorted(tables[0], key=lambda i: digest([seed, i]))
    halves = (ids[::2], ids[1::2])
    found: dict[str, Scored] = {}
    for ours, others in (halves, halves[::-1]):
        best = max(tables, key=lambda table: interval(metric, [table[i] for i in others or ours], seed).value)
        found |= {i: best[i] for i in ours}
    return [found[i] for i in tables[0]]


def _contexts(task: Task, runtime: Runtime, examples: Sequence[Example]) -> dict[str, str] | None:
    if not task.documents:
        return None
    found = runtime.finder.search([example.input for example in examples], 1)
    return {e.id: row[0].text if row else "" for e, row in zip(examples, found, strict=True)}


def capability(diagnosis: Diagnosis) -> str:
    """The answer `base_capability` as measured (under 30 low, over 75 high)."""
    value = float(np.clip(diagnosis.score("zero-shot") or 0.0, 0, 100))
    return "low" if value < 30 else "high" if value > 75 else "medium"
