"""What each path takes to build and to run, from numbers that others measured or counted."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from advisor.system import PATH_NAMES, SHOTS

SMALL = 0.5  # of the speed of writing, where few texts are written at once
CHOICES = 5  # systems or so that a path without tuning chooses among
CLASSIFIER_SECONDS = 5.0
DAYS = 365  # over which a path is to be earned back
MOST = 100.0  # points: more than any path can gain


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


@dataclass(frozen=True)
class Hours:
    """A person's time: hours of `building` for each path, minutes to `label` an example and to `mend` a wrong answer; and the
    requests of a day where nobody said how many come."""

    building: Mapping[str, float]
    label: float
    mend: float
    requests: float


@cache
def hours() -> Hours:
    """What `hours.toml` beside this file says."""
    table = tomllib.loads((resources.files("advisor.decide") / "hours.toml").read_text(encoding="utf-8"))
    return Hours(table["building"], **table["minutes"], requests=table["requests_per_day"])


def prices(answers: Mapping[str, str | float]) -> NDArray[np.float64]:
    """(5,) the points that each path must gain over a prompt to be earned back in a year: its further hours of building over
    the hours that a point saves, which is one wrong answer less in a hundred requests."""
    known, said = hours(), answers.get("requests_per_day")
    requests = said if isinstance(said, (int, float)) else known.requests
    further = np.array([known.building[path] - known.building["prompting"] for path in PATH_NAMES])
    saved = requests * DAYS / 100 * known.mend / 60
    return np.minimum(further / saved, MOST) if saved else np.where(further > 0, MOST, 0.0)
