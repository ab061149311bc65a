"""Diagnosis: systems with one part switched, run on the same development examples; the differences are the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from advisor.decide.recommendation import Measured
from advisor.errors import OutsideError
from advisor.measure.validity import validity
from advisor.models.local import tunes
from advisor.paths.classifier import classifier, has_labels
from advisor.paths.finetuning import reading, tuned
from advisor.paths.prompting import baseline, constrained, oracle, prompted, retrieving
from advisor.runtime import grounding
from advisor.runtime.bench import Bench
from advisor.runtime.grounding import Recall, Use
from advisor.score.metric import Metric, Scored, beside, floors, score_all
from advisor.score.statistics import draws, interval
from advisor.system import Context, Predictor, System, digest
from advisor.task import Example

GAPS = ("none", "format", "instruction", "knowledge", "retrieval", "behaviour", "capability")
UNKNOWN = "unknown"  # no gap could be told: no system gave a whole answer
FEWEST = 20  # development examples; with fewer, figures say next to nothing
# A short tuning stops early: the error that is left falls as a power of the tokens trained on, with exponents of about
# 0.1 to 0.3 for LoRA (Zhang et al. 2024, arXiv 2402.17193). The middle is taken, half of the gain as its sd.
EXPONENT = 0.2


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
    beside: Mapping[str, float] = field(default_factory=dict)
    valid: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """What the probes showed. `gap_of`: for each example the first switch that made it pass ("none": passes already);
    `gaps`: the share of examples in each, and of those whose gap is unknown.

    `outlook`: for a path that was only tried in short, the further gain expected of building it in full, with its sd.
    `recall` and `use`, where there are documents: what is found at several depths, and what systems made of it.
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


def probed(bench: Bench) -> dict[str, tuple[str, str, System]]:
    """What is probed before any tuning: by name the path, the gap that it closes, and the system."""
    systems: dict[str, tuple[str, str, System]] = {}
    closes = {"zero-shot": "none", "constrained": "format", "similar shots, constrained": "instruction"}
    for name, system in prompted(bench).items():
        systems[name] = ("prompting", closes.get(name, "instruction"), system)
    if bench.task.documents:
        systems |= {name: ("rag", "knowledge", system) for name, system in retrieving(bench).items()}
        systems["oracle context"] = ("", "retrieval", oracle(bench))
    return systems


def diagnose(bench: Bench) -> Diagnosis:
    """Run the probes on the development examples set aside for comparing paths."""
    task, runtime, examples = bench.task, bench.runtime, bench.comparing
    systems = probed(bench)
    probes = [_probe(bench, name, path, gap, system) for name, (path, gap, system) in systems.items()]
    shown = {name: system.context for name, (_, _, system) in systems.items() if system.context.kind != "none"}
    used = [_use(bench, probe, shown[probe.name]) for probe in probes if probe.name in shown]
    outlook: dict[str, tuple[float, float]] = {}
    notes = ["the same examples were used to choose and to compare: there were too few"] if task.split.shared else []
    if task.split.train and has_labels(task):
        probes.append(_probe(bench, "classifier", "classifier", "", classifier(bench, "probes")))
    if not tunes(runtime.model):
        notes.append("the model can't be tuned here: what counts as a gap of capability may be one of behaviour")
    elif task.split.train:
        tunings = _short_tunings(bench)
        probes += tunings
        short = max(tunings, key=lambda probe: probe.value)
        more = max(1.0, bench.purse.rows * bench.purse.epochs / bench.purse.short)
        gain = (100 - short.value) * (1 - more**-EXPONENT)
        outlook[short.path] = (gain, gain / 2)
    if cut := ", ".join(f"{probe.name} {len(probe.cut)}" for probe in probes if probe.cut):
        notes.append(f"cut off at the limit, at one twice as large too, and scored as they stand: {cut}")
    gap_of = gaps_of(bench.metric, probes, examples)
    return Diagnosis(
        metric=task.metric,
        examples=len(examples),
        floors=floors(bench.metric, examples, _contexts(bench)),
        probes=tuple(probes),
        gap_of=gap_of,
        gaps=shares(gap_of),
        outlook=outlook,
        notes=tuple(notes),
        recall=grounding.recall(runtime.finder, examples) if task.documents else (),
        use=tuple(used),
    )


def _short_tunings(bench: Bench) -> list[Probe]:
    """A short tuning on the best context: with retrieved passages where there are documents. As it was tuned, and held to the
    form of the task's outputs where they have one."""
    documents = bool(bench.task.documents)
    base = reading(bench) if documents else baseline(bench)
    arms = {"short tuning": tuned(bench.short, base, "probes/short-tuning", evaluations=1)}
    if decoding := constrained(bench):
        arms["short tuning, constrained"] = replace(arms["short tuning"], decoding=decoding)
    path = "rag+finetuning" if documents else "finetuning"
    return [_probe(bench, name, path, "behaviour", system) for name, system in arms.items()]


def _probe(bench: Bench, name: str, path: str, gap: str, system: Predictor) -> Probe:
    predictions = bench.runtime.predict(system, bench.comparing, name)
    scored = score_all(bench.metric, [prediction.text for prediction in predictions], bench.comparing)
    score = interval(bench.metric, scored, bench.seed)
    if not score.n:
        raise OutsideError(f"{name}: no example got an answer, the first because: {predictions[0].error}")
    used = [prediction.usage for prediction in predictions]
    return Probe(
        name=name,
        path=path,
        gap=gap,
        value=score.value,
        lo=score.lo,
        hi=score.hi,
        n=score.n,
        unscored=score.unscored,
        seconds=round(sum(u.seconds for u in used), 2),
        tokens=sum(u.prompt_tokens + u.generated_tokens for u in used),
        scores={one.id: one.score for one in scored},
        statistics={one.id: tuple(one.statistics) for one in scored},
        cut=tuple(one.id for one, made in zip(scored, predictions, strict=True) if made.cut),
        beside=beside(bench.metric, scored),
        valid=validity(bench.task, predictions),
    )


def _use(bench: Bench, probe: Probe, context: Context) -> Use:
    examples = bench.comparing
    right = [(probe.scores[example.id] or 0.0) >= bench.metric.passing for example in examples]
    passages = bench.runtime.finder.passages(context, examples)
    return grounding.use(probe.name, passages, examples, right, probe.tokens / probe.n)


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


def _scored(probe: Probe) -> list[Scored]:
    return [Scored(i, score, tuple(probe.statistics[i])) for i, score in probe.scores.items()]


def _cross_fitted(metric: Metric, probes: Sequence[Probe], seed: int) -> list[Scored]:
    """Each half of the examples scored by the probe that is best on the other half: choosing does not flatter."""
    tables = [{one.id: one for one in _scored(probe)} for probe in probes]
    ids = sorted(tables[0], key=lambda i: digest([seed, i]))
    halves = (ids[::2], ids[1::2])
    fitted: dict[str, Scored] = {}
    for ours, others in (halves, halves[::-1]):
        best = max(tables, key=lambda table: interval(metric, [table[i] for i in others or ours], seed).value)
        fitted |= {i: best[i] for i in ours}
    return [fitted[i] for i in tables[0]]


def _contexts(bench: Bench) -> dict[str, str] | None:
    if not bench.task.documents:
        return None
    rows = bench.runtime.finder.search([example.input for example in bench.comparing], 1)
    return {e.id: row[0].text if row else "" for e, row in zip(bench.comparing, rows, strict=True)}


def capability(diagnosis: Diagnosis) -> str:
    """The answer `base_capability` as measured (under 30 low, over 75 high)."""
    value = float(np.clip(diagnosis.score("zero-shot") or 0.0, 0, 100))
    return "low" if value < 30 else "high" if value > 75 else "medium"
