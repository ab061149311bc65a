"""What the clock leaves of a budget in time: building and proof are planned again from what things took on the way.

The first plan is made from a timing of a few seconds. Where the machine is busier or freer than then, it is what the
probes and the short tuning took that says how much more fits.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from advisor.measure.diagnosis import Diagnosis
from advisor.measure.planning import per_row, shared_out
from advisor.runtime.bench import Bench, Purse
from advisor.runtime.runtime import Tuning
from advisor.task import Example

CLOSING = 15.0  # seconds for the check for forgetting and the report
PROVEN = 60  # examples of the test that are run at the least, whatever it takes
NOISE = 1.3  # timings vary by so much on a quiet machine; a plan that is off by less stands


def building(bench: Bench, short: Tuning | None, seconds: float) -> Purse:
    """The purse with the rows and epochs of a full tuning that fit into so many seconds at the pace of the short one, whose
    time holds a check as well; never fewer than that one saw, which it goes on from. It stays as it is where the pace is not
    known, or says much the same."""
    task, purse, least = bench.task, bench.purse, bench.short.purse
    if not short or not short.seconds or not short.tokens:
        return purse
    seen = seconds * short.tokens / short.seconds / per_row(task, bench.runtime.model)
    planned = purse.rows * purse.epochs
    if planned / NOISE <= seen <= planned * NOISE:
        return purse
    if seen <= least.rows * least.epochs:
        return replace(purse, rows=least.rows, epochs=least.epochs)
    rows, epochs = shared_out(seen, len(task.split.train))
    return replace(purse, rows=rows, epochs=epochs)


def proving(diagnosis: Diagnosis | None, paths: Sequence[str], test: Sequence[Example], seconds: float) -> int:
    """How many examples of the test fit into so many seconds, for the baseline and the systems of these paths, at what their
    probes took; `PROVEN` at the least."""
    each = seconds_of(diagnosis, paths, test[:1])
    if not each or each * len(test) <= seconds:
        return len(test)
    return min(len(test), max(PROVEN, int(seconds / each)))


def seconds_of(diagnosis: Diagnosis | None, paths: Sequence[str], examples: Sequence[Example]) -> float:
    """What the baseline and the systems of these paths take for examples, at what the slowest probes of each took."""
    each = 0.0
    for path in ("", *paths):
        taken = [
            probe.seconds / max(1, probe.n + probe.unscored)
            for probe in (diagnosis.probes if diagnosis else ())
            if probe.path == path or (not path and probe.gap == "none")
        ]
        each += max(taken, default=0.0)
    return each * len(examples)


def part(test: Sequence[Example], most: int, seed: int) -> tuple[Example, ...]:
    """So many examples of the test, drawn by chance, in their order."""
    if most >= len(test):
        return tuple(test)
    kept = sorted(random.Random(seed).sample(range(len(test)), most))
    return tuple(test[i] for i in kept)
