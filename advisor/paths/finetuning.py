"""The paths that tune a LoRA adapter, with or without retrieved passages in the prompt."""

from collections.abc import Sequence
from dataclasses import replace

import trainers
from advisor.paths.prompting import baseline, constrained
from advisor.runtime.bench import Bench
from advisor.score.metric import score_all
from advisor.score.statistics import rating
from advisor.system import Context, System
from advisor.task import Example

SHORT = "probes"  # the folder of what is made in short


def finetuning(bench: Bench) -> System:
    """An adapter that answers from the instruction alone."""
    return decoded(bench, tuned(bench, "finetuning", "build"))


def rag_finetuning(bench: Bench) -> System:
    """An adapter that answers from retrieved passages, trained with what retrieval finds for the training inputs."""
    return decoded(bench, tuned(bench, "rag+finetuning", "build"))


def reading(bench: Bench) -> System:
    """The baseline with passages in its prompt, as many as a tuned system reads: one, unless the task says how many."""
    return replace(baseline(bench), context=Context("retrieved", bench.task.retrieval.k or 1))


def decoded(bench: Bench, system: System) -> System:
    """The tuned system as it was tuned, decoding freely, or held to the form of the task's outputs: what scores better on the
    examples to choose on. Of equals held, where the task names the form itself: it can't be wrong then. So it is, too, where
    all rows train, and none is left to choose on."""
    decoding, examples = constrained(bench), () if bench.task.split.folds else bench.choosing
    if not decoding:
        return system
    held = replace(system, decoding=decoding)
    free, bound = (
        _rate(bench, [made.text for made in bench.runtime.predict(one, examples, f"choose: {what}")], examples)
        for one, what in ((system, "tuned"), (held, "tuned, constrained"))
    )
    named = bool(bench.task.labels) or bench.task.schema is not None
    return held if bound > free or (named and bound == free) else system


def tuned(bench: Bench, path: str, stage: str, evaluations: int = 4) -> System:
    """What a path tunes, with an adapter trained on the purse's rows; it ends early where the task's metric rises no more, unless
    all rows train and none is left to tell. It lies in the folder of that stage (`SHORT`, or "build"), and goes on from what the short
    tuning of the path has learned of the same rows."""
    split, purse = bench.task.split, bench.purse
    system = baseline(bench) if path == "finetuning" else reading(bench)
    choose = () if split.folds else (split.choose or split.compare)[: purse.choose]
    settings = trainers.TuneSettings(epochs=purse.epochs, evaluations=evaluations if choose else 1, seed=bench.seed)
    return bench.runtime.tune(
        system,
        split.train[: purse.rows],
        lambda texts: _rate(bench, texts, choose),
        choose,
        settings,
        bench.folder(f"{stage}/{path}"),
        bench.first.folder(f"{SHORT}/{path}"),
    )


def _rate(bench: Bench, texts: Sequence[str | None], examples: Sequence[Example]) -> float:
    return rating(bench.metric, score_all(bench.metric, texts, examples))
