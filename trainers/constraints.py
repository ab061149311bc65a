"""What a text must be, and which tokens that leaves. Knows nothing of batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, repeat
from typing import Any

import llguidance.hf
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from trainers.models import LanguageModel


@dataclass(frozen=True)
class Constraint:
    """What a text must be: one of `labels`, JSON that follows `schema`, or a whole match of `regex`."""

    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    regex: str = ""

    @property
    def grammar(self) -> str:
        """The constraint as a llguidance grammar."""
        if self.schema is not None:
            # what the library can't hold a text to, such as uniqueItems, it leaves open rather than the whole schema
            return LLMatcher.grammar_from_json_schema(
                json.dumps(self.schema), defaults={"whitespace_flexible": False, "lenient": True}
            )
        if self.regex:
            return LLMatcher.grammar_from_regex(self.regex)
        return LLMatcher.grammar_from_lark("start: " + " | ".join(json.dumps(label) for label in self.labels))


def matchers(lm: LanguageModel, constraint: Constraint | None) -> Iterator[LLMatcher | None]:
    """A fresh state of the constraint for each row, None without one. Raises ValueError when it cannot be compiled."""
    if constraint is None:
        return repeat(None)
    vocabulary = lm.model.get_output_embeddings().weight.shape[0]  # many models pad it beyond the tokenizer's
    first = LLMatcher(_guide(lm.tokenizer, vocabulary, lm.tokenizer.eos_token_id), constraint.grammar)
    if first.is_error():
        raise ValueError(f"the constraint cannot be compiled: {first.get_error()}")
    return (first.deep_copy() for _ in count())


def allowed(matcher: LLMatcher, token: int, logits: Tensor) -> int:
    """`token`, the likeliest by its (vocabulary,) logits, or where the matcher forbids it the likeliest that it allows.

    The matcher takes the token in. Asking for one token is cheap; the whole vocabulary is asked only where need be.
    """
    if not matcher.validate_tokens([token]):
        bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        free = torch.from_numpy(np.unpackbits(bits, count=len(logits), bitorder="little").view(bool))
        token = int(logits.masked_fill(~free.to(logits.device), float("-inf")).argmax())
    matcher.consume_token(token)
    return token


@lru_cache(maxsize=4)
def _guide(tokenizer: PreTrainedTokenizerBase, vocabulary: int, stop: int) -> LLTokenizer:
    return llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=stop)  # type: ignore[arg-type]  # tells
