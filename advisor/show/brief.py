"""What the terminal says of each step: one section a step, under the name of the step."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from advisor.data.profiling import Profile
from advisor.decide.recommendation import Recommendation
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.evaluation import Evaluation
from advisor.measure.proof import Result
from advisor.runtime.finder import Search
from advisor.runtime.instructions import Instructions
from advisor.score.statistics import MISSING, missed
from advisor.show import instructed
from advisor.show.blocks import Block, Bullets, Item, Section, Style, Text, table
from advisor.show.diagnosed import ladder, placebo
from advisor.show.full import models, ranking
from advisor.show.headline import headline
from advisor.show.priced import change, costs, worth
from advisor.show.proven import beside
from advisor.show.words import (
    FORMS,
    GAP_WORDS,
    KINDS,
    NOTHING,
    STEPS,
    besides,
    clustered,
    comparisons,
    duration,
    figure,
    finalists,
    gain,
    instance,
    percent,
    places,
    shortage,
    sides,
    span,
    tested,
)
from advisor.task import Finding

REASONS, CASES, GAPS_SHOWN = 7, 3, 2  # shown of a longer list
LOUD: Mapping[str, Style] = {"better": "good", "worse": "bad"}


def brief(value: object) -> Section | None:
    """What is said of the value of a step; None for one of which the terminal says nothing."""
    for kind, (title, blocks) in _STEPS.items():
        if isinstance(value, kind):
            return Section(title, tuple(blocks(value)))
    return None


def _profile(profile: Profile) -> Iterator[Block]:
    """Counts, lengths, the kind of output, and what is wrong with the data."""
    yield Text(f"examples {', '.join(sides(profile.examples))} · {profile.documents:,} documents")
    form = f" ({profile.outputs.form})" if profile.outputs.form else ""
    scored = f" · metric {profile.metric}" if profile.metric else ""
    yield Text(f"output {profile.outputs.kind}{form}, {percent(profile.outputs.consistency)} in one form{scored}")
    lengths = [f"{name} {one.median:,} ({one.p95:,})" for name, one in profile.tokens.items() if one.max]
    if lengths:
        yield Text(f"tokens, median (95 %): {' · '.join(lengths)}")
    if profile.answers_in_documents is not None:
        yield Text(f"{percent(profile.answers_in_documents)} of the answers stand in the documents")
    for finding in sorted(profile.findings, key=lambda one: one.severity != "warning"):
        yield _finding(finding)


def _finding(finding: Finding) -> Text:
    where = " ".join(filter(None, [finding.file, places(finding.rows)]))
    style: Style = "warning" if finding.severity == "warning" else "soft"
    return Text(finding.message + (f" ({where})" if where else ""), style)


def _search(search: Search) -> Iterator[Block]:
    """What was tried to search the documents, what was chosen and by what."""
    if not search.trials:
        yield Text(f"searched as it comes: {search.by}")
        return
    yield Text(f"{search.measure} on {search.questions:,} questions, by {search.by}")
    yield Text(" · ".join(f"{t.what} {figure(t.score, 3)}{' (chosen)' if t.chosen else ''}" for t in search.trials))
    if one := search.embedder:
        scores = f"{figure(one.before, 3)} → {figure(one.after, 3)}"
        yield Text(f"embedder fitted on {one.pairs:,} pairs: {scores}, {'kept' if one.kept else 'not kept'}")


def _diagnosis(diagnosis: Diagnosis) -> Iterator[Block]:
    """A bar for each probe with its interval, the metric's floors, the gaps."""
    folds = f" in {diagnosis.folds} fold{'s' * (diagnosis.folds > 1)}" if diagnosis.folds else ""
    rounds = f" in {len(diagnosis.rounds)} rounds" if len(diagnosis.rounds) > 1 else ""
    sources = clustered(diagnosis.examples, diagnosis.clusters)
    yield Text(f"{diagnosis.examples:,} development examples{sources}{folds or rounds} · {diagnosis.metric}, 0 to 100")
    if told := diagnosis.instructions:
        yield from (Text(line, style) for line, style in _instructed(told) if line)
    yield ladder(diagnosis)
    yield from (Text(placebo(one)) for one in diagnosis.placebos)
    if forms := next((probe.valid for probe in diagnosis.probes if probe.valid), None):
        yield Text(f"valid: {FORMS[list(forms)[-1]]}", "soft")
    right = f"already right {percent(diagnosis.gaps.get('none', 0.0))}"
    gaps = [f"{name} {percent(share)}" for name, share in diagnosis.gaps.items() if share and name != "none"]
    yield Text(f"{KINDS[diagnosis.gap.kind]}: {right} · {' · '.join(gaps) or 'no gaps'}")
    if diagnosis.recall:
        depths = " · ".join(f"{one.k}: {percent(one.answer)}" for one in diagnosis.recall)
        best = max((one.right_with or 0.0 for one in diagnosis.use if "oracle" not in one.system), default=0.0)
        where = f"the answer is in the first passages: {depths}"
        yield Text(f"{where} · used when it is there: {percent(best)} at best")
    for note in diagnosis.notes:
        yield Text(note, "warning")


def _instructed(told: Instructions) -> Iterator[tuple[str, Style]]:
    """Which instruction was chosen, and what was not tried."""
    yield instructed.told(told), ""
    yield told.note, "warning"


def _recommendation(advice: Recommendation) -> Iterator[Block]:
    """The kind of gap, the path or that none is recommended, the ranking of all paths, reasons, what would change it."""
    yield Text(headline(advice, None), "good" if advice.path else "warning")
    largest = sorted(advice.gap.shares, key=lambda gap: -advice.gap.shares[gap])[:GAPS_SHOWN]
    for gap in largest:
        if shown := advice.gap.examples.get(gap):
            yield Text(f"{gap}, {GAP_WORDS[gap]}: {instance(shown)}", "soft")
    yield from ranking(advice)
    yield from models(advice)
    notes: dict[str, list[str]] = {}
    for entry in advice.ranking:
        notes.setdefault(entry.note, []).append(entry.path)
    for note, paths in notes.items():
        if note:
            yield Text(f"{', '.join(paths)}: {note}", "soft")
    yield costs(advice)
    yield from worth(advice)
    reasons = [
        Item(f"{one.text} (rule {one.rule})" if one.rule else one.text) for one in advice.reasons if one.side == "for"
    ]
    believed = [Item(f"gap: {reason}") for reason in advice.gap.reasons]
    yield Bullets(tuple([*believed, *reasons][:REASONS]), "because")
    against = [
        Item(f"{one.text} (rule {one.rule})" if one.rule else one.text) for one in advice.reasons if one.side != "for"
    ]
    yield Bullets(tuple(against[: REASONS - 3]), "against it")
    if (more := len(believed) + len(advice.reasons) - REASONS - min(len(against), REASONS - 3)) > 0:
        yield Text(f"  and {more} more in the report", "soft")
    yield Bullets(tuple(Item(change(one, advice)) for one in advice.would_change), "would change it")
    cases = dict.fromkeys(f"{c.task}: best {', '.join(c.won) or NOTHING} ({c.title}, {c.source})" for c in advice.cases)
    yield Bullets(tuple(map(Item, tuple(cases)[:CASES])), "most similar published comparisons that tried it")
    if inferred := [name for name, where in advice.origin.items() if where.startswith("inferred")]:
        yield Text(f"inferred, not said: {', '.join(inferred)}", "soft")
    if advice.next:
        yield Text(f"next: {advice.next}", "strong")


def _result(result: Result) -> Iterator[Block]:
    """What the sealed test said: scores, gains with intervals and verdicts, forgetting."""
    if result.test_items:
        yield Text(f"sealed test, {tested(result)}, opened once for each system")
    if not (result.test_items and result.measured):
        yield Text(f"{'measured, not proven' if result.measured else 'not measured'}: {shortage(result)}", "warning")
    if result.provisional:
        yield Text("provisional: the evidence was insufficient to choose this path", "warning")
    if result.forced:
        yield Text(f"{result.path} was asked for with --path", "warning")
    scores = f"{result.path} {figure(result.baseline)} → {figure(result.test)}"
    compared = comparisons(result)
    if first := compared.pop("baseline", None):
        over = " over the best untuned" if first.untuned else ""
        moved = f"gain{over} {gain(first.gain[1])} {span(first.gain)}: {first.said}"
        yield Text(f"{scores}   {moved}", LOUD.get(first.verdict, "warning"))
    elif result.test_items:
        yield Text(f"{scores}   there was no text to score", "warning")
    for name, label in finalists(result).items():
        if further := besides(result.beside.get(name, {})):
            yield Text(f"{label}: {further}")
    for one in compared.values():
        what = f"{one.over} ({figure(one.score)}{', the best untuned' if one.untuned else ''})"
        yield Text(f"over {what} {gain(one.gain[1])} {span(one.gain)}: {one.said}")
    yield from beside(result)
    for name, given in (result.answered or {}).items():
        who = finalists(result)[name]
        yield Text(f"{who} answered {percent(given.share)}, over those it scores {figure(given.score)}")
    if missing := {name: n for name, n in result.unscored.items() if n}:
        told = ", ".join(f"{name.replace('_', '-')} {n:,}" for name, n in missing.items())
        yield Text(f"no text was given, so unscored: {told}", "warning")
    if result.too_long:
        yield Text(f"tuning left {result.too_long:,} rows out that do not fit the model's context", "warning")
    if cut := {name: n for name, n in result.cut.items() if n}:
        told = ", ".join(f"{name.replace('_', '-')} {n:,}" for name, n in cut.items())
        yield Text(f"cut off at the limit, scored as it stands: {told}", "warning")
    if result.spent:
        yield Text(f"spent: {result.spent}", "soft")
    if result.seconds:
        took = (f"{STEPS.get(name, name)} {duration(seconds)}" for name, seconds in result.seconds.items())
        yield Text(" · ".join(took), "soft")


def _evaluation(evaluation: Evaluation) -> Iterator[Block]:
    """The score with its interval, and by label."""
    lo, hi = evaluation.interval
    ends = f"{lo:.1f} to {hi:.1f}" if evaluation.n else NOTHING
    whole = ("all", figure(evaluation.score), ends, f"{evaluation.n:,}", f"{evaluation.unscored:,}")
    labels = [(name, figure(one.score), "", f"{one.n:,}", "") for name, one in evaluation.labels.items()]
    yield table(f"rows|>{evaluation.metric}|>95 %|>examples|>unscored", whole, *labels)
    if evaluation.beside:
        yield Text(besides(evaluation.beside))
    if not evaluation.n:
        yield Text("no row got a text, so there is nothing to score", "warning")
    elif missed(evaluation.n, evaluation.unscored):
        yield Text(f"more than {percent(MISSING)} of the rows got no text: the score is of the others alone", "warning")
    if evaluation.cut:
        yield Text(f"{evaluation.cut:,} answers were cut off at the limit, and scored as they stand", "warning")


_STEPS: Mapping[type, tuple[str, Callable[[Any], Iterator[Block]]]] = {
    Profile: ("profile", _profile),
    Search: ("search", _search),
    Diagnosis: ("diagnose", _diagnosis),
    Recommendation: ("recommend", _recommendation),
    Result: ("prove", _result),
    Evaluation: ("evaluate", _evaluation),
}
