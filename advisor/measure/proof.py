"""Proof: baseline, runner-up and chosen system on the sealed test, opened once for each and written down before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advisor.data.profiling import near_test
from advisor.decide.recommendation import Recommendation
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.forgetting import Forgetting, forgetting
from advisor.measure.ledger import Opened, open_test, opened_before
from advisor.measure.validity import validity
from advisor.models.spending import Spent
from advisor.runtime.bench import Bench
from advisor.score.metric import Metric, Scored, beside, score_all
from advisor.score.statistics import Gain, Verdict, difference, holm, interval, verdicts
from advisor.system import PATH_NAMES, Buildable, Prediction, System, digest
from advisor.task import Example

SHOWN = 8  # examples side by side
Triple = tuple[float, float, float]  # lower end, value, upper end


@dataclass(frozen=True)
class Chosen:
    """What is built: the `path`, whether it was asked for (`forced`) or only can't be told from the best (`provisional`),
    and the path of the runner-up."""

    path: str
    provisional: bool
    forced: bool
    runner_up: str | None


@dataclass(frozen=True)
class Finalists:
    """The systems that are run on the sealed test; the one built last, `test`, lies in the artifact. `trained_tokens`: what
    was computed to tune it; `too_long`: rows that this left out."""

    baseline: System
    runner_up: Buildable | None
    test: Buildable
    trained_tokens: int = 0
    too_long: int = 0

    @property
    def named(self) -> dict[str, Buildable]:
        """Those that there are, in the order in which they are run."""
        runner_up: dict[str, Buildable] = {"runner_up": self.runner_up} if self.runner_up else {}
        return {"baseline": self.baseline, **runner_up, "test": self.test}


@dataclass(frozen=True)
class Answered:
    """How many examples a system that may abstain answered, as a share of 1 too, its score over those alone, and how many
    of them were right."""

    items: int
    share: float
    score: float | None
    right: int


@dataclass(frozen=True)
class Clean:
    """The score on the test without rows that a training row is near, and the gain there over the baseline with its 95 %
    interval; None where no such row is left, or nothing to score."""

    items: int
    test: float | None
    gain: Triple | None


@dataclass(frozen=True)
class Compared:
    """One example with what the baseline and the built system made of it."""

    id: str
    input: str
    wanted: str
    before: str | None
    after: str | None
    before_score: float | None
    after_score: float | None


@dataclass(frozen=True)
class Result:
    """What the sealed test said, on the scale 0 to 100; what `result.json` holds. Figures are None where there was no test,
    or no text to score.

    `gain` is of `test` over `baseline`, with its 95 % interval. `p_corrected` are Holm's, of both comparisons. `tokens`
    are of a request. `measured`: on how many development examples paths were compared; of `rows` outside the test.
    `too_long`: rows that tuning left out because they do not fit the model's context. `cut`: how many answers of each system
    a limit cut off. `seconds` of each step of the run are added when it is done. `opened_before` is of the same test, before
    this run. `valid`: of each system the shares of its texts in a form that a program can read (`validity.forms`).
    `beside`: the metric's further figures, which have scales of their own.
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


def chosen(asked: str, advice: Recommendation, diagnosis: Diagnosis | None) -> Chosen | None:
    """What to build: the path that was asked for, else the one recommended, else the provisional one; and as runner-up the
    best on development among the paths that come before it in the order of cost. None where no path is above the floor."""
    if not asked and advice.verdict == "nothing":
        return None
    path = asked or advice.path or advice.provisional or advice.leading
    before = PATH_NAMES[: PATH_NAMES.index(path)]
    scores: dict[str, float] = {}
    for probe in diagnosis.probes if diagnosis else ():
        if probe.path in before and not probe.misses:
            scores[probe.path] = max(scores.get(probe.path, 0.0), probe.value)
    runner_up = max(scores, key=lambda name: scores[name]) if scores else None
    return Chosen(path, not asked and advice.path is None, bool(asked), runner_up)


def prove(bench: Bench, chosen: Chosen, finalists: Finalists, measured: int = 0, spent: Spent | None = None) -> Result:
    """Run the finalists on the sealed test, where there is one, and compare them, paired.

    measured: on how many examples the diagnosis compared paths. spent: on an endpoint, where there is one.
    """
    task, runtime, metric, seed = bench.task, bench.runtime, bench.metric, bench.seed
    examples, line = task.split.test, ""
    made: dict[str, list[Prediction]] = {}
    scored: dict[str, tuple[Scored, ...]] = {}
    answered: dict[str, Answered] = {}
    named = finalists.named if examples else {}
    before = opened_before(runtime.folder, examples, {name: digest(one) for name, one in named.items()})
    for name, system in named.items():
        line = open_test(runtime.folder, examples, name, digest(system))
        made[name] = runtime.predict(system, examples, f"sealed test: {name.replace('_', '-')}")
        scored[name] = score_all(metric, [prediction.text for prediction in made[name]], examples)
        if isinstance(system, System) and system.abstain:
            answered[name] = answers_given(metric, scored[name], made[name], seed)
    scores = {name: interval(metric, ones, seed) for name, ones in scored.items()}
    value = {name: one.value for name, one in scores.items()}
    others = [name for name in scored if name != "test"]
    gains = {name: difference(metric, scored["test"], scored[name], seed) for name in others}
    corrected = dict(zip(gains, holm([gain.p for gain in gains.values()]), strict=True))
    said = dict(zip(gains, verdicts(list(gains.values())), strict=True))
    return Result(
        run=str(runtime.folder),
        path=chosen.path,
        provisional=chosen.provisional,
        forced=chosen.forced,
        runner_up=chosen.runner_up,
        metric=task.metric,
        baseline=value.get("baseline"),
        test=value.get("test"),
        gain=_triple(gains.get("baseline")),
        verdict=said.get("baseline"),
        runner_up_score=value.get("runner_up"),
        gain_over_runner_up=_triple(gains.get("runner_up")),
        runner_up_verdict=said.get("runner_up"),
        test_items=len(examples),
        unscored={name: one.unscored for name, one in scores.items()},
        intervals={name: (one.lo, one.value, one.hi) for name, one in scores.items() if one.value is not None},
        p_corrected=corrected,
        tokens={name: _tokens(ones) for name, ones in made.items()},
        answered=answered or None,
        clean=_clean(bench, scored["test"], scored["baseline"]) if examples else None,
        forgetting=forgetting(runtime, finalists.test),
        examples=_side_by_side(examples, made, scored) if examples else (),
        ledger=line,
        trained_tokens=finalists.trained_tokens,
        too_long=finalists.too_long,
        measured=measured,
        rows=len(task.split.seen),
        spent=spent,
        cut={name: sum(one.cut for one in ones) for name, ones in made.items()},
        opened_before=before,
        valid={name: validity(task, ones) for name, ones in made.items()},
        beside={name: beside(metric, ones) for name, ones in scored.items()} if metric.beside else {},
    )


def answers_given(metric: Metric, scored: Sequence[Scored], predictions: Sequence[Prediction], seed: int) -> Answered:
    """How a system that may abstain did on the examples that it answered."""
    given = [one for one, made in zip(scored, predictions, strict=True) if not made.abstained]
    return Answered(
        items=len(given),
        share=len(given) / len(scored),
        score=interval(metric, given, seed).value if given else None,
        right=sum((one.score or 0.0) >= metric.passing for one in given),
    )


def _tokens(predictions: Sequence[Prediction]) -> int:
    """Of a request with its answer, on the average."""
    used = sum(p.usage.prompt_tokens + p.usage.generated_tokens for p in predictions)
    return round(used / len(predictions))


def _clean(bench: Bench, test: Sequence[Scored], baseline: Sequence[Scored]) -> Clean | None:
    """None where no training row is near a test row."""
    metric, seed, split = bench.metric, bench.seed, bench.task.split
    near = near_test(split.train, split.test, bench.runtime.embedder)
    if not near:
        return None
    ours, theirs = ([one for i, one in enumerate(scored) if i not in near] for scored in (test, baseline))
    if not ours:
        return Clean(0, None, None)
    return Clean(len(ours), interval(metric, ours, seed).value, _triple(difference(metric, ours, theirs, seed)))


def _side_by_side(
    examples: Sequence[Example], made: Mapping[str, Sequence[Prediction]], scored: Mapping[str, Sequence[Scored]]
) -> tuple[Compared, ...]:
    """Examples before and after: the largest gains, and the largest losses, which are as telling."""
    before, after = scored["baseline"], scored["test"]

    def change(i: int) -> float:
        return (after[i].score or 0.0) - (before[i].score or 0.0)

    order = sorted(range(len(examples)), key=lambda i: (-change(i), i))
    losses = [i for i in order if change(i) < 0][-SHOWN // 4 :]
    chosen = dict.fromkeys([*order[: SHOWN - len(losses)], *losses])
    texts = [(examples[i], made["baseline"][i].text, made["test"][i].text, before[i], after[i]) for i in chosen]
    return tuple(Compared(e.id, e.input, e.output, was, now, b.score, a.score) for e, was, now, b, a in texts)


def _triple(gain: Gain | None) -> Triple | None:
    return (gain.lo, gain.value, gain.hi) if gain and gain.value is not None else None
