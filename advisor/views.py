"""What the terminal shows: the JSON values of a run's files as rich renderables. Prints nothing itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

BAR = 20  # cells for 100 points
_EIGHTHS = " ▏▎▍▌▋▊▉█"
Values = Mapping[str, Any]


def profile_view(profile: Values) -> RenderableType:
    """What the data says: counts, the kind of output, and every finding with its rows."""
    counts, outputs = profile["examples"], profile["outputs"]
    lengths = profile["tokens"]
    lines = [
        _line(
            "profile",
            f"{sum(counts.values()):,} examples ({counts['train']:,} to learn from, {counts['choose']} to choose on, "
            f"{counts['compare']} to compare on, {counts['test']} sealed)",
        ),
        _line(
            "", f"{outputs['kind'].replace('_', ' ')} outputs, {100 * outputs['consistency']:.0f} % in the common form"
        ),
        _line("", f"tokens, median: input {lengths['input']['median']:g}, output {lengths['output']['median']:g}"),
    ]
    if profile["documents"]:
        found = profile["answers_in_documents"]
        told = "" if found is None else f"; {100 * found:.0f} % of the outputs stand in them"
        lines.append(_line("", f"{profile['documents']:,} documents{told}"))
    for finding in profile["findings"]:
        rows = rows_text(finding["rows"])
        style = "yellow" if finding["severity"] == "warning" else "dim"
        lines.append(_line("", f"{finding['message']}{f' (rows {rows})' if rows else ''}", style))
    return Group(*lines)


def diagnosis_view(diagnosis: Values) -> RenderableType:
    """The ladder of probes with intervals, and the gaps that they show."""
    lines: list[RenderableType] = [
        _line("diagnose", f"{diagnosis['examples']} development examples, {diagnosis['metric']}")
    ]
    for probe in diagnosis["probes"]:
        half = (probe["hi"] - probe["lo"]) / 2
        unscored = f"  ({probe['unscored']} unscored)" if probe["unscored"] else ""
        label = probe["label"][:27].ljust(28)
        lines.append(_line("", f"{label}▕{_bar(probe['value'])} {probe['value']:5.1f} ± {half:.0f}{unscored}"))
    floors = ", ".join(f"{name} {value:.0f}" for name, value in diagnosis["floors"].items())
    lines.append(_line("", f"floors: {floors}", "dim"))
    gaps = [f"{gap} {100 * share:.0f} %" for gap, share in diagnosis["gaps"].items() if share and gap != "none"]
    right = f"already right {100 * diagnosis['gaps'].get('none', 0):.0f} %"
    lines.append(_line("", " · ".join([right, *(["gaps: " + " · ".join(gaps)] if gaps else [])])))
    lines += [_line("", note, "yellow") for note in diagnosis.get("notes", ())]
    return Group(*lines)


def recommendation_view(advice: Values) -> RenderableType:
    """The path, how sure, the ranking, the reasons, and what would change it."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("path", "probability", f"gain over {advice['gain_over']}", "90 %", "to build", ""):
        table.add_column(name, justify="left" if name in ("path", "") else "right", header_style="dim")
    for one in advice["ranking"]:
        lo, hi = one["interval"]
        built = one["cost"].get("build_seconds")
        table.add_row(
            Text(one["path"], style="bold" if one["path"] == advice["path"] else ""),
            f"{one['probability']:.2f}",
            f"{one['expected_gain']:+.1f}",
            f"{lo:.0f} to {hi:.0f}",
            "" if built is None else duration(built),
            Text(one["note"], style="dim"),
        )
    lines: list[RenderableType] = [_line("recommend", headline(advice), "bold"), table]
    for reason in advice["reasons"][:6]:
        by = f"  (rule {reason['rule']}, {reason['weight']:+g})" if reason["rule"] else ""
        lines.append(_line("because" if reason is advice["reasons"][0] else "", reason["text"] + by))
    lines += [_line("" if i else "would change", text) for i, text in enumerate(advice["would_change"][:4])]
    if advice["gain_over"] != "baseline":
        lines += [
            _line("" if i else "like yours", f"{case['title']}: {case['task']} (best: {', '.join(case['won'])})", "dim")
            for i, case in enumerate(advice["cases"][:3])
        ]
    lines.append(_line("next", advice["next"]))
    return Group(*lines)


def result_view(result: Values) -> RenderableType:
    """The sealed-test comparison."""
    lines = [
        _line("prove", f"sealed test, {result['test_items']} examples, {result['metric']}"),
        _line(
            "",
            f"{result['path']}: {result['baseline']:.1f} -> {result['test']:.1f}   gain {span(result['gain'])}",
            "bold",
        ),
    ]
    if result["runner_up"]:
        told = f"over {result['runner_up']} ({result['runner_up_score']:.1f}): {span(result['gain_over_runner_up'])}"
        lines.append(_line("", f"{told}, {result['runner_up_verdict']}"))
    if unscored := {name: n for name, n in result["unscored"].items() if n}:
        lines.append(_line("", f"unscored: {unscored}", "yellow"))
    if result["provisional"]:
        lines.append(_line("", "provisional: the evidence did not settle which path is best", "yellow"))
    if kept := result["forgetting"]:
        told = f"{kept['divergence']:.2f} nats per token from the base; general questions {kept['before']:.0f} -> {kept['after']:.0f}"
        lines.append(_line("forgetting", told))
    return Group(*lines)


def headline(advice: Values) -> str:
    """The recommendation in one sentence."""
    first = advice["ranking"][0]
    if advice["path"] is None:
        return (
            f"insufficient evidence: {first['path']} leads with probability {advice['certainty']:.2f} "
            f"({advice['enough']:.2f} are needed); meanwhile {advice['provisional']}, the cheapest that can't be told from the best"
        )
    gain = f"{first['expected_gain']:+.0f} points over {advice['gain_over']}"
    return f"{advice['path']} (certainty {advice['certainty']:.2f}): {gain} expected"


def span(gain: Sequence[float]) -> str:
    """A gain with its interval: `+12.3 [8.0, 16.1]`."""
    lo, value, hi = gain
    return f"{value:+.1f} [{lo:.1f}, {hi:.1f}]"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def rows_text(rows: Sequence[int], shown: int = 8) -> str:
    """Row numbers, the first few of many."""
    more = f" and {len(rows) - shown} more" if len(rows) > shown else ""
    return ", ".join(map(str, rows[:shown])) + more


def _bar(value: float) -> str:
    cells = max(0.0, min(100.0, value)) / 100 * BAR
    whole = int(cells)
    part = _EIGHTHS[int((cells - whole) * 8)] if whole < BAR else ""
    return ("█" * whole + part).ljust(BAR)


def _line(head: str, text: str, style: str = "") -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=12)
    grid.add_column(overflow="fold")
    grid.add_row(Text(head, style="cyan"), Text(text, style=style))
    return grid
