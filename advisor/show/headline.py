"""The answer in a sentence or two: the kind of gap, the path, how sure, what was proven."""

from advisor.decide.recommendation import UNMEASURED, Ranked, Recommendation
from advisor.measure.proof import Result
from advisor.score.statistics import missed
from advisor.show.words import (
    VERDICTS,
    clustered,
    comparisons,
    figure,
    gain,
    gap_line,
    narrowed,
    opened,
    shortage,
    span,
)


def headline(recommendation: Recommendation | None, result: Result | None) -> str:
    """The answer in a sentence or two: the kind of gap, the path, how sure, what it gained on the sealed test; or that it is
    not known."""
    gap = gap_line(recommendation.gap) if recommendation else ""
    if result:
        told = (gap, _proven(recommendation, result), enough(result), opened(result), narrowed(result))
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
    if recommendation.path is None and first.note == UNMEASURED:
        return (
            f"Insufficient evidence: published comparisons speak for {first.path} (certainty {certainty}), but the budget did not "
            f"cover measuring it; provisionally {recommendation.provisional}."
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
    ranking = recommendation.ranking if recommendation else ()
    believed = next((one for one in ranking if one.path == result.path), None)
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
    measured = f"{how} {span(result.gain)} over the baseline on {items:,} sealed test examples{clustered(items, result.clusters)}"
    warned = f"; it gave no text for {silent:,} of them, too many to use it" if missed(items - silent, silent) else ""
    return f"{measured}: {VERDICTS[result.verdict]}{warned}"


def enough(result: Result) -> str:
    """Which cheaper systems than the one built are enough, and what each falls short by at most; "" where none is shown to
    be."""
    told = [
        f"{one.over}, at most {figure(one.shortfall)} points worse"
        for one in comparisons(result).values()
        if one.enough
    ]
    return f"A cheaper system is enough: {'; '.join(told)}." if told else ""


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


def tone(recommendation: Recommendation | None, result: Result | None) -> str:
    """How the answer is to look: good, bad or open."""
    if result:
        verdict = "open" if result.provisional or not result.verdict else result.verdict
        return {"better": "good", "worse": "bad"}.get(verdict, "open")
    return "good" if recommendation and recommendation.path else "open"
