"""The paths that tune a LoRA adapter, with or without retrieved passages in the prompt."""

from collections.abc import Sequence
from dataclasses import replace

import trainers
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.score.metric import score_all
from advisor.score.statistics import rating
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
    """The system with an adapter trained on the purse's rows; the best checkpoint by the task's metric is kept, and the last
    where all rows train."""
    split, purse = bench.task.split, bench.purse
    choose = () if split.folds else (split.choose or split.compare)[: purse.choose]
    settings = trainers.TuneSettings(epochs=purse.epochs, evaluations=evaluations if choose else 1, seed=bench.seed)

    def rate(texts: Sequence[str | None]) -> float:
        return rating(bench.metric, score_all(bench.metric, texts, choose))

    return bench.runtime.tune(system, split.train[: purse.rows], rate, choose, settings, bench.folder(folder))
