"""Answers at a limit, whatever the model: parted from the thought before them, asked for once more with a larger limit where
it cut them off, and told as cut where that did, too.
"""

from dataclasses import replace

from advisor.system import Prediction, Request, Usage
from advisor.thoughts import Parted

LARGER = 2  # times the limit, the second time


def prediction(parted: Parted, cut: bool, usage: Usage) -> Prediction:
    """What a text gives: its answer. A thought that did not end was cut, whatever the model says of it."""
    cut = cut or parted.endless
    if cut and not parted.answer and (parted.thought or parted.endless):
        why = f"the answer was cut off at the limit before it began: {usage.generated_tokens:,} tokens went into a thought"
        return Prediction(None, why, usage=usage, cut=True)
    return Prediction(parted.answer, usage=usage, cut=cut)


def larger(request: Request) -> Request:
    """The request, with a larger limit."""
    decoding = request.decoding
    return replace(request, decoding=replace(decoding, max_tokens=LARGER * decoding.max_tokens))


def better(first: Prediction, second: Prediction) -> Prediction:
    """Of two tries the second, unless only the first gave a text; with what both took."""
    a, b = first.usage, second.usage
    usage = Usage(a.prompt_tokens + b.prompt_tokens, a.generated_tokens + b.generated_tokens)
    return replace(first if second.text is None and first.text is not None else second, usage=usage)
