"""How far an adapter moved a model on text that the base wrote itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from trainers.engine import plain
from trainers.generation import generate
from trainers.loading import adapted
from trainers.models import LanguageModel
from trainers.rendering import Row, Turn, render


def divergence(lm: LanguageModel, adapter: Path, prompts: Sequence[Sequence[Turn]], max_tokens: int = 48) -> float:
    """The mean KL divergence of the tuned model from the base, in nats per token, on the base's answers to `prompts`."""
    rows = [render(lm, turns) for turns in prompts]
    answers = {made.index: made.text for made in generate(lm, rows, max_tokens=max_tokens)}
    written = [
        render(lm, [*turns, Turn("assistant", answers[i])]) for i, turns in enumerate(prompts) if answers[i].strip()
    ]
    base = [_distributions(lm, row) for row in written]
    with adapted(lm, adapter) as tuned:
        moved = [_distributions(tuned, row) for row in written]
    terms = [(b.exp() * (b - m)).sum(-1) for b, m in zip(base, moved, strict=True)]
    return max(0.0, float(torch.cat(terms).mean())) if terms else 0.0


def _distributions(lm: LanguageModel, row: Row) -> Tensor:
    """(target tokens, vocabulary) float32 log-probabilities of what comes at each of the target's tokens."""
    with torch.inference_mode():
        return torch.log_softmax(plain.logits(lm, row, len(row.target) + 1)[:-1].float(), -1)
