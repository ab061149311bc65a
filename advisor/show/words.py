"""Figures and set phrases, worded once for the terminal and the report."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.data.splitting import FEWEST, TESTED
from advisor.decide.gaps import Gap, Shown
from advisor.measure.figures import Triple
from advisor.measure.proof import Result
from advisor.score.verdicts import Verdict

GAP_WORDS: Mapping[str, str] = {
    "none": "already right",
    "format": "right once the form is enforced",
    "instruction": "right once examples are shown, or another instruction",
    "knowledge": "right once passages are retrieved",
    "retrieval": "right only with the right document",
    "behaviour": "right after a short tuning",
    "capability": "not right with anything tried",
    "unknown": "not known: no answer, only what a limit cut off, or no tuning was tried",
}
KINDS: Mapping[str, str] = {
    "knowledge": "Knowledge gap",
    "behaviour": "Behaviour gap",
    "both": "Knowledge and behaviour gap",
    "none": "Hardly any gap",
    "capability": "Beyond this model",
    "unknown": "Knowledge or behaviour: not known",
}
VERDICTS: Mapping[str, str] = {
    "better": "it is better",
    "worse": "it is worse",
    "no worse": "it is no worse",
    "cheaper is enough": "the cheaper one is enough",
    "not known yet": "whether it is better is not known yet",
}
STEPS: Mapping[str, str] = {
    "purse": "timing",
    "instructions": "choosing the instruction",
    "runner_up_system": "building the runner-up",
    "best_untuned_system": "building the best untuned",
    "system": "building",
    "system_purse": "planning the tuning again",
    "runner_up_system_purse": "planning the runner-up's tuning again",
    "result": "proof",
    "seeds": "tuning with another seed",
}
FORMS: Mapping[str, str] = {
    "json": "JSON",
    "schema": "JSON by the schema",
    "label": "one of the labels",
    "labels": "labels of the task",
}
NOTHING = "–"
# What could move the cursor, ring, or turn the reading direction has no place in a table.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(value: object) -> str:
    """Text from data or models that can be shown: no control characters, no half characters."""
    text = str(value).replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _CONTROL.sub("�", text)


def figure(value: float | None, digits: int = 1, sign: bool = False) -> str:
    """A score, gain or share with so many digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:{'+' if sign else ''},.{digits}f}"  # + 0.0: no minus before a zero


def amount(value: float) -> str:
    """A figure that has a unit of its own, in three digits or all those before its point."""
    digits = 0 if value == round(value) else max(0, 2 - math.floor(math.log10(abs(value))))
    return figure(value, digits)


def besides(figures: Mapping[str, float]) -> str:
    """What a metric tells beside the score, "" for nothing."""
    return " · ".join(f"{name} {amount(value)}" for name, value in figures.items())


def gain(value: float | None) -> str:
    """A difference in points, with its sign."""
    return figure(value, sign=True)


def span(values: Sequence[float] | None) -> str:
    """The interval in `[lo, hi]` or `[lo, value, hi]`."""
    return f"[{figure(values[0])}, {figure(values[-1])}]" if values else NOTHING


def percent(share: float | None) -> str:
    """A share of 1 in per cent."""
    return NOTHING if share is None else f"{figure(share * 100, 0)} %"


def duration(seconds: float | None) -> str:
    """Seconds as a person would say them: 0.4 s, 9 s, 2:10 min, 1:05 h."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 59.5:
        return f"{figure(seconds, 0 if seconds >= 10 else 1)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{round(seconds / 60) // 60:,}:{round(seconds / 60) % 60:02d} h"


def lacking(unscored: int, cut: int) -> str:
    """How many answers are not there, and how many not whole; "" where all are."""
    told = (f"{count:,} {what}" for count, what in ((unscored, "unscored"), (cut, "cut")) if count)
    return " · ".join(told)


def places(rows: Sequence[object], most: int = 12) -> str:
    """Row numbers, a long list cut short."""
    shown = ", ".join(str(row) for row in rows[:most])
    return shown + (f" and {len(rows) - most:,} more" if len(rows) > most else "")


def sides(examples: Mapping[str, int]) -> list[str]:
    """How many examples are for what; where rows are few, all but the test's are for everything."""
    count, test = examples.get("train", 0), examples.get("test", 0)
    folded = count and examples.get("choose") == examples.get("compare") == count
    told = {"in folds": count, "test": test} if folded else examples
    return [f"{name} {number:,}" for name, number in told.items()]


def answered(value: str | float) -> str:
    """An answer of the questionnaire; counts without a point."""
    return value if isinstance(value, str) else figure(value, 0 if value == round(value) else 2)


def gap_line(gap: Gap) -> str:
    """Which kind of gap it is, in how many examples as measured, or in what parts as answers let believe."""
    parts = [f"{name} {percent(share)}" for name, share in gap.shares.items() if share >= 0.005]
    told = f" ({', '.join(parts)})" if parts else ""
    belief = "" if gap.measured or gap.kind == "unknown" else ", as far as answers tell"
    return f"{KINDS[gap.kind]}{belief}{told}."


def shortly(text: str | None, most: int = 60) -> str:
    """The beginning of a text in one line, in quotes; "nothing" for none."""
    if text is None:
        return "nothing"
    line = " ".join(clean(text).split())
    return f"“{line if len(line) <= most else line[:most] + '…'}”"


def instance(shown: Shown) -> str:
    """An example of a gap in one line."""
    given = f"{shortly(shown.input)} gave {shortly(shown.given)}, wanted {shortly(shown.wanted)}"
    return f"{given} ({shown.id})"


def tested(result: Result) -> str:
    """How many examples of the test were run, and that the budget left no time for all."""
    told = f"{result.test_items:,} examples{clustered(result.test_items, result.clusters)}"
    if result.test_items >= result.test_rows:
        return told
    return f"{told} (drawn by chance from {result.test_rows:,}: the budget leaves time for no more)"


def clustered(examples: int, clusters: int) -> str:
    """In how many clusters examples lie; "" where each has a source of its own."""
    return f" from {clusters:,} sources" if 0 < clusters < examples else ""


def shortage(result: Result) -> str:
    """How many rows there are, and how many would do to measure or to prove."""
    rows = f"{result.rows:,} row{'s' * (result.rows != 1)}"
    if result.measured:
        return f"{result.measured:,} of {rows} were measured on, and {TESTED} would do to set a test aside"
    tested = "" if result.test_items else f", {TESTED} to set a test aside"
    return f"with {rows}, answers and data alone decide; {FEWEST} would do to measure{tested}"


def opened(result: Result) -> str:
    """How often the sealed test had been opened before this run; "" where it had not been."""
    before = result.opened_before
    if not before.times:
        return ""
    times = "once" if before.times == 1 else f"{before.times:,} times"
    others = "another system" if before.systems == 1 else f"{before.systems:,} other systems"
    whom = f"for {others}" if before.systems else "for these very systems, which changes no figure"
    return f"The sealed test had been opened {times} before this run, {whom}."


def narrowed(result: Result) -> str:
    """That tuning left little of what the model knew; "" where that is not so."""
    if not result.forgetting or not result.forgetting.severe:
        return ""
    before, after = result.forgetting.answered
    asked = f"of {result.forgetting.questions:,} general questions it answers {after:,}, before it answered {before:,}"
    return f"Tuning left little but this task: {asked}."


def valid(shares: Mapping[str, float]) -> str:
    """The shares of texts in a form that a program can read."""
    return ", ".join(f"{_at_least(share)} {FORMS[name]}" for name, share in shares.items())


def strictest(shares: Mapping[str, float]) -> str:
    """The share in the strictest of those forms."""
    return f"{_at_least(min(shares.values()))} valid" if shares else ""


def _at_least(share: float) -> str:
    """A share in per cent, rounded down: 100 % is said of all alone."""
    return f"{math.floor(1000 * share + 1e-9) / 10:g} %"


def finalists(result: Result) -> Mapping[str, str]:
    """What the systems on the sealed test are called."""
    names = {
        "baseline": "baseline",
        "runner_up": f"runner-up: {result.runner_up}",
        "best_untuned": f"best untuned: {result.best_untuned}",
        "test": result.path,
    }
    return {name: label for name, label in names.items() if name in ("baseline", "test", *result.unscored)}


@dataclass(frozen=True)
class Comparison:
    """The built system over another finalist: what that is called, its score, the gain and the verdict. `untuned`: whether
    that is the best of what needs no training."""

    over: str
    score: float | None
    gain: Triple
    verdict: Verdict
    untuned: bool

    @property
    def enough(self) -> bool:
        """Whether the other is shown to be enough."""
        return self.verdict == "cheaper is enough"

    @property
    def shortfall(self) -> float:
        """By how many points the other is worse at the most."""
        return max(0.0, self.gain[2])

    @property
    def said(self) -> str:
        """The verdict in words."""
        return f"{self.over} is enough, at most {figure(self.shortfall)} points worse" if self.enough else self.verdict


def comparisons(result: Result) -> dict[str, Comparison]:
    """The built system over each other finalist, by its name, where there was text to score."""
    own = "best_untuned" in result.unscored  # it is none of the others
    same = "runner_up" if result.best_untuned == result.runner_up else "baseline"
    untuned = "best_untuned" if own else same if result.best_untuned else ""
    over_best = result.gain_over_best_untuned if own else None
    told = {
        "baseline": ("the baseline", result.baseline, result.gain, result.verdict),
        "runner_up": (result.runner_up, result.runner_up_score, result.gain_over_runner_up, result.runner_up_verdict),
        "best_untuned": (result.best_untuned, result.best_untuned_score, over_best, result.best_untuned_verdict),
    }
    return {
        name: Comparison(over or "", score, gained, verdict, name == untuned)
        for name, (over, score, gained, verdict) in told.items()
        if gained and verdict
    }
