"""How far tuning moved a model where it should not."""

import tomllib
from dataclasses import dataclass, replace
from importlib import resources

import trainers
from advisor.runtime.runtime import Runtime
from advisor.score.metric import score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import interval
from advisor.system import Predictor, System
from advisor.task import Example
from trainers.rendering import Turn

MOST_TOKENS = 40  # of an answer to a general question
LEAST_LOST = 6  # questions; fewer may be chance, since six of six that change for the worse have p = 0.03 (sign test)


@dataclass(frozen=True)
class Forgetting:
    """KL divergence from the base in nats per token on text that the base wrote, and the score on so many general
    questions `before` and `after`, 0 to 100."""

    divergence: float
    before: float | None
    after: float | None
    questions: int

    @property
    def answered(self) -> tuple[int, int]:
        """How many questions were answered before, and after."""
        return round(self.questions * (self.before or 0) / 100), round(self.questions * (self.after or 0) / 100)

    @property
    def severe(self) -> bool:
        """Whether half of what the model knew is gone, or more, and not by chance; what gave no text at all tells nothing."""
        if self.before is None or self.after is None:
            return False
        before, after = self.answered
        return before - after >= LEAST_LOST and 2 * after <= before


def forgetting(runtime: Runtime, system: Predictor) -> Forgetting | None:
    """What a system's tuning made it forget. None for a system without an adapter."""
    if not isinstance(system, System) or not system.model.adapter:
        return None
    table = tomllib.loads((resources.files("advisor.measure") / "general.toml").read_text(encoding="utf-8"))
    asked = [
        Example(f"general-{i}", one["ask"], one["answers"][0], tuple(one["answers"]))
        for i, one in enumerate(table["questions"])
    ]
    plain = System(replace(system.model, adapter="", adapter_fingerprint=""))
    plain = replace(plain, decoding=replace(plain.decoding, max_tokens=MOST_TOKENS))
    metric = resolve("contains_answer")
    scores = []
    for one in (plain, replace(plain, model=system.model)):
        made = runtime.predict(one, asked, "general questions")
        scores.append(interval(metric, score_all(metric, [p.text for p in made], asked), 0).value)
    turns = [[Turn("user", example.input)] for example in asked]
    moved = trainers.divergence(runtime.of(runtime.model_of(system)).lm, runtime.folder / system.model.adapter, turns)
    return Forgetting(moved, scores[0], scores[1], len(asked))
