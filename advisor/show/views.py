"""What the terminal shows of a profile, a diagnosis, a recommendation and a result; prints nothing itself.

Takes the JSON values of a run folder, so that fresh and resumed runs look alike. Figures and set phrases are worded
here once, for the report too.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.models.spending import Spent

Json = Mapping[str, Any]

GAP_WORDS: Mapping[str, str] = {
    "none": "already right",
    "format": "right once the form is enforced",
    "instruction": "right once examples are shown",
    "knowledge": "right once passages are retrieved",
    "retrieval": "right only with the right document",
    "behaviour": "right after a short tuning",
    "capability": "not right with anything tried",
}
NOTHING = "–"
BAR, LABEL = 24, 26  # columns
ROWS, REASONS = 12, 7  # shown of a longer list
# What could move the cursor, ring, or turn the reading direction has no place in a table.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def clean(value: object) -> str:
    """Text from data or models that can be shown: no control characters, no half characters."""
    text = str(value).replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _CONTROL.sub("�", text)


def figure(value: object, digits: int = 1, sign: bool = False) -> str:
    """A score, gain or share with so many digits; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:{'+' if sign else ''},.{digits}f}"  # + 0.0: no minus before a zero


def gain(value: object) -> str:
    """A difference in points, with its sign."""
    return figure(value, sign=True)


def span(values: Sequence[object] | None) -> str:
    """The interval in `[lo, hi]` or `[lo, value, hi]`."""
    return f"[{figure(values[0])}, {figure(values[-1])}]" if values else NOTHING


def percent(share: object) -> str:
    """A share of 1 in per cent."""
    return f"{figure(share * 100, 0)} %" if isinstance(share, (int, float)) else NOTHING


def duration(seconds: object) -> str:
    """Seconds as a person would say them: 0.4 s, 9 s, 2:10 min, 1:05 h."""
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return NOTHING
    if seconds < 59.5:
        return f"{figure(seconds, 0 if seconds >= 10 else 1)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{round(seconds / 60) // 60:,}:{round(seconds / 60) % 60:02d} h"


def places(rows: Sequence[object], most: int = ROWS) -> str:
    """Row numbers, a long list cut short."""
    shown = ", ".join(str(row) for row in rows[:most])
    return shown + (f" and {len(rows) - most:,} more" if len(rows) > most else "")


def headline(recommendation: Json, result: Json) -> str:
    """The answer in one sentence: the path, how sure, what it gained on the sealed test; or that it is not known."""
    if result:
        return _proven(recommendation, result)
    ranking = recommendation.get("ranking") or []
    if not ranking:
        return "Nothing has been recommended yet."
    first, certainty = ranking[0], figure(recommendation.get("certainty"), 2)
    if recommendation.get("path") is None:
        return (
            f"Insufficient evidence: {first['path']} is the likeliest, with probability {certainty} where "
            f"{figure(recommendation.get('enough'), 2)} is wanted; provisionally {recommendation.get('provisional')}, "
            "the cheapest that can't be told from it."
        )
    expected = f"{gain(first['expected_gain'])} points over {recommendation.get('gain_over')} {span(first['interval'])}"
    return (
        f"Take {recommendation['path']} (certainty {certainty}): {expected} expected, not proven on a sealed test yet."
    )


def _proven(recommendation: Json, result: Json) -> str:
    """The sentence once there is a result."""
    path, items = result["path"], result["test_items"]
    believed = {entry["path"]: entry["probability"] for entry in recommendation.get("ranking") or []}.get(path)
    sure = f"certainty {figure(believed, 2)}"
    how = f"{figure(result['baseline'])} → {figure(result['test'])}, {gain(result['gain'][1])} points"
    measured = f"{how} {span(result['gain'])} over the baseline on {items:,} sealed test examples"
    verdict = VERDICTS.get(result.get("verdict", ""), str(result.get("verdict", "")))
    if result.get("provisional"):
        return f"Provisional, insufficient evidence to choose: {path} ({sure}) was built; {measured}: {verdict}."
    if result.get("forced"):
        return f"You asked for {path} ({sure}): {measured}: {verdict}."
    begin = "Take" if result.get("verdict") == "better" else "Recommended, but the gain is not proven:"
    return f"{begin} {path} ({sure}): {measured}: {verdict}."


def work(step: str) -> str:
    """What a step of the run is called."""
    return {"plan": "timing", "runner_up_system": "building the runner-up", "system": "building",
            "result": "proof"}.get(step, step)  # fmt: skip


VERDICTS: Mapping[str, str] = {
    "better": "it is better",
    "worse": "it is worse",
    "no worse": "it is no worse",
    "not known yet": "whether it is better is not known yet",
}


def profile_view(profile: Json) -> RenderableType:
    """Counts, lengths, the kind of output, and what is wrong with the data."""
    counts = profile.get("examples", {})
    parts = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    lines = [_text(f"examples {parts} · {profile.get('documents', 0):,} documents")]
    outputs = profile.get("outputs") or {}
    if outputs:
        form = f" ({clean(outputs['form'])})" if outputs.get("form") else ""
        lines.append(_text(f"output {outputs.get('kind')}{form}, {percent(outputs.get('consistency'))} in one form"))
    lengths = [f"{name} {v['median']:,} ({v['p95']:,})" for name, v in profile.get("tokens", {}).items() if v["max"]]
    if lengths:
        lines.append(_text(f"tokens, median (95 %): {' · '.join(lengths)}"))
    if profile.get("answers_in_documents") is not None:
        lines.append(_text(f"{percent(profile['answers_in_documents'])} of the answers stand in the documents"))
    for finding in sorted(profile.get("findings", ()), key=lambda one: one.get("severity") != "warning"):
        style = "yellow" if finding.get("severity") == "warning" else "dim"
        lines.append(_text(_found(finding), style))
    return _section("profile", lines)


def _found(finding: Json) -> str:
    """A finding in words, with its place."""
    rows, file = finding.get("rows") or (), clean(finding.get("file") or "")
    where = " ".join(filter(None, [file, places(rows)]))
    return clean(finding["message"]) + (f" ({where})" if where else "")


def retrieval_view(retrieval: Json) -> RenderableType:
    """What was tried to search the documents, what was chosen and by what."""
    told = [
        f"{clean(one['what'])} {figure(one['score'], 3)}{' (chosen)' if one['chosen'] else ''}"
        for one in retrieval.get("trials", ())
    ]
    by = f"{retrieval.get('measure')} on {retrieval.get('questions', 0):,} questions, by {clean(retrieval.get('by'))}"
    lines = [_text(by if told else f"searched as it comes: {clean(retrieval.get('by'))}")]
    lines += [_text(" · ".join(told))] if told else []
    if fitted := retrieval.get("embedder"):
        gain = f"{figure(fitted['before'], 3)} → {figure(fitted['after'], 3)}"
        kept = "kept" if fitted["kept"] else "not kept"
        lines.append(_text(f"embedder fitted on {fitted['pairs']:,} pairs: {gain}, {kept}"))
    return _section("retrieval", lines)


def diagnosis_view(diagnosis: Json) -> RenderableType:
    """A bar for each probe with its interval, the metric's floors, the gaps."""
    probes, floors = diagnosis.get("probes", ()), diagnosis.get("floors", {})
    head = _text(f"{diagnosis.get('examples', 0):,} development examples · {diagnosis.get('metric')}, 0 to 100")
    bars = Table.grid(padding=(0, 1))
    bars.add_column(max_width=LABEL)
    bars.add_column(no_wrap=True)
    bars.add_column(no_wrap=True, justify="right")
    bars.add_column(style="dim")
    for probe in probes:
        half = (probe["hi"] - probe["lo"]) / 2
        missing = f"{probe['unscored']:,} unscored" if probe.get("unscored") else ""
        score = f"{figure(probe['value'], 0)} ± {figure(half, 0)}"
        bars.add_row(_text(probe["label"]), _bar(probe["value"], "cyan"), _text(score), _text(missing))
    for name, value in floors.items():
        bars.add_row(_text(name, "dim"), _bar(value, "dim"), _text(figure(value, 0) + " " * 4, "dim"), _text("floor"))
    gaps = {name: share for name, share in diagnosis.get("gaps", {}).items() if share}
    right = f"already right {percent(gaps.pop('none', 0.0))}"
    rest = " · ".join(f"{name} {percent(share)}" for name, share in gaps.items())
    lines: list[RenderableType] = [head, bars, _text(f"{right} · gaps: {rest}" if rest else f"{right} · no gaps")]
    if diagnosis.get("recall"):
        lines.append(_text(_retrieved(diagnosis)))
    return _section("diagnose", [*lines, *(_text(note, "yellow") for note in diagnosis.get("notes", ()))])


def _retrieved(diagnosis: Json) -> str:
    """How often the answer is among the passages, and how often it is used when it is there."""
    depths = " · ".join(f"{one['k']}: {percent(one['answer'])}" for one in diagnosis["recall"])
    used = max(
        (one["right_with"] or 0.0 for one in diagnosis.get("use", ()) if "oracle" not in one["system"]), default=0
    )
    return f"the answer is in the first passages: {depths} · used when it is there: {percent(used)} at best"


def recommendation_view(rec: Json) -> RenderableType:
    """The path or "insufficient evidence", the ranking of all paths, reasons, what would change it, what to do next."""
    ranking = rec.get("ranking") or []
    lines: list[RenderableType] = [_text(headline(rec, {}), "bold green" if rec.get("path") else "bold yellow")]
    if ranking:
        lines.append(_ranking(ranking, str(rec.get("gain_over", ""))))
        notes: dict[str, list[str]] = {}
        for entry in ranking:
            notes.setdefault(clean(entry.get("note") or ""), []).append(entry["path"])
        lines += [_text(f"{', '.join(paths)}: {note}", "dim") for note, paths in notes.items() if note]
        lines.append(_text(f"costs: {ranking[0]['cost'].get('effort', NOTHING)}", "dim"))
    reasons = rec.get("reasons", ())
    listed = [clean(one["text"]) + (f" (rule {clean(one['rule'])})" if one.get("rule") else "") for one in reasons]
    lines += _listed("because", listed[:REASONS])
    if len(listed) > REASONS:
        lines.append(_text(f"  and {len(listed) - REASONS} more in the report", "dim"))
    lines += _listed("would change it", rec.get("would_change", ()))
    cases = [
        f"{clean(c['title'])}: best {clean(', '.join(c['won']) or NOTHING)} ({clean(c['source'])})"
        for c in rec.get("cases", ())
    ]
    lines += _listed("most similar published comparisons", cases[:3])
    if rec.get("next"):
        lines.append(_text(f"next: {clean(rec['next'])}", "bold"))
    return _section("recommend", lines)


def _ranking(ranking: Sequence[Json], over: str) -> Table:
    """All paths: probability, gain with interval, what it takes to build."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("path", no_wrap=True)
    table.add_column("prob.", justify="right", no_wrap=True)
    table.add_column(f"gain over {over}" if over else "gain", justify="right", no_wrap=True)
    timed = any("build_seconds" in entry["cost"] for entry in ranking)
    if timed:
        table.add_column("build", justify="right", no_wrap=True)
    for entry in ranking:
        cells = [
            _text(entry["path"]),
            _text(figure(entry["probability"], 2)),
            _text(f"{gain(entry['expected_gain'])} {span(entry['interval'])}"),
        ]
        cells += [_text(duration(entry["cost"].get("build_seconds")))] if timed else []
        table.add_row(*cells)
    return table


def result_view(result: Json) -> RenderableType:
    """What the sealed test said: scores, gains with intervals and verdicts, forgetting."""
    lines = [_text(f"sealed test, {result['test_items']:,} examples, opened once for each system")]
    if result.get("provisional"):
        lines.append(_text("provisional: the evidence was insufficient to choose this path", "yellow"))
    if result.get("forced"):
        lines.append(_text(f"{result['path']} was asked for with --path", "yellow"))
    style = {"better": "bold green", "worse": "bold red"}.get(result.get("verdict", ""), "bold yellow")
    scores = f"{clean(result['path'])} {figure(result['baseline'])} → {figure(result['test'])}"
    moved = f"gain {gain(result['gain'][1])} {span(result['gain'])}: {result.get('verdict')}"
    lines.append(_text(f"{scores}   {moved}", style))
    if result.get("gain_over_runner_up"):
        over = result["gain_over_runner_up"]
        better = f"{gain(over[1])} {span(over)}: {result.get('runner_up_verdict')}"
        lines.append(_text(f"over {clean(result['runner_up'])} ({figure(result['runner_up_score'])}) {better}"))
    if clean_part := result.get("clean"):
        few = f"{clean_part['items']:,} examples that no training row is near"
        lines.append(_text(f"on the {few}: {figure(clean_part['test'])}"))
    if forgot := result.get("forgetting"):
        asked = f"{forgot['questions']:,} general questions {figure(forgot['before'])} → {figure(forgot['after'])}"
        lines.append(_text(f"forgetting: moved {figure(forgot['divergence'], 3)} nats per token; {asked}"))
    for name, one in (result.get("answered") or {}).items():
        who = {"test": clean(result["path"]), "runner_up": clean(result["runner_up"])}[name]
        lines.append(_text(f"{who} answered {percent(one['share'])}, over those it scores {figure(one['score'])}"))
    if missing := {name: n for name, n in (result.get("unscored") or {}).items() if n}:
        told = ", ".join(f"{name.replace('_', '-')} {n:,}" for name, n in missing.items())
        lines.append(_text(f"no text was given, so unscored: {told}", "yellow"))
    if requests := result.get("spent"):
        lines.append(_text(f"spent: {Spent(**requests)}", "dim"))
    if spent := result.get("seconds"):
        lines.append(_text(" · ".join(f"{work(name)} {duration(s)}" for name, s in spent.items()), "dim"))
    return _section("prove", lines)


def _section(name: str, lines: Iterable[RenderableType]) -> Table:
    """A name on the left, lines on the right."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=12, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_row(_text(name, "bold"), Group(*lines))
    return grid


def _listed(name: str, items: Sequence[object]) -> list[RenderableType]:
    """A named list, nothing where it is empty."""
    grid = Table.grid(padding=(0, 1))
    for item in items:
        grid.add_row(_text(" ·"), _text(item))
    return [_text(name, "bold"), grid] if items else []


def _bar(value: float, style: str) -> Text:
    """A bar of 0 to 100 in eighths of a column."""
    eighths = round(min(100.0, max(0.0, value)) / 100 * BAR * 8) if math.isfinite(value) else 0
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return Text.assemble(("▕", "dim"), (filled.ljust(BAR), style), ("▏", "dim"))


def _text(value: object, style: str = "") -> Text:
    """Text as it is: never read as markup."""
    return Text(clean(value), style=style, overflow="fold")
