"""Answers at a limit: parted from the thought before them, told as cut where the limit ended them, and then asked for once
more with a larger one. Whatever the model is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from advisor.models.protocol import Model
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


def answered(model: Model, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
    """Answer all requests as `model.generate` does, those that a limit cut off once more with a larger one."""
    cut: dict[int, Prediction] = {}
    for i, made in model.generate(requests):
        if made.cut:
            cut[i] = made
        else:
            yield i, made
    places = list(cut)
    for j, made in model.generate([larger(requests[i]) for i in places]):
        yield places[j], better(cut[places[j]], made)


def better(first: Prediction, second: Prediction) -> Prediction:
    """The second try, or the first where the second gave no text though the first did; with what both took."""
    a, b = first.usage, second.usage
    usage = Usage(
        a.prompt_tokens + b.prompt_tokens, a.generated_tokens + b.generated_tokens, round(a.seconds + b.seconds, 4)
    )
    return replace(first if second.text is None and not (second.cut and first.text is None) else second, usage=usage)
