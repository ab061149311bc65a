"""Seeds: the tuning that was built done again with another seed, both scored on development examples, never on the test.

How far two such tunings lie apart is in no interval of the sealed test: those say what other examples would change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from advisor.measure import pacing
from advisor.measure.diagnosis import Diagnosis
from advisor.paths import PATHS
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Tuning
from advisor.score.metric import Metric, Scored, over_all, score_all
from advisor.system import Buildable, System


@dataclass(frozen=True)
class Seeds:
    """What each tuning got on the same development examples, by its seed, the one built first; nothing where the budget left
    no time for another."""

    scored: Mapping[str, tuple[Scored, ...]] = field(default_factory=dict)

    def scores(self, metric: Metric) -> dict[str, float]:
        """The score of each, 0 to 100, over the examples that all gave a text for; none where there is no such example."""
        silent = {one.id for scored in self.scored.values() for one in scored if one.score is None}
        heard = {seed: [one for one in scored if one.id not in silent] for seed, scored in self.scored.items()}
        return {seed: over_all(metric, scored) for seed, scored in heard.items() if scored}


def takes(bench: Bench, path: str, first: Tuning, diagnosis: Diagnosis) -> float:
    """Seconds for a second tuning like the `first`, with its checks, and to score both, at what probes took; as much more as
    timings vary by."""
    asked = 2 * (*bench.choosing, *bench.comparing)  # the second is tried in two ways of decoding before
    return pacing.NOISE * (first.seconds + pacing.seconds_of(diagnosis, [path], asked))


def repeated(bench: Bench, path: str, built: System) -> Seeds:
    """The tuning of a path done again with the next seed, and both scored on the examples that paths were compared on."""
    other = replace(bench, seed=bench.seed + 1, apart=f"{bench.apart}/seed-{bench.seed + 1}".lstrip("/"))
    tuned: dict[int, Buildable] = {bench.seed: replace(built, abstain=None), other.seed: PATHS[path](other)}
    scored = {}
    for seed, system in tuned.items():
        made = bench.runtime.predict(system, bench.comparing, f"development: seed {seed}")
        scored[str(seed)] = score_all(bench.metric, [one.text for one in made], bench.comparing)
    return Seeds(scored)
