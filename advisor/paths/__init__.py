"""Paths: functions that build the best system of their kind for a task within a plan."""

from collections.abc import Callable, Mapping

from advisor.paths.classifier import classifier
from advisor.paths.finetuning import finetuning, rag_finetuning
from advisor.paths.prompting import prompting, rag
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.system import Classifier, System
from advisor.task import Task

PATHS: Mapping[str, Callable[[Task, Runtime, Plan, int], System | Classifier]] = {
    "prompting": prompting,
    "classifier": classifier,
    "rag": rag,
    "finetuning": finetuning,
    "rag+finetuning": rag_finetuning,
}
