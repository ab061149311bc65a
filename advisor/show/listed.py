"""The runs of a folder, and two of them side by side, in words."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from advisor.measure.history import Calibration, History, PastRun, Share
from advisor.measure.pairing import Both, Pair, Shared
from advisor.show.blocks import Block, Section, Table, Text, table
from advisor.show.words import NOTHING, STEPS, VERDICTS, duration, figure, gain, percent, span

LONGEST = 60  # characters of a setting


def listed(history: History) -> Section:
    """A row for each run, what else lies there, and how forecasts did."""
    if not history.runs:
        return Section("runs", (Text("there are no runs here yet; `advisor run TASK` makes one"),))
    done = [one for one in history.runs if one.state == "finished"]
    others = [one for one in history.runs if one.state != "finished"]
    rest = table("no finished run|what it is|", *((_name(one), one.state, one.why) for one in others))
    blocks = (_finished(done),) if done else ()
    return Section("runs", (*blocks, *((rest,) if others else ()), *_calibration(history.calibration)))


def _finished(runs: Sequence[PastRun]) -> Table:
    """What each forecast and what was measured; what belongs together stands in one cell, so that a row fits a
    terminal."""
    rows = [
        (
            f"{_name(one)}\n{one.path} ({figure(one.certainty, 2)})\n{_verdict(one)}",
            _gain(one.forecast),
            _gain(one.gain),
            NOTHING if one.inside is None else "yes" if one.inside else "no",
            f"{one.at[:10]}\n{duration(one.seconds)}",
        )
        for one in runs
    ]
    return table("run, path (certainty), verdict|>forecast|>measured|in it|>when, took", *rows)


def _name(run: PastRun) -> str:
    return Path(run.run).name


def _verdict(run: PastRun) -> str:
    return f"{'provisional, ' if run.provisional else ''}{run.verdict or 'not proven'}"


def _gain(triple: Sequence[float] | None) -> str:
    return f"{gain(triple[1])}\n{span(triple)}" if triple else NOTHING


def _calibration(how: Calibration) -> Iterator[Block]:
    """How good forecasts were, where there is anything to say of it."""
    if not how.covered.of:
        yield Text(
            "no run has both a forecast over the baseline and a sealed test: how good forecasts are is not known"
        )
    else:
        yield Text(f"forecasts: {_share(how.covered)} of the measured gains lie in the 90 % interval that was forecast")
    if how.level.of:
        stated = figure(how.certainty, 2)
        yield Text(
            f"choices: {_share(how.level)} were within 2 points of their runner-up, or better; certainty stated of the "
            f"paths that were built: {stated} on the average"
        )


def _share(share: Share) -> str:
    ends = f", 95 % interval {percent(share.interval[0])} to {percent(share.interval[1])}" if share.interval else ""
    return f"{share.count:,} of {share.of:,} ({percent(share.count / max(1, share.of))}{ends})"


def compared(pair: Pair) -> Section:
    """Two runs side by side, and which is better on the rows that they share."""
    head = (_name(pair.first), _name(pair.second))
    blocks: list[Block] = [_table("", _overview(pair), head)]
    if pair.settings:
        blocks.append(_table("what differs", {name: _settings(both) for name, both in pair.settings.items()}, head))
    blocks.append(
        _shared(pair.shared, head) if pair.shared else Text(f"not compared row by row: {pair.why}", "warning")
    )
    return Section("runs", tuple(blocks))


def _overview(pair: Pair) -> dict[str, tuple[str, str]]:
    """What the two came to."""
    runs = (pair.first, pair.second)
    names = {"runner_up": "runner-up", "best_untuned": "best untuned", "test": "built"}
    rows = {
        "path": (pair.first.path, pair.second.path),
        "verdict": (_verdict(pair.first), _verdict(pair.second)),
        "metric": pair.metric,
        **{names.get(name, name): _figures(both) for name, both in pair.scores.items()},
        "gain over the baseline": (_gain(runs[0].gain), _gain(runs[1].gain)),
        "gain over the runner-up": (_gain(runs[0].gain_over_runner_up), _gain(runs[1].gain_over_runner_up)),
        "forecast": (_gain(runs[0].forecast), _gain(runs[1].forecast)),
    }
    rows |= {f"tokens per request, {names.get(name, name)}": _figures(both, 0) for name, both in pair.tokens.items()}
    rows["tokens trained on"] = _figures(pair.trained_tokens, 0)
    took = {f"time: {STEPS.get(name, name)}": _durations(both) for name, both in pair.seconds.items()}
    return rows | took | {"time in all": _durations((runs[0].seconds, runs[1].seconds))}


def _figures(both: Both, digits: int = 1) -> tuple[str, str]:
    return figure(both[0], digits), figure(both[1], digits)


def _durations(both: Both) -> tuple[str, str]:
    return duration(both[0]), duration(both[1])


def _settings(both: Both) -> tuple[str, str]:
    texts = [NOTHING if one in (None, "") else str(one) for one in both]
    first, second = (text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in texts)
    return first, second


def _table(what: str, rows: Mapping[str, tuple[str, str]], head: tuple[str, str]) -> Table:
    return table(f"{what}|{head[0]}|{head[1]}", *((name, *both) for name, both in rows.items()))


def _shared(shared: Shared, names: tuple[str, str]) -> Text:
    """Which of the two is better on the same rows."""
    on = f"on {shared.rows:,} test rows that both have"
    if not shared.gain or not shared.scores:
        return Text(f"{on} there is no text of both to score")
    scores = " → ".join(f"{figure(one[1])} {span(one)}" for one in shared.scores)
    told = f"{names[1]} over {names[0]}: {gain(shared.gain[1])} {span(shared.gain)}, {VERDICTS[shared.verdict]}"
    return Text(f"{on}: {scores}; {told}", "strong")
