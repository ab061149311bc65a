"""What the sealed test says, figure by figure: functions of the receipt alone. Knows no model and no file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.measure.receipt import About, Given, Receipt
from advisor.score.clusters import clusters
from advisor.score.metric import Metric, Scored, beside, mean
from advisor.score.metrics import PASSING, Own, resolve
from advisor.score.statistics import Gain, difference, interval
from advisor.score.verdicts import holm, verdicts
from advisor.system import PATH_NAMES, Prediction
from advisor.task import Example

SHOWN = 8  # examples side by side
Triple = tuple[float, float, float]  # lower end, value, upper end


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


def figures(receipt: Receipt, metric: Metric) -> dict[str, Any]:
    """Every figure that follows from the receipt, by its name in `proof.Result`."""
    about, gave = receipt.about, receipt.gave
    seed, groups, untuned = about.seed, about.groups, about.best_untuned
    scored = {name: receipt.scored(name) for name in gave}
    scores = {name: interval(metric, ones, seed, groups) for name, ones in scored.items()}
    value = {name: one.value for name, one in scores.items()}
    gains = {name: difference(metric, scored["test"], scored[name], seed, groups) for name in scored if name != "test"}
    corrected = holm([gain.p for gain in gains.values()])
    said = dict(zip(gains, verdicts(list(gains.values()), [_cheaper(about, name) for name in gains]), strict=True))
    abstaining = [name for name, one in about.finalists.items() if one.abstains]
    answered = {name: answers_given(metric, scored[name], gave[name], seed) for name in abstaining}
    return {
        "baseline": value.get("baseline"),
        "test": value.get("test"),
        "gain": _triple(gains.get("baseline")),
        "verdict": said.get("baseline"),
        "runner_up_score": value.get("runner_up"),
        "gain_over_runner_up": _triple(gains.get("runner_up")),
        "runner_up_verdict": said.get("runner_up"),
        "best_untuned_score": value.get(untuned),
        "gain_over_best_untuned": _triple(gains.get(untuned)),
        "best_untuned_verdict": said.get(untuned),
        "test_items": len(receipt.examples),
        "clusters": clusters([example.id for example in receipt.examples], groups).count,
        "unscored": {name: one.unscored for name, one in scores.items()},
        "intervals": {name: (one.lo, one.value, one.hi) for name, one in scores.items() if one.value is not None},
        "p_corrected": dict(zip(gains, corrected, strict=True)),
        "tokens": {name: round(sum(one.tokens for one in ones) / len(ones)) for name, ones in gave.items()},
        "answered": answered or None,
        "clean": _clean(receipt, metric),
        "examples": _side_by_side(receipt.examples, gave) if gave else (),
        "cut": {name: sum(one.cut for one in ones) for name, ones in gave.items()},
        "valid": {name: _valid(ones) for name, ones in gave.items()},
        "beside": {name: beside(metric, ones) for name, ones in scored.items()} if metric.beside else {},
    }


def _cheaper(about: About, finalist: str) -> bool:
    """Whether a finalist comes before the one built in the order of cost."""
    order = ("", *PATH_NAMES)
    return order.index(about.finalists[finalist].path) < order.index(about.finalists["test"].path)


def metric_of(about: About, own: Own | None = None) -> Metric:
    """The metric of a proof. A person's own, which is a mean, is not loaded without `own`: its scores can be added up then,
    and no text scored. Raises ValueError where there is no such metric."""
    if ":" in about.metric and own is None:
        return mean(about.metric, _unloaded, passing=PASSING)
    return resolve(about.metric, about.labels, own)


def _unloaded(text: str, example: Example) -> float:
    raise ValueError("the metric was not loaded")


def answers_given(metric: Metric, scored: Sequence[Scored], made: Sequence[Prediction | Given], seed: int) -> Answered:
    """How a system that may abstain did on the examples that it answered."""
    given = [one for one, answer in zip(scored, made, strict=True) if not answer.abstained]
    return Answered(
        items=len(given),
        share=len(given) / len(scored),
        score=interval(metric, given, seed).value if given else None,
        right=sum((one.score or 0.0) >= metric.passing for one in given),
    )


def _valid(given: Sequence[Given]) -> dict[str, float]:
    """The share of the texts that have each form; {} where there are none."""
    texts = [one for one in given if one.text is not None]
    names = texts[0].valid if texts else ()
    return {name: sum(one.valid[name] for one in texts) / len(texts) for name in names}


def _clean(receipt: Receipt, metric: Metric) -> Clean | None:
    """None where no training row is near a test row."""
    near, seed, groups = set(receipt.about.near), receipt.about.seed, receipt.about.groups
    if not near:
        return None
    both = receipt.scored("test"), receipt.scored("baseline")
    ours, theirs = ([one for i, one in enumerate(scored) if i not in near] for scored in both)
    if not ours:
        return Clean(0, None, None)
    gain = difference(metric, ours, theirs, seed, groups)
    return Clean(len(ours), interval(metric, ours, seed, groups).value, _triple(gain))


def _side_by_side(examples: Sequence[Example], gave: Mapping[str, Sequence[Given]]) -> tuple[Compared, ...]:
    """Examples before and after: the largest gains, and the largest losses, which are as telling."""
    before, after = gave["baseline"], gave["test"]

    def change(i: int) -> float:
        return (after[i].score or 0.0) - (before[i].score or 0.0)

    order = sorted(range(len(examples)), key=lambda i: (-change(i), i))
    losses = [i for i in order if change(i) < 0][-SHOWN // 4 :]
    chosen = dict.fromkeys([*order[: SHOWN - len(losses)], *losses])
    rows = [(examples[i], before[i], after[i]) for i in chosen]
    return tuple(Compared(e.id, e.input, e.output, b.text, a.text, b.score, a.score) for e, b, a in rows)


def _triple(gain: Gain | None) -> Triple | None:
    return (gain.lo, gain.value, gain.hi) if gain and gain.value is not None else None
