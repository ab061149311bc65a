"""Rerankers, which judge the passages found once more: a cross-encoder, or the task's own model."""

from collections.abc import Sequence

import retrieval
import trainers
from advisor.errors import OutsideError
from advisor.models.local import weights
from advisor.models.protocol import Model
from advisor.runtime import prompts
from retrieval.ranking import Reranker
from trainers.rendering import Turn

OWN = "model"  # what task.yaml calls the task's own


def reranker(name: str, model: Model) -> Reranker | None:
    """The reranker of that name, None for "". Raises OutsideError where there is none of that name."""
    if not name:
        return None
    if name == OWN:
        return own(model)
    try:
        return retrieval.cross_encoder(name)
    except ValueError as error:
        raise OutsideError(f"there is no cross-encoder {name!r} to rerank with ({error})") from error


def fingerprint(reranker: Reranker | None) -> str:
    """A hash of what a cross-encoder is; "" for the task's own model, which has one itself, and for none."""
    return str(getattr(reranker, "fingerprint", ""))


def own(model: Model) -> Reranker:
    """How likely a local model would ask the question about a passage. Raises CannotError, when asked, for an endpoint.

    Sachan et al., "Improving Passage Retrieval with Zero-Shot Question Generation" (EMNLP 2022, arXiv 2204.07496). Asked
    whether a passage answers a question, small models say what they always say.
    """

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        lm = weights(model)
        return trainers.likelihoods(lm, [trainers.render(lm, _shown(text)) for text in texts], query)

    return read


def _shown(text: str) -> tuple[Turn, ...]:
    return Turn("system", f"{prompts.ASK}\n\n{prompts.NOTE}", shared=True), Turn("user", prompts.quoted(text))
