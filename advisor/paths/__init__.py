"""What builds a system: for each path a function that builds the best system of its kind on a bench."""

from collections.abc import Callable, Mapping

from advisor.paths.classifier import classifier
from advisor.paths.finetuning import finetuning, rag_finetuning
from advisor.paths.prompting import prompting, rag
from advisor.runtime.bench import Bench
from advisor.system import Buildable

PATHS: Mapping[str, Callable[[Bench], Buildable]] = {
    "prompting": prompting,
    "classifier": classifier,
    "rag": rag,
    "finetuning": finetuning,
    "rag+finetuning": rag_finetuning,
}
