"""The paths that tune a LoRA adapter, with or without retrieved passages in the prompt."""

from dataclasses import replace

import trainers
from advisor.paths.prompting import baseline, score
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.system import Context, System
from advisor.task import Task


def finetuning(task: Task, runtime: Runtime, plan: Plan, seed: int) -> System:
    """An adapter that answers from the instruction alone."""
    return tuned(task, runtime, plan, seed, baseline(task, runtime, plan), "build/finetuning")


def rag_finetuning(task: Task, runtime: Runtime, plan: Plan, seed: int) -> System:
    """An adapter that answers from retrieved passages, trained with what retrieval finds for the training inputs."""
    system = replace(baseline(task, runtime, plan), context=Context("retrieved", task.retrieval.k or 1))
    return tuned(task, runtime, plan, seed, system, "build/rag+finetuning")


def tuned(
    task: Task, runtime: Runtime, plan: Plan, seed: int, system: System, folder: str, evaluations: int = 4
) -> System:
    """The system with an adapter trained on the plan's rows; the best checkpoint by the task's metric is kept."""
    rows = task.split.train[: plan.rows]
    choose = (task.split.choose or task.split.compare)[: plan.choose]
    settings = trainers.TuneSettings(epochs=plan.epochs, evaluations=evaluations, seed=seed)
    built, _ = runtime.tune(system, rows, lambda texts: score(task, texts, choose, seed), choose, settings, folder)
    return built
