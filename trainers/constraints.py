"""What a text must be, and which tokens that leaves. Knows nothing of models or batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, repeat
from typing import Any

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
        from llguidance import LLMatcher

        if self.schema is not None:
            # what the library can't hold a text to, such as uniqueItems, it leaves open rather than the whole schema
            defaults = {"whitespace_flexible": False, "lenient": True}
            return str(LLMatcher.grammar_from_json_schema(json.dumps(self.schema), defaults=defaults))
        if self.regex:
            return str(LLMatcher.grammar_from_regex(self.regex))
        return str(LLMatcher.grammar_from_lark("start: " + " | ".join(json.dumps(label) for label in self.labels)))


def matchers(lm: LanguageModel, constraint: Constraint | None) -> Iterator[Any]:
    """A fresh state of the constraint for each row, None without one. Raises ValueError when it cannot be compiled."""
    if constraint is None:
        return repeat(None)
    from llguidance import LLMatcher

    vocabulary = lm.model.get_output_embeddings().weight.shape[0]  # many models pad it beyond the tokenizer's
    first = LLMatcher(_guide(lm.tokenizer, vocabulary, lm.tokenizer.eos_token_id), constraint.grammar)
    if first.is_error():
        raise ValueError(f"the constraint cannot be compiled: {first.get_error()}")
    return (first.deep_copy() for _ in count())


def allowed(matcher: Any, token: int, logits: Any) -> int:
    """`token`, the likeliest by its (vocabulary,) logits, or where the matcher forbids it the likeliest that it allows.

    The matcher takes the token in. Asking for one token is cheap; the whole vocabulary is asked only where need be.
    """
    import llguidance.torch as guide
    import torch

    if not matcher.validate_tokens([token]):
        bits = guide.allocate_token_bitmask(1, logits.shape[0])
        guide.fill_next_token_bitmask(matcher, bits, 0)
        logits = logits.clone()[None]
        guide.apply_token_bitmask_inplace(logits, bits.to(logits.device))
        token = int(torch.argmax(logits))
    matcher.consume_token(token)
    return token


@lru_cache(maxsize=4)
def _guide(tokenizer: Any, vocabulary: int, stop: int) -> Any:
    import llguidance.hf

    return llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=stop)
