"""How far an adapter moved a model on text that the base wrote itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.generation import generate
from trainers.models import LanguageModel, adapted
from trainers.rendering import Row, Turn, render


def divergence(lm: LanguageModel, adapter: Path, prompts: Sequence[Sequence[Turn]], max_tokens: int = 48) -> float:
    """The mean KL divergence of the tuned model from the base, in nats per token, on the base's answers to `prompts`."""
    import torch

    rows = [render(lm, turns) for turns in prompts]
    answers = {made.index: made.text for made in generate(lm, rows, max_tokens=max_tokens)}
    written = [
        render(lm, [*turns, Turn("assistant", answers[i])]) for i, turns in enumerate(prompts) if answers[i].strip()
    ]
    base = [_log_probabilities(lm, row) for row in written]
    with adapted(lm, adapter) as tuned:
        moved = [_log_probabilities(tuned, row) for row in written]
    terms = [(b.exp() * (b - m)).sum(-1) for b, m in zip(base, moved, strict=True)]
    return max(0.0, float(torch.cat(terms).mean())) if terms else 0.0


def _log_probabilities(lm: LanguageModel, row: Row) -> Any:
    """(target tokens, vocabulary) float32 log-probabilities of the target's tokens."""
    import torch

    ids = torch.tensor([row.shared + row.own + row.target], device=lm.model.device)
    with torch.inference_mode():
        logits = lm.model(input_ids=ids, logits_to_keep=len(row.target) + 1).logits[0, :-1]
    return torch.log_softmax(logits.float(), -1)
