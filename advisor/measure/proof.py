"""Proof: baseline, runner-up, best untuned and chosen system on the sealed test, opened once for each and written down
before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advisor.data.profiling import near_test
from advisor.decide.recommendation import Recommendation
from advisor.errors import CannotError
from advisor.measure import receipt
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.figures import Answered, Clean, Compared, Triple, figures
from advisor.measure.forgetting import Forgetting, forgetting
from advisor.measure.ledger import Opened, is_open, open_test, opened_before, test_hash
from advisor.measure.pacing import part
from advisor.measure.planning import expected
from advisor.measure.receipt import About, Finalist, Given, Receipt
from advisor.measure.validity import forms
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Spent
from advisor.runtime.bench import Bench
from advisor.score.metric import score_all
from advisor.score.verdicts import Verdict
from advisor.system import LEARNING, PATH_NAMES, Buildable, Prediction, System, digest
from advisor.task import Example

UNTUNED = ("baseline", *(path for path in PATH_NAMES if path not in LEARNING))  # in the order of cost


@dataclass(frozen=True)
class Chosen:
    """What is built: the `path`, whether it was asked for (`forced`) or only can't be told from the best (`provisional`),
    the path of the runner-up, and what is the best on development of what needs no training: baseline, prompting or rag
    (None where that is the path built, or where nothing was measured)."""

    path: str
    provisional: bool
    forced: bool
    runner_up: str | None
    best_untuned: str | None = None


@dataclass(frozen=True)
class Finalists:
    """The systems that are run on the sealed test; the one built last, `test`, lies in the artifact. `best_untuned` may be one
    of the others, and is run once then. `trained_tokens`: what was computed to tune `test`; `too_long`: rows that this left
    out."""

    baseline: System
    runner_up: Buildable | None
    test: Buildable
    trained_tokens: int = 0
    too_long: int = 0
    best_untuned: Buildable | None = None

    @property
    def named(self) -> dict[str, Buildable]:
        """Those that there are, in the order in which they are run."""
        others = (("baseline", self.baseline), ("runner_up", self.runner_up))
        there = {name: one for name, one in others if one}
        if self.best_untuned and self.best_untuned not in there.values():
            there["best_untuned"] = self.best_untuned
        return {**there, "test": self.test}

    @property
    def untuned(self) -> str:
        """The name of the one that is the best untuned; "" for none."""
        return next((name for name, one in self.named.items() if one == self.best_untuned), "")

    def paths(self, chosen: Chosen) -> dict[str, str]:
        """The path of each; "" of the baseline."""
        paths = {"runner_up": chosen.runner_up, "best_untuned": chosen.best_untuned, "test": chosen.path}
        return {name: paths.get(name) or "" for name in self.named}


@dataclass(frozen=True)
class Result:
    """What the sealed test said, on the scale 0 to 100; what `result.json` holds. Figures are None where there was no test,
    or no text to score.

    `gain` is of `test` over `baseline`, with its 95 % interval. `best_untuned`: what needs no training and was the best on
    development, which may be the baseline or the runner-up too; the gain over it is one over more than the plain model.
    `p_corrected` are Holm's, of all comparisons, by what `test` is compared with. `clusters`: from how many sources the
    `test_items` are; rows of one source are resampled together. `tokens` are of a request. `measured`: on how many
    development examples paths were compared; of `rows` outside the test.
    `too_long`: rows that tuning left out because they do not fit the model's context. `cut`: how many answers of each system
    a limit cut off. `seconds` of each step of the run are added when it is done. `opened_before` is of the same test, before
    this run. `valid`: of each system the shares of its texts in a form that a program can read (`validity.forms`).
    `beside`: the metric's further figures, which have scales of their own. `test_rows`: how many rows the test has, of which
    the budget may leave time for a part only, drawn by chance. `instructions`: how many were tried. `seeds`: what tunings with
    several seeds, the one built first, score on the development examples, where the budget left time for another.
    """

    run: str
    path: str
    provisional: bool
    forced: bool
    runner_up: str | None
    metric: str
    baseline: float | None
    test: float | None
    gain: Triple | None
    verdict: Verdict | None
    runner_up_score: float | None
    gain_over_runner_up: Triple | None
    runner_up_verdict: Verdict | None
    test_items: int
    unscored: Mapping[str, int]
    intervals: Mapping[str, Triple]
    p_corrected: Mapping[str, float]
    tokens: Mapping[str, int]
    answered: Mapping[str, Answered] | None
    clean: Clean | None
    forgetting: Forgetting | None
    examples: tuple[Compared, ...]
    ledger: str
    trained_tokens: int = 0
    too_long: int = 0
    measured: int = 0
    rows: int = 0
    spent: Spent | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    cut: Mapping[str, int] = field(default_factory=dict)
    opened_before: Opened = field(default_factory=Opened)
    valid: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    test_rows: int = 0
    instructions: int = 1
    best_untuned: str | None = None
    best_untuned_score: float | None = None
    gain_over_best_untuned: Triple | None = None
    best_untuned_verdict: Verdict | None = None
    clusters: int = 0
    seeds: Mapping[str, float] = field(default_factory=dict)


def chosen(asked: str, advice: Recommendation, diagnosis: Diagnosis | None) -> Chosen | None:
    """What to build: the path that was asked for, else the one recommended, else the provisional one; as runner-up the best
    on development among the paths that come before it in the order of cost; and the best of what needs no training. None
    where no path is above the floor."""
    if not asked and advice.verdict == "nothing":
        return None
    path = asked or advice.path or advice.provisional or advice.leading
    scores = _on_development(diagnosis)
    runner_up = _best(scores, PATH_NAMES[: PATH_NAMES.index(path)])
    untuned = _best(scores, UNTUNED)
    return Chosen(path, not asked and advice.path is None, bool(asked), runner_up, untuned if untuned != path else None)


def _on_development(diagnosis: Diagnosis | None) -> dict[str, float]:
    """What the baseline and the best probe of each path scored, of those that gave text often enough."""
    scores: dict[str, float] = {}
    for probe in diagnosis.probes if diagnosis else ():
        if not probe.misses:
            for name in (probe.path, *(["baseline"] if probe.gap == "none" else [])):
                scores[name] = max(scores.get(name, 0.0), probe.value)
    return scores


def _best(scores: Mapping[str, float], names: Sequence[str]) -> str | None:
    """Of these the one with the best score, the first of equal ones; None where none has a score."""
    return max((name for name in names if name in scores), key=lambda name: scores[name], default=None)


def prove(
    bench: Bench, chosen: Chosen, finalists: Finalists, measured: int = 0, spent: Spent | None = None, most: int = 10**9
) -> Result:
    """Run the finalists on the sealed test, where there is one, leave the receipt and compare them, paired.

    measured: on how many examples the diagnosis compared paths. spent: on an endpoint, where there is one. most: examples of
    the test to run; of a larger one a part drawn by chance is.
    """
    task, runtime = bench.task, bench.runtime
    hashes = {name: digest(one) for name, one in finalists.named.items()} if task.split.test else {}
    before = opened_before(runtime.folder, task.split.test, hashes)
    told, line = _run(bench, chosen, finalists, part(task.split.test, most, bench.seed))
    receipt.write(runtime.folder, told)
    return Result(
        run=str(runtime.folder),
        path=chosen.path,
        provisional=chosen.provisional,
        forced=chosen.forced,
        runner_up=chosen.runner_up,
        best_untuned=chosen.best_untuned,
        metric=task.metric,
        forgetting=forgetting(runtime, finalists.test),
        ledger=line,
        trained_tokens=finalists.trained_tokens,
        too_long=finalists.too_long,
        measured=measured,
        rows=len(task.split.seen),
        spent=spent,
        opened_before=before,
        test_rows=len(task.split.test),
        **figures(told, bench.metric),
    )


def afford(bench: Bench, finalists: Finalists) -> None:
    """Raises CannotError when what the finalists ask of an endpoint would not fit the budget: the test stays sealed then."""
    runtime, test = bench.runtime, bench.task.split.test
    if is_open(runtime.folder):  # a resumed proof needs only the rest
        return
    asked = [runtime.model_of(one) for one in finalists.named.values() if isinstance(one, System)]
    for model in dict.fromkeys(one for one in asked if isinstance(one, Endpoint)):
        takes = expected(bench.task, model, len(test) * asked.count(model))
        if not model.meter.fits(takes):
            what = f"the sealed test would take about {takes}, more than the budget leaves after {model.meter.spent}"
            raise CannotError(f"{what}. It was not opened; give a larger --budget, or a smaller test")


def _run(bench: Bench, chosen: Chosen, finalists: Finalists, examples: tuple[Example, ...]) -> tuple[Receipt, str]:
    """Open the test for each system and run it on these examples: what they gave, and the ledger's line of the last."""
    task, runtime, line = bench.task, bench.runtime, ""
    named, paths = finalists.named if task.split.test else {}, finalists.paths(chosen)
    gave: dict[str, tuple[Given, ...]] = {}
    for name, system in named.items():
        line = open_test(runtime.folder, task.split.test, name, digest(system))
        made = runtime.predict(system, examples, f"sealed test: {name.replace('_', '-')}")
        gave[name] = _given(bench, made, examples)
    near = near_test(task.split.train, examples, runtime.embedder) if examples else ()
    entered = {
        name: Finalist(digest(one), isinstance(one, System) and one.abstain is not None, paths[name])
        for name, one in named.items()
    }
    about = About(
        task.metric,
        task.labels,
        bench.seed,
        entered,
        tuple(sorted(near)),
        test_hash(task.split.test),
        len(task.split.test),
        {e.id: task.split.groups[e.id] for e in examples if e.id in task.split.groups},
        finalists.untuned if named else "",
    )
    return Receipt(about, examples, gave), line


def _given(bench: Bench, made: Sequence[Prediction], examples: Sequence[Example]) -> tuple[Given, ...]:
    """What one system gave for the test, scored."""
    has = forms(bench.task)
    scored = score_all(bench.metric, [one.text for one in made], examples)
    return tuple(
        Given(
            id=score.id,
            text=one.text,
            score=score.score,
            statistics=score.statistics,
            tokens=one.usage.prompt_tokens + one.usage.generated_tokens,
            abstained=one.abstained,
            cut=one.cut,
            valid={} if one.text is None else {name: has_form(one.text) for name, has_form in has.items()},
        )
        for score, one in zip(scored, made, strict=True)
    )
