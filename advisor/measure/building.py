"""Building: the chosen path's system, and those that it is proven against, each as large as the clock still allows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from advisor import runfolder
from advisor.decide.recommendation import Recommendation
from advisor.measure import pacing, seeds
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.proof import Chosen, Finalists
from advisor.measure.seeds import Seeds
from advisor.paths import PATHS, abstaining
from advisor.paths.abstaining import Abstaining
from advisor.paths.finetuning import SHORT
from advisor.paths.prompting import baseline, prompted, retrieving
from advisor.runtime.bench import Bench, Purse
from advisor.runtime.built import gathered
from advisor.runtime.runtime import TUNED, Tuning
from advisor.system import PATH_NAMES, TUNING, Abstain, Buildable, Classifier, System, digest

LONGER = PATH_NAMES[:4]  # of these any may have to be proven, whatever is built


@dataclass(frozen=True)
class Site:
    """What is to be built in a run folder (`chosen`), of which models' `benches`, and what was found out before. `key`: what steps
    here rest on. `limits`: what an answer may take. `left`: the seconds that steps done until then leave; None where the clock bounds
    nothing."""

    folder: Path
    key: tuple[object, ...]
    benches: tuple[Bench, ...]
    chosen: Chosen
    recommendation: Recommendation
    diagnosis: Diagnosis | None
    limits: Mapping[str, float]
    left: Callable[[], float] | None

    def tuning(self, path: str, stage: str = "build") -> Tuning | None:
        """What the tuning of a path left there."""
        bench = self.bench_of(path)
        file = self.folder / (bench.first if stage == SHORT else bench).folder(f"{stage}/{path}") / TUNED
        return runfolder.read(file, Tuning) if file.is_file() else None

    def bench_of(self, path: str) -> Bench:
        """The bench of the model that is best for a path."""
        return next((one for one in self.benches if one.model == self.recommendation.of(path).model), self.benches[0])


def finalists(site: Site) -> Finalists:
    """The chosen path's system, in the artifact, and, where there is a test, those that it is compared with."""
    first, chosen = site.benches[0], site.chosen
    tested = bool(first.task.split.test)
    second, untuned = (chosen.runner_up, chosen.best_untuned) if tested else (None, None)
    runner_up = _built(site, second, "runner_up_system") if second else None
    plain = baseline(first.plain)
    others: dict[str | None, Buildable | None] = {"baseline": plain, second: runner_up}
    best = others.get(untuned)
    if untuned and not best:
        best = _built(site, untuned, "best_untuned_system")
    system = _built(site, chosen.path, "system")
    tuned = site.tuning(chosen.path) or Tuning((), 0)
    return Finalists(plain, runner_up, gathered(first.runtime, system), tuned.tokens, tuned.too_long, best)


def repeated(site: Site, built: Buildable) -> Seeds:
    """The tuning that was `built` beside one with another seed, where what the proof left of the clock's time covers that; where
    rows are few, all are trained on, and none is left to score on."""
    path = site.chosen.path
    first, measured, bench = site.tuning(path), site.diagnosis, site.bench_of(path)
    if not (site.left and first and measured and isinstance(built, System)) or bench.task.split.folds:
        return Seeds()
    bench, left = _paced(site, path, "system"), site.left

    def work() -> Seeds:
        fits = seeds.takes(bench, path, first, measured) <= left()
        return seeds.repeated(bench, path, built) if fits else Seeds()

    return runfolder.step(site.folder, "seeds", digest([*site.key, path]), Seeds, work)


def _built(site: Site, path: str, name: str) -> Buildable:
    """The system of a path, built as the step `name`; it says that it does not know where the task asks for that."""
    bench, first = _paced(site, path, name), site.benches[0]
    key = digest([*site.key, path, bench.model, sorted(bench.out), first.instructions])
    kind: type[Buildable] = Classifier if path == "classifier" else System
    system = runfolder.step(site.folder, name, key, kind, lambda: PATHS[path](bench))
    if not first.task.abstain or not isinstance(system, System) or system.context.kind == "none":
        return system
    step = "abstaining" if name == "system" else f"{name}_abstaining"
    fitted = runfolder.step(site.folder, step, key, Abstaining, partial(abstaining.fit, first, system))
    return replace(system, abstain=Abstain(fitted.text, fitted.below))


def _paced(site: Site, path: str, name: str) -> Bench:
    """The bench to build a path on as the step `name`. For a tuning its purse goes by the pace of the short one where the clock
    bounds the run; the time is shared where the runner-up is tuned as well."""
    bench, measured, left = site.bench_of(path), site.diagnosis, site.left
    if not measured:
        return bench
    bench = replace(bench, out=_out(bench, measured, site.limits))
    if path not in TUNING or not left:
        return bench

    def work() -> Purse:
        proof = pacing.seconds_of(measured, LONGER, bench.task.split.test[: pacing.PROVEN])
        seconds = (left() - proof) / (2 if name != "system" and site.chosen.path in TUNING else 1)
        return pacing.building(bench, site.tuning(path, SHORT), seconds)

    purse = runfolder.step(site.folder, f"{name}_purse", digest([*site.key, path]), Purse, work)
    return replace(bench, purse=purse)


def _out(bench: Bench, measured: Diagnosis, limits: Mapping[str, float]) -> frozenset[str]:
    """The arms that need not be tried: those that take too much, those that can't be the best of their path, and, where the purse
    is brief, all that were not in the race."""
    arms = {*prompted(bench), *(retrieving(bench) if bench.task.documents else ())} if bench.purse.brief else set[str]()
    behind = measured.behind(bench.metric, bench.seed, bench.model)
    return measured.gone(bench.model, limits) | behind | (arms - measured.raced(bench.model))
