"""Readers, which judge the passages found once more: a cross-encoder, or the task's own model."""

from collections.abc import Callable, Sequence

import trainers
from advisor import prompts
from advisor.errors import OutsideError
from advisor.models import Model, local
from retrieval.rerank import Reader, cross_encoder
from trainers.rendering import Turn

OWN = "model"  # what task.yaml calls the task's own
ASK = "Does the passage answer the question? Say yes or no."


def reader(name: str, model: Callable[[], Model]) -> Reader | None:
    """The reader of that name, None for "". Raises OutsideError where there is none of that name."""
    if not name:
        return None
    if name == OWN:
        return own(model())
    try:
        return cross_encoder(name)
    except (OSError, ValueError) as error:
        raise OutsideError(f"there is no cross-encoder {name!r} to rerank with ({error})") from error


def own(model: Model) -> Reader:
    """How likely a local model says that a passage answers the question. Raises CannotError for an endpoint."""
    lm = local(model)

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        rows = [trainers.render(lm, _asked(query, text)) for text in texts]
        return [likely["yes"] for likely in trainers.probabilities(lm, rows, ["yes", "no"])]

    return read


def _asked(query: str, text: str) -> tuple[Turn, ...]:
    system = Turn("system", f"{ASK}\n\n{prompts.NOTE}", shared=True)
    return system, Turn("user", f"{prompts.quoted(text)}\n\nQuestion: {query}")
