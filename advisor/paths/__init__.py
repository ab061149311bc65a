"""What builds a system: for each path a function that builds the best system of its kind on a bench."""

from collections.abc import Callable, Mapping

from advisor.data.splitting import FEWEST
from advisor.models.local import tunes
from advisor.models.protocol import Model
from advisor.paths.classifier import classifier, has_labels
from advisor.paths.finetuning import finetuning, rag_finetuning
from advisor.paths.prompting import prompting, rag
from advisor.runtime.bench import Bench
from advisor.system import LEARNING, RETRIEVING, TUNING, Buildable
from advisor.task import Task

PATHS: Mapping[str, Callable[[Bench], Buildable]] = {
    "prompting": prompting,
    "classifier": classifier,
    "rag": rag,
    "finetuning": finetuning,
    "rag+finetuning": rag_finetuning,
}


def infeasible(task: Task, *models: Model) -> Mapping[str, str]:
    """Paths that this task rules out, or each of the models, with the reason."""
    first, *others = (_infeasible(task, model) for model in models)
    return {path: why for path, why in first.items() if all(path in reasons for reasons in others)}


def _infeasible(task: Task, model: Model) -> Mapping[str, str]:
    reasons: dict[str, str] = {}
    if not task.documents:
        reasons |= dict.fromkeys(RETRIEVING, "there are no documents to retrieve from")
    if len(task.split.train) < FEWEST:
        reason = f"too few examples to train on: {FEWEST} are needed"
        reasons |= {path: reasons.get(path, reason) for path in LEARNING}
    elif not has_labels(task):
        reasons["classifier"] = "the output is not one of a fixed set of labels"
    if not tunes(model):
        reason = f"{model.name} is an endpoint, which can't be tuned here; name a local model to tune"
        reasons |= {path: reasons.get(path, reason) for path in TUNING}
    return reasons
