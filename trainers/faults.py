"""What would make tuning fail, or learn nothing, found before it starts. Knows rows and models, not how tuning is done."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trainers.engine import plain
from trainers.models import LanguageModel
from trainers.rendering import Row, Turn, render, template

# What chat templates put between turns; a tokenizer that splits one into pieces was not trained with that template.
MARKER = re.compile(r"<\|[^<>|\s]+\|>|<(?:start|end)_of_turn>|<[|｜][^<>]+[|｜]>")


def preflight(lm: LanguageModel, rows: Sequence[Row]) -> dict[int, str]:
    """The rows that cannot be learned from, each with what is wrong with it."""
    stops = plain.stop_ids(lm)
    faults = {}
    for i, row in enumerate(rows):
        learned = sum(token not in stops for token in row.target)
        if not learned:
            faults[i] = "no token to learn: the output is empty"
        elif row.tokens > lm.context:
            over = row.tokens - lm.context
            lost = f"{min(over, len(row.target))} of the output's {len(row.target)} would be cut off"
            faults[i] = f"{row.tokens} tokens do not fit the model's context of {lm.context}: {lost}"
    return faults


def template_fault(lm: LanguageModel) -> str:
    """What is wrong between the model and its chat template; "" for nothing."""
    asked = [Turn("user", "u")]
    prompt = template(lm, asked, prompt=True)
    split = {m for m in MARKER.findall(prompt) if len(lm.tokenizer(m, add_special_tokens=False).input_ids) > 1}
    if split:
        return f"the tokenizer splits {', '.join(sorted(split))}: the chat template is another model's"
    ends = render(lm, [*asked, Turn("assistant", "a")]).target[-1] in plain.stop_ids(lm)
    return "" if ends else "the chat template ends an answer with no token that ends a text"
