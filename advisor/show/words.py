"""Figures and set phrases, worded once for the terminal and the report."""

import math
import re
from collections.abc import Mapping, Sequence

from advisor.data.splitting import FEWEST, TESTED
from advisor.decide.gaps import Gap, Shown
from advisor.decide.recommendation import UNMEASURED, Ranked, Recommendation
from advisor.measure.proof import Result
from advisor.score.statistics import missed

GAP_WORDS: Mapping[str, str] = {
    "none": "already right",
    "format": "right once the form is enforced",
    "instruction": "right once examples are shown, or another instruction",
    "knowledge": "right once passages are retrieved",
    "retrieval": "right only with the right document",
    "behaviour": "right after a short tuning",
    "capability": "not right with anything tried",
    "unknown": "not known: no answer, or only what a limit cut off",
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
    "not known yet": "whether it is better is not known yet",
}
STEPS: Mapping[str, str] = {
    "purse": "timing",
    "instructions": "choosing the instruction",
    "runner_up_system": "building the runner-up",
    "system": "building",
    "system_purse": "planning the tuning again",
    "runner_up_system_purse": "planning the runner-up's tuning again",
    "result": "proof",
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


def headline(recommendation: Recommendation | None, result: Result | None) -> str:
    """The answer in a sentence or two: the kind of gap, the path, how sure, what it gained on the sealed test; or that it is
    not known."""
    gap = gap_line(recommendation.gap) if recommendation else ""
    if result:
        told = (gap, _proven(recommendation, result), opened(result), narrowed(result))
        return " ".join(filter(None, told))
    if not recommendation:
        return "Nothing has been recommended yet."
    return f"{gap} {_advised(recommendation)}"


def _advised(recommendation: Recommendation) -> str:
    """The sentence before anything is built."""
    first, certainty = recommendation.ranking[0], figure(recommendation.certainty, 2)
    if recommendation.verdict == "nothing":
        return (
            f"Nothing is recommended: no path is surely above what no work at all scores ({first.path}: {first.note})."
        )
    if recommendation.path is None and not first.probability:
        return (
            f"Insufficient evidence: no path is left to recommend ({first.path}: {first.note}); provisionally "
            f"{recommendation.provisional}."
        )
    if recommendation.path is None:
        return (
            f"Insufficient evidence: {first.path} is the likeliest, with certainty {certainty} where "
            f"{figure(recommendation.enough, 2)} is wanted; provisionally {recommendation.provisional}, "
            "the cheapest that can't be told from it."
        )
    expected = f"{gain(first.expected_gain)} points over {recommendation.gain_over} {span(first.interval)}"
    return f"Take {with_model(first)} (certainty {certainty}): {expected} expected, not proven on a sealed test yet."


def with_model(entry: Ranked) -> str:
    """A path with its model, where models were compared."""
    return f"{entry.path} with {entry.model}" if entry.model else entry.path


def _proven(recommendation: Recommendation | None, result: Result) -> str:
    """The sentence once something is built."""
    believed = next(
        (one for one in (recommendation.ranking if recommendation else ()) if one.path == result.path), None
    )
    path = with_model(believed) if believed else result.path
    sure = f"certainty {figure(believed.certainty if believed else None, 2)}"
    evidence = _on_test(result) if result.test_items else _untested(result, recommendation, believed)
    if result.provisional:
        return f"Provisional, insufficient evidence to choose: {path} ({sure}) was built; {evidence}."
    if result.forced:
        return f"You asked for {path} ({sure}): {evidence}."
    begin = (
        "Take" if result.verdict == "better" or not result.test_items else "Recommended, but the gain is not proven:"
    )
    return f"{begin} {path} ({sure}): {evidence}."


def _on_test(result: Result) -> str:
    """What the sealed test said."""
    items, silent = result.test_items, result.unscored.get("test", 0)
    if result.gain is None or result.verdict is None:
        return f"on the {items:,} sealed test examples there was no text to score"
    how = f"{figure(result.baseline)} → {figure(result.test)}, {gain(result.gain[1])} points"
    measured = f"{how} {span(result.gain)} over the baseline on {items:,} sealed test examples"
    warned = f"; it gave no text for {silent:,} of them, too many to use it" if missed(items - silent, silent) else ""
    return f"{measured}: {VERDICTS[result.verdict]}{warned}"


def _untested(result: Result, recommendation: Recommendation | None, believed: Ranked | None) -> str:
    """What is known where no test was set aside."""
    if not result.measured:
        return f"built, not measured: {shortage(result)}"
    how, expected = "measured, not proven", ""
    if believed and believed.note == UNMEASURED:
        how = "neither measured itself nor proven"
    if recommendation and believed:
        expected = f", {gain(believed.expected_gain)} points over {recommendation.gain_over} {span(believed.interval)} expected"
    return f"{how}{expected}: {shortage(result)}"


def tested(result: Result) -> str:
    """How many examples of the test were run, and that the budget left no time for all."""
    if result.test_items >= result.test_rows:
        return f"{result.test_items:,} examples"
    return f"{result.test_items:,} examples drawn by chance from {result.test_rows:,}, as the budget leaves time for,"


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


def tone(recommendation: Recommendation | None, result: Result | None) -> str:
    """How the answer is to look: good, bad or open."""
    if result:
        verdict = "open" if result.provisional or not result.verdict else result.verdict
        return {"better": "good", "worse": "bad"}.get(verdict, "open")
    return "good" if recommendation and recommendation.path else "open"


def finalists(result: Result) -> Mapping[str, str]:
    """What the systems on the sealed test are called."""
    runner_up = {"runner_up": f"runner-up: {result.runner_up}"} if result.runner_up else {}
    return {"baseline": "baseline", **runner_up, "test": result.path}
