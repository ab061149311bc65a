"""What each path takes to build and to run, from numbers that others measured or counted."""

from dataclasses import dataclass

from advisor.system import PATH_NAMES, SHOTS

SMALL = 0.5  # of the speed of writing, where few texts are written at once
CHOICES = 5  # systems or so that a path without tuning chooses among
CLASSIFIER_SECONDS = 5.0


@dataclass(frozen=True)
class Sizes:
    """Typical tokens of a request: the instruction, what is the example's own (template included), the answer that is
    wanted, and the passages of a system that retrieves."""

    instruction: float
    own: float
    wanted: float
    passages: float


@dataclass(frozen=True)
class Cost:
    """What a path takes: in words, and in seconds to build, tokens of a request and USD to build where they are known."""

    effort: str
    build_seconds: int | None = None
    tokens_per_request: int | None = None
    usd: float | None = None


EFFORT = {
    "prompting": "an hour of trying instructions and examples; no training",
    "classifier": "seconds of training on a CPU; needs labelled examples",
    "rag": "an index over the documents, kept up to date; longer prompts on every request",
    "finetuning": "examples to clean, minutes to hours of training; again when the task changes",
    "rag+finetuning": "an index and a training with passages in the prompt; both to keep up",
}
EFFORTS = {path: Cost(EFFORT[path]) for path in PATH_NAMES}


def costs(sizes: Sizes, choosing: float, usd: float, tuning: tuple[float, float] | None) -> dict[str, Cost]:
    """The cost of each path. `choosing`: seconds to choose among systems without tuning, at `usd`; `tuning`: seconds to
    tune without passages and with them, None where the model can't be tuned."""
    whole = sizes.instruction + sizes.own + sizes.wanted
    table = {
        "prompting": (choosing, whole + SHOTS * (sizes.own + sizes.wanted), usd),
        "classifier": (CLASSIFIER_SECONDS, 0.0, 0.0),
        "rag": (choosing, whole + sizes.passages, usd),
    }
    if tuning:
        table["finetuning"] = (tuning[0], whole, 0.0)
        table["rag+finetuning"] = (tuning[1], whole + sizes.passages, 0.0)
    known = {
        path: Cost(EFFORT[path], round(build), round(tokens), round(money, 4))
        for path, (build, tokens, money) in table.items()
    }
    return {**EFFORTS, **known}


def choosing_seconds(sizes: Sizes, examples: int, prefill: float, writing: float) -> float:
    """Seconds to run the systems to choose among on so many examples, some of which show shots or passages.

    prefill: tokens read in a second. writing: seconds to write one text.
    """
    shown = 4 * SHOTS * (sizes.own + sizes.wanted) + CHOICES * sizes.passages
    return examples * ((CHOICES * sizes.own + shown) / prefill + CHOICES * writing)


def writing_seconds(max_tokens: int, decode: float) -> float:
    """Seconds to write one text of a set to choose on, some of which go on to the limit."""
    return max_tokens / (SMALL * decode)
