"""What each path takes to build, to serve and to keep up, from numbers that others measured, counted or said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.answers import UNKNOWN
from advisor.decide.rates import PARTS, Rates, efforts, times_a_year
from advisor.system import PATH_NAMES, SHOTS, TUNING

Answers = Mapping[str, str | float]

SMALL = 0.5  # of the speed of writing, where few texts are written at once
CHOICES = 5  # systems or so that a path without tuning chooses among
CLASSIFIER_SECONDS = 5.0
EMBEDDED = 0.01  # seconds of a request to a classifier: as a search by meaning takes (benchmarks/README.md)
DAYS = 365  # over which a path is to be earned back
MOST = 100.0  # points: more than any path can gain
LABELLED = 60  # examples with which measuring begins
HOURS = {"retrieval": "retrieval_hours", "tuning": "tuning_hours"}  # the answers that say what a part takes


@dataclass(frozen=True)
class Sizes:
    """Typical tokens of a request: the instruction, what is the example's own (template included), the answer that is
    wanted, and the passages of a system that retrieves."""

    instruction: float
    own: float
    wanted: float
    passages: float


@dataclass(frozen=True)
class Work:
    """What machines do for a path: seconds to build it, and USD for the requests that this takes; of a request the tokens `read` and
    `written` and its `seconds`, as `measured` or by an estimate."""

    build_seconds: float
    usd: float
    read: float
    written: float
    seconds: float
    measured: bool = False


@dataclass(frozen=True)
class Cost:
    """What a path takes, None where it is not known.

    In words (`effort`). To build: seconds, USD for requests, and a person's `hours`, `hours_of` each kind of work. To serve: tokens
    and seconds of a request (`measured`, or by an estimate), and USD `per_1000` requests. To keep facts fresh: `upkeep_hours` of a
    person a year.
    """

    effort: str
    build_seconds: int | None = None
    tokens_per_request: int | None = None
    usd: float | None = None
    hours: float | None = None
    hours_of: Mapping[str, float] = field(default_factory=dict)
    seconds_per_request: float | None = None
    per_1000: float | None = None
    upkeep_hours: float | None = None
    measured: bool = False


EFFORT = {
    "prompting": "an hour of trying instructions and examples; no training",
    "classifier": "seconds of training on a CPU; needs labelled examples",
    "rag": "an index over the documents, kept up to date; longer prompts on every request",
    "finetuning": "examples to clean, minutes to hours of training; again when the task changes",
    "rag+finetuning": "an index and a training with passages in the prompt; both to keep up",
}


def costs(answers: Answers, work: Mapping[str, Work], rates: Rates) -> dict[str, Cost]:
    """The cost of each path; what machines do for one is not known where `work` has nothing of it."""
    return {path: _cost(path, answers, work.get(path), rates) for path in PATH_NAMES}


def _cost(path: str, answers: Answers, work: Work | None, rates: Rates) -> Cost:
    hours = {kind: round(one, 2) for kind, one in _hours(path, answers, rates).items()}
    upkeep = _upkeep(path, answers)
    told = Cost(EFFORT[path], hours=round(sum(hours.values()), 2), hours_of=hours, upkeep_hours=upkeep)
    if not work:
        return told
    each = _usd(path, work, rates)
    return Cost(
        EFFORT[path],
        round(work.build_seconds),
        round(work.read + work.written),
        round(work.usd, 4),
        told.hours,
        hours,
        round(work.seconds, 4),
        None if each is None else round(1000 * each, 6),
        upkeep,
        work.measured,
    )


def _hours(path: str, answers: Answers, rates: Rates) -> dict[str, float]:
    """A person's hours by kind of work: those of the path's parts, as was said of a part or by the table, and what examples to
    measure on still take to label. Clean examples need no cleaning."""
    there, whole = answers.get("train_examples", UNKNOWN), dict[str, float]()
    missing = LABELLED if isinstance(there, str) else max(0.0, LABELLED - there)
    clean = path in TUNING and answers.get("examples_clean") == "yes"
    for part in PARTS[path]:
        said = answers.get(HOURS.get(part, ""), UNKNOWN)
        table = {kind: one for kind, one in efforts()[part].hours.items() if not (clean and kind == "cleaning")}
        scale = 1.0 if isinstance(said, str) else said / sum(table.values())
        for kind, hours in table.items():
            whole[kind] = whole.get(kind, 0.0) + scale * hours
    return {**whole, "labelling": missing * rates.label_minutes.value / 60}


def _upkeep(path: str, answers: Answers) -> float | None:
    """A person's hours a year to keep facts fresh, which stand in the index where there is one, else in tuned weights; None where
    nobody said whether facts are needed."""
    needed, change = answers.get("needs_private_or_fresh_facts", UNKNOWN), str(answers.get("facts_change", UNKNOWN))
    if needed == UNKNOWN and change == UNKNOWN:
        return None
    holds = next((part for part in ("retrieval", "tuning") if part in PARTS[path]), "prompt")
    return 0.0 if needed == "no" else round(times_a_year(change) * efforts()[holds].refresh, 2)


def _usd(path: str, work: Work, rates: Rates) -> float | None:
    """USD of a request; a classifier is no endpoint's."""
    read, written, machine = rates.prompt_usd, rates.completion_usd, rates.machine_hour_usd
    if read and written and path != "classifier":
        return (work.read * read.value + work.written * written.value) / 1e6
    return work.seconds / 3600 * machine.value if machine else None


def work_of(
    sizes: Sizes, choosing: float, usd: float, tuning: tuple[float, float] | None, prefill: float, decode: float
) -> dict[str, Work]:
    """What machines do for each path, by counting. `choosing`: seconds to choose among systems without tuning, at `usd`; `tuning`:
    seconds to tune without passages and with them, None where the model can't be tuned; `prefill`, `decode`: tokens read and
    written in a second."""
    whole, shots = sizes.instruction + sizes.own, SHOTS * (sizes.own + sizes.wanted)

    def asked(build: float, money: float, read: float) -> Work:
        return Work(build, money, read, sizes.wanted, read / prefill + sizes.wanted / decode)

    table = {
        "prompting": asked(choosing, usd, whole + shots),
        "classifier": Work(CLASSIFIER_SECONDS, 0.0, 0.0, 0.0, EMBEDDED),
        "rag": asked(choosing, usd, whole + sizes.passages),
    }
    if tuning:
        table["finetuning"] = asked(tuning[0], 0.0, whole)
        table["rag+finetuning"] = asked(tuning[1], 0.0, whole + sizes.passages)
    return table


def choosing_seconds(sizes: Sizes, examples: int, prefill: float, writing: float) -> float:
    """Seconds to run the systems to choose among on so many examples, some of which show shots or passages.

    prefill: tokens read in a second. writing: seconds to write one text.
    """
    shown = 4 * SHOTS * (sizes.own + sizes.wanted) + CHOICES * sizes.passages
    return examples * ((CHOICES * sizes.own + shown) / prefill + CHOICES * writing)


def writing_seconds(max_tokens: int, decode: float) -> float:
    """Seconds to write one text of a set to choose on, some of which go on to the limit."""
    return max_tokens / (SMALL * decode)


def requests_a_year(answers: Answers, rates: Rates) -> float:
    """As was said, else as is assumed."""
    said = answers.get("requests_per_day", UNKNOWN)
    return DAYS * (rates.requests_per_day.value if isinstance(said, str) else said)


def point_hours(answers: Answers, rates: Rates) -> float:
    """Hours of a person that a point saves in a year, which is one wrong answer less in a hundred requests."""
    return requests_a_year(answers, rates) / 100 * rates.mend_minutes.value / 60


def year_hours(cost: Cost, answers: Answers, rates: Rates) -> float:
    """All that a path takes within a year, as hours of a person."""
    served = (cost.per_1000 or 0.0) * requests_a_year(answers, rates) / 1000
    return (cost.hours or 0.0) + (cost.upkeep_hours or 0.0) + ((cost.usd or 0.0) + served) / rates.hour_usd.value


def prices(answers: Answers, table: Mapping[str, Cost], rates: Rates) -> NDArray[np.float64]:
    """(5,) the points that each path must gain over a prompt to be earned back in a year: what it takes more, in hours of a person,
    over the hours that a point saves."""
    taken = np.array([year_hours(table[path], answers, rates) for path in PATH_NAMES])
    further, saved = taken - taken[0], point_hours(answers, rates)
    return np.clip(further / saved, -MOST, MOST) if saved else np.where(further > 0, MOST, 0.0)
