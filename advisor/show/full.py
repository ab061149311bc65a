"""The sections of a report, from all that a run found out."""

from collections.abc import Iterator

from advisor.data.profiling import Profile
from advisor.decide.recommendation import Recommendation
from advisor.measure.proof import Result
from advisor.show import diagnosed, instructed, priced, searched
from advisor.show.blocks import Bar, Bars, Beside, Block, Bullets, Item, Section, Table, Text, table
from advisor.show.gathered import RunFiles
from advisor.show.proven import beside
from advisor.show.words import (
    GAP_WORDS,
    NOTHING,
    STEPS,
    answered,
    besides,
    clustered,
    comparisons,
    duration,
    figure,
    finalists,
    gain,
    gap_line,
    lacking,
    percent,
    places,
    shortage,
    sides,
    span,
    tested,
)


def sections(run: RunFiles) -> Iterator[Section]:
    """All that is known, in the order in which a person wants to know it."""
    if run.diagnosis:
        yield from diagnosed.sections(run.diagnosis)
    if run.instructions:
        yield instructed.section(run.instructions)
    if run.search and run.search.trials:
        yield searched.chosen(run.search)
    if run.diagnosis and run.diagnosis.use:
        yield searched.retrieved(run.diagnosis)
    if run.abstaining:
        yield searched.abstention(run.abstaining, run.result)
    if run.recommendation:
        yield from _recommendation(run.recommendation, bool(run.result))
    if run.result:
        yield from _result(run.result)
    if run.profile:
        yield _profile(run.profile)
    if run.recommendation:
        yield from _basis(run.recommendation)
    yield _reproduce(run)


def ranking(advice: Recommendation) -> Iterator[Table]:
    """All paths: how probable, how certain, the expected gain; where scores were measured, each path's own, what is expected of it
    in full, and what that gains over the best that comes before it in cost."""
    rows = []
    for r in advice.ranking:
        sure = figure(r.probability, 2), figure(r.certainty, 2)
        believed = f"{gain(r.expected_gain)} {span(r.interval)}"
        rows.append((r.path, *sure, believed) if r.possible else (r.path, *[NOTHING] * 3))
    yield table(f"path|>prob.|>cert.|>gain over {advice.gain_over}", *rows)
    scored = [r for r in advice.ranking if r.forecast]
    arms = []
    for r in scored:
        more = r.gain_over_cheaper
        over = f"{gain(more[1])} {span(more)}" if more else NOTHING
        full = f"{figure(r.forecast[1])} {span(r.forecast)}" if r.forecast else NOTHING
        arms.append((r.path, figure(r.measured), full, over))
    if arms:
        yield table("path|>tried|>in full|>over best cheaper", *arms)


def models(advice: Recommendation) -> Iterator[Table]:
    """Each path with each model that was compared, the best first."""
    rows = [
        (
            one.path,
            one.model,
            figure(one.probability, 2),
            figure(one.measured),
            duration(one.cost.build_seconds),
            figure(one.cost.tokens_per_request, 0),
        )
        for one in advice.models
    ]
    if rows:
        yield table("path|with the model|>prob.|>tried|>build|>tokens per request", *rows)


def _recommendation(advice: Recommendation, proven: bool) -> Iterator[Section]:
    yield _gap(advice)
    what = (
        "Probability: that the path is within 2 points of the best. Certainty: the same once what it takes to build is taken "
        f"off. Gains are over {advice.gain_over}, in points, with 90 % intervals."
    )
    if advice.path is None:
        what += f" The first would need a certainty of {figure(advice.enough, 2)} to be recommended."
    rows = [(r.path, f"{r.cost.effort} ({r.note})" if r.note else r.cost.effort) for r in advice.ranking]
    yield Section("All paths", (Text(what, "soft"), *ranking(advice), table("path|effort", *rows)))
    if advice.models:
        compared = "Probability: that the path with this model is within 2 points of the best path with any of them."
        yield Section("The models compared", (Text(compared, "soft"), *models(advice)))
    yield priced.section(advice)
    if advice.reasons:
        sides = {"for": f"For {advice.leading}", "against": "Against it"}
        lists = []
        for side, name in sides.items():
            items = []
            for one in advice.reasons:
                rule = f"rule {one.rule}, weight {gain(one.weight)}" if one.rule else ""
                items += [Item(one.text, " · ".join(filter(None, [rule, one.source])))] if one.side == side else []
            lists += [Bullets(tuple(items), name)] if items else []
        yield Section("Why", tuple(lists))
    if advice.would_change:
        told = Bullets(tuple(Item(priced.change(one, advice)) for one in advice.would_change))
        yield Section("What would change it", (told,))
    if advice.next and not proven:
        yield Section("Next step", (Text(advice.next),))


def _gap(advice: Recommendation) -> Section:
    """Knowledge or behaviour, with an example of each gap where it was measured."""
    gap = advice.gap
    blocks: list[Block] = [Text(gap_line(gap), "strong")]
    if gap.reasons:
        blocks.append(Bullets(tuple(map(Item, gap.reasons))))
    for name in sorted(gap.shares, key=lambda gap_: -gap.shares[gap_]):
        if shown := gap.examples.get(name):
            texts = {"wanted": shown.wanted, "the plain prompt": shown.given}
            blocks += [Text(f"{name}: {GAP_WORDS[name]}"), Beside(shown.id, shown.input, texts)]
    return Section("Knowledge or behaviour", tuple(blocks))


def _result(result: Result) -> Iterator[Section]:
    notes = [] if result.measured else [f"The path was not measured: {shortage(result)}."]
    if result.too_long:
        notes.append(f"Tuning left {result.too_long:,} rows out that do not fit the model's context.")
    told = (*beside(result), *map(Text, notes))
    if result.test_items:
        ledger = Text(f"Ledger line: {result.ledger}", "soft")
        yield Section("Proof on the sealed test", (*_tested(result), *told, ledger))
    else:
        untested = f"No test was set aside: {shortage(result)}." if result.measured else "There was no test."
        title = "Measured, not proven" if result.measured else "Not measured"
        yield Section(title, (Text(untested, "warning"), *told))
    yield _costs(result)
    if result.examples:
        given = [
            Beside(
                e.id,
                e.input,
                {
                    "wanted": e.wanted,
                    f"baseline · {figure(e.before_score)}": e.before,
                    f"{result.path} · {figure(e.after_score)}": e.after,
                },
            )
            for e in result.examples
        ]
        yield Section("Examples before and after", tuple(given))


def _tested(result: Result) -> Iterator[Block]:
    """What the sealed test said of each system, and of one over another."""
    what = (
        f"{tested(result)} that no system learned from, opened once for each system; "
        f"{result.metric}, 0 to 100, 95 % intervals."
    )
    yield Text(what, "soft")
    names = finalists(result).items()
    ends = {label: result.intervals[name] for name, label in names if name in result.intervals}
    further = {label: besides(result.beside.get(name, {})) for name, label in names}
    yield Bars(tuple(Bar(label, value, lo, hi, further[label]) for label, (lo, value, hi) in ends.items()))
    if clustered(result.test_items, result.clusters):
        yield Text(diagnosed.CLUSTERS, "soft")
    over = [
        (
            f"{result.path} over {one.over}{', the best untuned' if one.untuned else ''}",
            gain(one.gain[1]),
            span(one.gain),
            one.said,
        )
        for one in comparisons(result).values()
    ]
    yield table("comparison|>gain|>interval|verdict", *over)
    if silent := {label: result.unscored[name] for name, label in names if result.unscored.get(name)}:
        told = ", ".join(f"{label} {n:,}" for label, n in silent.items())
        yield Text(f"No text was given, so unscored (intervals allow for it): {told}.", "warning")


def _costs(result: Result) -> Section:
    rows = [(STEPS.get(name, name), duration(seconds)) for name, seconds in result.seconds.items()]
    for name, label in finalists(result).items():
        if name in result.intervals:
            without = lacking(result.unscored.get(name, 0), result.cut.get(name, 0))
            told = f" ({without})" if without else ""
            rows.append((f"tokens per request, {label}{told}", figure(result.tokens.get(name), 0)))
    rows.append(("tokens trained on", f"{result.trained_tokens:,}"))
    if spent := result.spent:
        guessed = f"requests to the endpoint ({spent.estimated:,} estimated, as the server told no usage)"
        rows += [
            (guessed, f"{spent.requests:,}"),
            ("tokens of their prompts", f"{spent.prompt_tokens:,}"),
            ("tokens of their answers", f"{spent.completion_tokens:,}"),
            ("USD at the declared prices", figure(spent.usd, 4)),
        ]
    return Section("Costs", (table("what|>took", *rows),))


def _profile(profile: Profile) -> Section:
    outputs, form = profile.outputs, f" ({profile.outputs.form})" if profile.outputs.form else ""
    kind = f"output {outputs.kind}{form}, {percent(outputs.consistency)} in one form"
    head = Text(" · ".join([*sides(profile.examples), f"{profile.documents:,} documents", kind]))
    rows = [(f"{f.severity}: {f.message}", f.file, places(f.rows)) for f in profile.findings]
    return Section("The data", (head, table("problem|file|rows", *rows) if rows else Text("No problems were found.")))


def _basis(advice: Recommendation) -> Iterator[Section]:
    if advice.cases:
        rows = [
            (
                case.title,
                case.task,
                ", ".join(f"{path} {figure(score)}" for path, score in case.scores.items()),
                ", ".join(case.won),
                figure(case.similarity, 2),
                case.source,
            )
            for case in advice.cases
        ]
        head = "comparison|task|scores|within 2 points of the best|>similarity|@source"
        yield Section("Similar published comparisons", (table(head, *rows),))
    if advice.answers:
        told = [
            (name, answered(value), advice.origin.get(name, ""))
            for name, value in advice.answers.items()
            if name != "description"
        ]
        yield Section("Answers that this is based on", (table("key|answer|from", *told),))


def _reproduce(run: RunFiles) -> Section:
    rows = [("run folder", run.folder)]
    if task := run.task:
        versions = ", ".join(f"{name} {number}" for name, number in task.versions.items())
        rows += [("command", task.command), ("model", task.model), ("hash of the model", task.model_fingerprint)]
        rows += [(f"compared with {one.model}", one.fingerprint) for one in task.others]
        rows += [("hash of the data", task.fingerprint), ("seed", str(task.seed)), ("machine", task.machine)]
        rows += [("versions", versions), *((name, str(value)) for name, value in task.flags.items() if value)]
        rows += [("rows left out", f"{len(task.left_out)}: {places(task.left_out)}")] if task.left_out else []
    else:
        rows.append(("command", "advisor recommend --answers FILE, with the answers above"))
    return Section("How to reproduce", (table("what|value", *rows),))
