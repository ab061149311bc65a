"""The sections of a report on what probes showed: their ladder, the race, placebos, gaps."""

from collections.abc import Iterator

from advisor.measure.diagnosis import Diagnosis, Placebo, Probe
from advisor.measure.placebo import AGAIN
from advisor.show.blocks import Bar, Bars, Section, Shares, Text, table
from advisor.show.words import (
    GAP_WORDS,
    NOTHING,
    besides,
    clustered,
    duration,
    figure,
    gain,
    lacking,
    span,
    strictest,
    valid,
)

CLUSTERS = (
    "Rows of one cluster share a source, such as a document or a conversation, and hang together: intervals resample whole "
    "clusters, and are wider where these are few."
)


def ladder(diagnosis: Diagnosis) -> Bars:
    """The probes one below the other, with the metric's floors."""

    def note(probe: Probe) -> str:
        asked = len(probe.scores)
        early = f"left after {asked:,}" if asked and asked < diagnosis.examples else ""
        told = early, strictest(probe.valid), besides(probe.beside), lacking(probe.unscored, len(probe.cut))
        return " · ".join(filter(None, told))

    bars = (Bar(p.name, p.value, p.lo, p.hi, note(p)) for p in diagnosis.probes)
    return Bars(tuple(bars), diagnosis.floors)


def placebo(one: Placebo) -> str:
    """What became of an arm's score when its content was taken out."""
    score, of = figure(one.probe.value), f"{one.probe.n:,} examples"
    if not one.gain:
        return f"placebo: {one.of} with {one.what} gave no text"
    if one.what == AGAIN:
        return f"{one.of} asked again gave {score} on {of}: {gain(-one.gain[1])} points, which is how much its answers vary by themselves"
    more = f"{gain(one.gain[1])} {span((one.gain[0], one.gain[2]))}"
    means = "so the gain comes from it" if one.gain[0] > 0 else "so whether the gain comes from it is not told"
    return f"placebo: with {one.what} {one.of} has {score} on {of}; what it shows makes {more} points, {means}"


def race(diagnosis: Diagnosis) -> str:
    """How the race went: on how many examples the gaps were told, and which arms left after how many."""
    first, *_ = diagnosis.rounds
    left = [
        f"after {one.examples:,} examples {', '.join(f'{name} ({figure(chance, 2)})' for name, chance in one.left.items())}"
        for one in diagnosis.rounds[:-1]  # after the last there is none to leave
        if one.left
    ]
    count = len(diagnosis.rounds)
    told = f"{count} round{'s' * (count > 1)}; gaps are told on the first {first.examples:,} examples, which all arms answered."
    gone = f" Left, with the chance to be within 2 points of the best: {'; '.join(left)}." if left else ""
    return told + gone


def sections(diagnosis: Diagnosis) -> Iterator[Section]:
    """The ladder of probes, and where the gaps are."""
    folds = f" in {diagnosis.folds} fold{'s' * (diagnosis.folds > 1)}" if diagnosis.folds else ""
    sources = clustered(diagnosis.examples, diagnosis.clusters)
    on = f"{diagnosis.examples:,} development examples{sources}{folds}"
    head = f"{diagnosis.metric}, 0 to 100, on {on}, with 95 % intervals.{f' {CLUSTERS}' if sources else ''}"
    rows = [
        (
            p.name,
            p.path or NOTHING,
            f"{p.n:,}",
            f"{p.unscored:,}",
            f"{len(p.cut):,}",
            duration(p.seconds),
            f"{p.tokens:,}",
            valid(p.valid) or NOTHING,
        )
        for p in diagnosis.probes
    ]
    probes = table("probe|path|>scored|>unscored|>cut off|>time|>tokens|valid output", *rows)
    notes = [Text(note, "warning") for note in diagnosis.notes]
    raced = [Text(race(diagnosis), "soft")] if diagnosis.rounds else []
    taken = [Text(placebo(one)) for one in diagnosis.placebos]
    yield Section("The ladder of probes", (Text(head, "soft"), ladder(diagnosis), probes, *taken, *raced, *notes))
    shares = {name: (share, GAP_WORDS[name]) for name, share in diagnosis.gaps.items() if share}
    yield Section("Where the gaps are", (Shares(shares),))
