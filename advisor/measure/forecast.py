"""What a tuning that was tried in short scores in full: the curve through what it was before, and what it is now.

Knows nothing of how either was measured.
"""

import math
from dataclasses import dataclass

import numpy as np

# The error that is left falls as a stretched exponential of the rows seen, before * exp(-(rows / scale) ** power): of the
# families of learning curves (Viering and Loog 2023, IEEE TPAMI 45, 6) the one that begins at what the system was untuned, so
# that two rungs tell its scale. Its power they don't: each of these is taken to be as likely, about the quantiles of what was seen
# in the decision benchmark's tasks that are not held out. Overlap with a reference stops rising well below 100, because many
# texts are right: there most is learned in short, or begins late.
POWERS = {"exact": np.array([0.1, 0.4, 0.5, 0.7, 0.9]), "overlap": np.array([-0.2, 0.0, 0.15, 0.3, 1.0])}
LEAST = 0.5  # points of error that are always left


@dataclass(frozen=True)
class Rungs:
    """What a tuning was `before` and what it is in `short`, 0 to 100 on the same examples; how many times as many rows a full
    one sees (`more`); the `sd` of what it scored in short, from which examples these are; and whether the metric is overlap with a
    reference."""

    before: float
    short: float
    more: float
    sd: float = 0.0
    overlap: bool = False


def in_full(rungs: Rungs) -> tuple[float, float]:
    """The further gain of the full tuning, in points, and the sd of that, to which the error of the short one's score adds.

    What the short one seems to have learned beyond the truth, the full one seems to learn still more of, as steep as the curve is
    there: so much of that error as is not in the short one's score itself is in the sd.
    """
    if rungs.more <= 1:
        return 0.0, 0.0
    left = max(LEAST, 100 - rungs.short)
    learned = max(0.0, math.log((100 - rungs.before) / left)) if rungs.before < 100 else 0.0
    times = rungs.more ** POWERS["overlap" if rungs.overlap else "exact"]  # what is learned in full of that
    kept = np.exp(-learned * (times - 1))  # of the error
    steep = float((times * kept).mean())
    gains = left * (1 - kept)
    return float(gains.mean()), math.sqrt(float(gains.var()) + max(0.0, steep**2 - 1) * rungs.sd**2)
