"""The paths that tune a LoRA adapter, with or without retrieved passages in the prompt."""

from dataclasses import replace

import trainers
from advisor.paths.prompting import baseline, rate
from advisor.runtime.bench import Bench
from advisor.system import Context, System


def finetuning(bench: Bench) -> System:
    """An adapter that answers from the instruction alone."""
    return tuned(bench, baseline(bench), "build/finetuning")


def rag_finetuning(bench: Bench) -> System:
    """An adapter that answers from retrieved passages, trained with what retrieval finds for the training inputs."""
    return tuned(bench, reading(bench), "build/rag+finetuning")


def reading(bench: Bench) -> System:
    """The baseline with passages in its prompt, as many as a tuned system reads: one, unless the task says how many."""
    return replace(baseline(bench), context=Context("retrieved", bench.task.retrieval.k or 1))


def tuned(bench: Bench, system: System, folder: str, evaluations: int = 4) -> System:
    """The system with an adapter trained on the purse's rows; the best checkpoint by the task's metric is kept."""
    split, purse = bench.task.split, bench.purse
    choose = (split.choose or split.compare)[: purse.choose]
    settings = trainers.TuneSettings(epochs=purse.epochs, evaluations=evaluations, seed=bench.seed)
    return bench.runtime.tune(
        system, split.train[: purse.rows], lambda texts: rate(bench, texts, choose), choose, settings, folder
    )
