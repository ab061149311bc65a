"""The plain way, each row alone through transformers: what packed passes must equal, and what models get whose
attention cannot be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from llguidance import LLMatcher
from torch import Tensor

from trainers.constraints import Constraint, allowed, matchers
from trainers.models import LanguageModel
from trainers.rendering import Row


def greedy(
    lm: LanguageModel, rows: Sequence[Row], constraint: Constraint | None, max_tokens: int
) -> Iterator[tuple[list[int], bool]]:
    """The tokens of each row's greedy text, without the one that ends it, and whether it ended."""
    model: Any = lm.model  # transformers' type of a model says nothing of generating
    states, stops = matchers(lm, constraint), stop_ids(lm)
    for row in rows:
        ids = torch.tensor([row.shared + row.own], device=lm.model.device)
        matcher = next(states)
        with torch.inference_mode():
            made = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=max_tokens,
                pad_token_id=lm.tokenizer.pad_token_id,
                eos_token_id=sorted(stops),
                logits_processor=[_only_allowed(matcher)] if matcher else None,
                stopping_criteria=[lambda *_, matcher=matcher: matcher.is_stopped()] if matcher else None,
            )
        tokens = made[0, ids.shape[1] :].tolist()
        ended = tokens[-1] in stops or (matcher is not None and matcher.is_stopped())
        yield [token for token in tokens if token not in stops], ended


def _only_allowed(matcher: LLMatcher) -> Callable[[Tensor, Tensor], Tensor]:
    """What transformers calls with the tokens so far and the scores (1, vocabulary) of the next one."""

    def process(_: Tensor, scores: Tensor) -> Tensor:
        token = allowed(matcher, int(scores[0].argmax()), scores[0])
        return torch.full_like(scores, float("-inf")).index_fill(1, torch.tensor([token], device=scores.device), 0.0)

    return process


def stop_ids(lm: LanguageModel) -> frozenset[int]:
    """The tokens that end an answer."""
    config = getattr(lm.model.generation_config, "eos_token_id", None)
    listed = config if isinstance(config, list) else [config]
    return frozenset(int(i) for i in (*listed, lm.tokenizer.eos_token_id) if i is not None)


def logits(lm: LanguageModel, row: Row, last: int) -> Tensor:
    """The logits (last, vocabulary) behind the last tokens of a row."""
    ids = torch.tensor([row.shared + row.own + row.target], device=lm.model.device)
    whole: Tensor = lm.model(input_ids=ids, use_cache=False, logits_to_keep=last).logits
    return whole[0]


def loss_sum(lm: LanguageModel, rows: Sequence[Row]) -> Tensor:
    """The summed negative log-likelihood of the rows' targets: a scalar, in nats."""
    total = torch.zeros((), device=lm.model.device)
    for row in rows:
        predicted = logits(lm, row, len(row.target) + 1)[:-1].float()
        wanted = torch.tensor(row.target, device=predicted.device)
        total = total + torch.nn.functional.cross_entropy(predicted, wanted, reduction="sum")
    return total
