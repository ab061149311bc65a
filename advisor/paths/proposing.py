"""Instructions that a model proposes and improves from failures, by GEPA (Agrawal et al. 2025, arXiv 2507.19457).

The library decides what is asked when; our runtime answers, so that everything is counted, stored and computed once.
"""

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from advisor import texts
from advisor.errors import AdvisorError, CannotError, InputError, Problem
from advisor.models.protocol import Model
from advisor.runtime import prompts
from advisor.runtime.bench import Bench
from advisor.score.metric import Scored, score_all
from advisor.system import Decoding, ModelRef, Prediction, System
from advisor.task import Example

PART = "instruction"  # what GEPA calls the text that it improves
WRITTEN = 1024  # tokens of a proposal at most
SHOWN = 2000  # characters shown of a text to a proposer

Told = tuple[Example, Prediction, Scored]


def require(file: Path) -> None:
    """Raises InputError, at the task.yaml that names a proposer, where the library is not installed."""
    if not importlib.util.find_spec("gepa"):
        raise InputError(Problem("needs gepa", file, field="proposer", do="pip install 'advisor[gepa]'"))


def proposed(
    bench: Bench,
    saying: Callable[[str], System],
    start: str,
    proposer: Model,
    failing: Sequence[Example],
    judging: Sequence[Example],
    calls: int,
) -> tuple[list[str], str]:
    """New instructions that began with `start` and did better on some of `failing`, which the proposer sees, each asked all of
    `judging`, which it does not see; and what stopped it before its time, "" for nothing.

    saying: the system that says an instruction. calls: answers after which no further proposal is made.
    Raises InputError without consent, OutsideError where the proposer can't be asked.
    """
    import gepa

    asking, until = _Asking(bench, proposer), time.perf_counter() + bench.purse.proposing
    result = gepa.optimize(
        seed_candidate={PART: start},
        trainset=list(failing),
        valset=list(judging),
        adapter=_Adapter(bench, saying),
        reflection_lm=asking,
        max_metric_calls=calls,
        stop_callbacks=lambda state: asking.failed is not None or time.perf_counter() > until,
        logger=_Silent(),
        seed=bench.seed,
    )
    if asking.failed and not isinstance(asking.failed, CannotError):
        raise asking.failed
    new = dict.fromkeys(one[PART].strip() for one in result.candidates)
    stopped = f"the proposer stopped early: {asking.failed}" if asking.failed else ""
    return [text for text in new if text not in ("", start.strip())], stopped


class _Asking:
    """The proposer as GEPA calls it. GEPA goes on after an error, so what `failed` is kept."""

    def __init__(self, bench: Bench, proposer: Model) -> None:
        self._runtime = replace(bench.runtime, model=proposer)
        decoding = Decoding(max_tokens=WRITTEN)
        self._writer = System(ModelRef(proposer.name, proposer.fingerprint), decoding=decoding)
        self.failed: AdvisorError | None = None

    def __call__(self, prompt: str) -> str:
        if self.failed:
            raise self.failed
        try:
            (made,) = self._runtime.predict(self._writer, [Example("", prompt, "")], "proposer")
            if made.text is None:
                raise CannotError(f"the proposer gave no text: {made.error}")
        except AdvisorError as error:
            self.failed = error
            raise
        return made.text


@dataclass(frozen=True)
class _Adapter:
    """A system as GEPA sees it: what an instruction scores, 0 to 1, and what is told of each answer."""

    bench: Bench
    saying: Callable[[str], System]
    propose_new_texts: ClassVar[None] = None

    def evaluate(self, batch: list[Example], candidate: Mapping[str, str], capture_traces: bool = False) -> Any:
        """What the instruction gave for each example, and what that is worth; no text is worth nothing."""
        from gepa.core.adapter import EvaluationBatch

        made = self.bench.runtime.predict(self.saying(candidate[PART]), batch, "proposed instructions")
        scored = score_all(self.bench.metric, [one.text for one in made], batch)
        told = list(zip(batch, made, scored, strict=True))
        return EvaluationBatch(outputs=told, scores=[(one.score or 0.0) / 100 for one in scored], trajectories=told)

    def make_reflective_dataset(self, candidate: Mapping[str, str], evaluated: Any, parts: list[str]) -> Any:
        """What the proposer is told of each answer."""
        system, told = self.saying(candidate[PART]), list[Told](evaluated.trajectories)
        shown = self.bench.runtime.finder.passages(system.context, [example for example, *_ in told])
        asked = [prompts.turns(system, one[0], (), beside)[-1].text for one, beside in zip(told, shown, strict=True)]
        return {PART: [self._record(text, *one) for text, one in zip(asked, told, strict=True)]}

    def _record(self, asked: str, example: Example, made: Prediction, scored: Scored) -> Mapping[str, str]:
        right = (scored.score or 0.0) >= self.bench.metric.passing
        wanted = f"Scored {scored.score or 0.0:.0f} of 100. Wanted was: {texts.clipped(example.output, SHOWN)}"
        return {
            "Inputs": texts.clipped(asked, SHOWN),
            "Generated Outputs": texts.clipped(f"(no text: {made.error})" if made.text is None else made.text, SHOWN),
            "Feedback": "Right." if right else wanted,
        }


class _Silent:
    """GEPA prints what it does; what a person sees of a run is said elsewhere."""

    def log(self, message: str) -> None:
        """Say nothing."""
