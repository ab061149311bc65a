"""The flow: seven steps from a task to a report. Each is a value in the run folder, made once and read back as what it is.

A step is asked for by its name; what it rests on is made first, or read.
"""

import shutil
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from advisor import runfolder
from advisor.data import profiling, reading
from advisor.data.owncode import own_function
from advisor.data.profiling import Profile
from advisor.data.splitting import FEWEST
from advisor.decide import recommendation
from advisor.decide.cases import load_cases
from advisor.decide.costs import EFFORTS
from advisor.decide.recommendation import Recommendation
from advisor.decide.rules import load_rules
from advisor.errors import CannotError, InputError, Problem
from advisor.measure import diagnosis, ledger, pacing, planning, probing, proof, sealing, seeds
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.proof import Chosen, Finalists, Result
from advisor.measure.seeds import Seeds
from advisor.models import named
from advisor.models.endpoint import Endpoint
from advisor.models.local import LocalModel, tunes
from advisor.models.protocol import Model
from advisor.paths import PATHS, abstaining, infeasible
from advisor.paths import search as searching
from advisor.paths.abstaining import Abstaining
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench, Purse
from advisor.runtime.built import ARTIFACT, POOL, STORE, SYSTEM, Asked, asked, parts_of
from advisor.runtime.finder import LazyEmbedder, Search, over_documents
from advisor.runtime.rerank import OWN, reranker
from advisor.runtime.runtime import TUNED, Runtime, Tuning
from advisor.runtime.settings import Settings, agree_to_index, bound, check_prices
from advisor.runtime.store import Store
from advisor.score.metrics import resolve
from advisor.show import report
from advisor.system import PATH_NAMES, TUNING, Abstain, Buildable, Classifier, Shot, System, digest
from advisor.task import Task
from retrieval.watching import Watch, unwatched

Value = TypeVar("Value")


def follow(run: "Run", show: Callable[[object], None] = lambda value: None) -> tuple[Path, ...]:
    """All seven steps, the last two where there is a path to build; `show` is handed what each found out, as soon as it is
    there. The files of the report."""
    run.agree()
    show(run.profile)
    show(run.search)
    show(run.diagnosis)
    show(run.recommendation)
    if run.chosen:
        show(run.build)
        show(run.proof)
    return run.report()


class Run:
    """One task in one run folder. Raises InputError where the settings ask for what the task or the model rules out."""

    def __init__(self, task: Task, settings: Settings | None = None, watch: Watch = unwatched) -> None:
        self.task, self.settings, self.watch = task, settings or Settings(), watch
        said = named.chosen(self.settings.model, task.models)
        check_prices(said, self.settings)
        model = named.model_named(said)
        _check(task, model, self.settings.path)
        self._answers = {**task.answers, **self.settings.said}
        self._forbidden = "no" in (task.answers.get("data_may_leave"), self.settings.said.get("data_may_leave"))
        runs = runfolder.opened("")  # where the embedder keeps its vectors
        self.embedder = LazyEmbedder(task.retrieval.embedder, runs)
        self._reader = reranker(task.retrieval.rerank, model) if task.documents else None
        parts = parts_of(model, self.embedder, self._reader)
        self._key = digest([version("advisor"), task.fingerprint, parts, self.settings.seed, self.settings.budget])
        whole = digest([self._key, self.settings.path, self.settings.said])
        self.folder = runfolder.opened(f"{_slug(task.name)}-{whole[:8]}")
        weakref.finalize(self, runfolder.alone(self.folder / runfolder.LOCK).release)
        if self.settings.fresh:
            runfolder.forget(self.folder)
        self.model: LocalModel | Endpoint = (
            bound(model, self.folder, self.settings, forbidden=self._forbidden, typed=bool(self.settings.model))
            if isinstance(model, Endpoint)
            else model
        )
        self.store = Store(self.folder.parent / STORE)
        self._found = sealing.found(self.folder)
        self._record(asked(task, self.model, self.settings, parts))

    def agree(self) -> None:
        """Ask now for the consent that an endpoint, or an index elsewhere, needs. Raises InputError without it."""
        if isinstance(self.model, Endpoint):
            self.model.agree(self.model.address)
        agree_to_index(self.task.retrieval, self.settings, self._forbidden)

    @cached_property
    def profile(self) -> Profile:
        """What the data says."""

        def work() -> Profile:
            self.watch("profile", 0, 1)
            profile = profiling.profile(self.task, self.model.count, self.embedder, self.model.context)
            self.watch("profile", 1, 1)
            return profile

        return self._step("profile", self._key, Profile, work)

    @cached_property
    def purse(self) -> Purse:
        """What the budget buys, from one timing of this machine that a resumed run keeps."""
        budget = self.settings.budget
        return self._step(
            "purse", self._key, Purse, lambda: planning.plan(self.task, self.model, self.embedder, budget)
        )

    @property
    def assumed_purse(self) -> Purse:
        """The purse without asking an endpoint, whose speed is assumed; that of the run for a local model."""
        if not isinstance(self.model, Endpoint):
            return self.purse
        return planning.plan(self.task, self.model, self.embedder, self.settings.budget, planning.ASSUMED)

    @cached_property
    def search(self) -> Search | None:
        """How documents are searched, chosen on development questions; None where there are no documents."""
        if not self.task.documents:
            return None
        key = digest([self._key, self.purse])
        return self._step("search", key, Search, lambda: searching.choose(self._bench(Search())))

    @cached_property
    def bench(self) -> Bench:
        """What is measured and built on, searching as was chosen."""
        return self._bench(self.search or Search())

    @property
    def measurable(self) -> bool:
        """Whether there are enough examples for probes to say anything."""
        return len(self.task.split.compare) >= FEWEST

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """What probes measured; None with too few examples."""
        if not self.measurable:
            return None
        key = digest([self._key, self.purse])
        return self._step("diagnosis", key, Diagnosis, lambda: probing.diagnose(self.bench))

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which path, from the answers, the data and the probes."""
        profile, measured = self.profile, self.diagnosis
        task = " ".join([self.task.name, self.task.description, self.task.instruction])
        answers = {
            **profile.derived,
            "tunes_same_model": "yes" if tunes(self.model) else "unknown",
            "description": task,
        }
        origin = {name: "told by the data" for name in answers} | {"base_capability": "measured"}
        origin |= {"tunes_same_model": "told by the model", "description": "told by the task"}
        if measured:
            answers["base_capability"] = diagnosis.capability(measured)
        else:  # so few are a start: how many there could be is not known
            del answers["train_examples"]
        said = {name: value for name, value in self._answers.items() if value != "unknown"}
        answers, origin = {**answers, **said}, {name: where for name, where in origin.items() if name not in said}
        rules, cases = load_rules(), load_cases()

        def work() -> Recommendation:
            return recommendation.recommend(
                answers,
                {**profile.signals, **(measured.signals() if measured else {})},
                rules,
                measured.measured(self.bench.metric, self.settings.seed, bool(self.task.split.test))
                if measured
                else None,
                planning.costs(self.task, self.model, self.purse) if measured else EFFORTS,
                {**(measured.ruled_out if measured else {}), **infeasible(self.task, self.model)},
                cases,
                measured.gap if measured else None,
                origin,
            )

        key = digest([self._key, answers, profile.signals, measured, self.purse if measured else None, rules, cases])
        return runfolder.step(self.folder, "recommendation", key, Recommendation, work)

    @cached_property
    def chosen(self) -> Chosen | None:
        """What is to be built; None where no path is surely above the floor, and none was asked for."""
        return proof.chosen(self.settings.path, self.recommendation, self.diagnosis)

    @cached_property
    def build(self) -> Finalists:
        """The chosen path's system, in the artifact, and, where there is a test, those that it is compared with. Raises
        CannotError where there is none."""
        chosen = self._to_build
        path, second, untuned = chosen.path, chosen.runner_up, chosen.best_untuned
        if not self.task.split.test:
            second = untuned = None
        runner_up = self._built(second, "runner_up_system") if second else None
        plain = baseline(self.bench)
        others: dict[str | None, Buildable | None] = {"baseline": plain, second: runner_up}
        best = others.get(untuned)
        if untuned and not best:
            best = self._built(untuned, "best_untuned_system")
        system = self._built(path, "system")
        tuned = self._tuning(f"build/{path}") or Tuning((), 0)
        return Finalists(plain, runner_up, self._artifact(system), tuned.tokens, tuned.too_long, best)

    @cached_property
    def proof(self) -> Result:
        """What the sealed test says of the systems that were built; without figures where there is none."""
        finalists, chosen = self.build, self._to_build

        def work() -> Result:
            asked = sum(isinstance(one, System) for one in finalists.named.values())  # a classifier asks no model
            self.afford(len(self.task.split.test) * asked)
            measured = self.diagnosis.examples if self.diagnosis else 0
            paths = [path for path in finalists.paths(chosen).values() if path]
            test = self.task.split.test
            most = pacing.proving(self.diagnosis, paths, test, self.left) if self._timed else len(test)
            result = proof.prove(self.bench, chosen, finalists, measured, most=most)
            return replace(result, spent=self.model.meter.spent) if isinstance(self.model, Endpoint) else result

        key = digest([self._key, chosen, self.recommendation])
        result = runfolder.step(self.folder, "result", key, Result, work)
        if not result.seconds:
            scores = self.seeds.scores(self.bench.metric)
            result = replace(result, seeds=scores, seconds=runfolder.seconds(self.folder))
            runfolder.write(self.folder / "result.json", Result, result)
        return result

    @cached_property
    def seeds(self) -> Seeds:
        """The tuning that was built beside one with another seed, where what the proof left of a budget in time alone covers
        that; where rows are few, all are trained on, and none is left to score on."""
        built, path = self.build.test, self._to_build.path
        first, measured = self._tuning(f"build/{path}"), self.diagnosis
        timed = self._timed and self.settings.budget.tokens is None
        if not (timed and first and measured and isinstance(built, System)) or self.task.split.folds:
            return Seeds()
        bench = replace(self.bench, purse=self.building_purse)

        def work() -> Seeds:
            fits = seeds.takes(bench, path, first, measured) <= self.left
            return seeds.repeated(bench, path, built) if fits else Seeds()

        return runfolder.step(self.folder, "seeds", digest([self._key, self.purse, path]), Seeds, work)

    def _tuning(self, folder: str) -> Tuning | None:
        """What a tuning left in a folder of the run's."""
        file = self.folder / folder / TUNED
        return runfolder.read(file, Tuning) if file.is_file() else None

    @property
    def _timed(self) -> bool:
        """Whether the clock bounds the run; an endpoint has a meter of its own."""
        return self.settings.budget.seconds < planning.ENDLESS and not isinstance(self.model, Endpoint)

    @property
    def left(self) -> float:
        """Seconds that the steps done until now have left of the budget, without what ends a run."""
        return self.settings.budget.seconds - sum(runfolder.seconds(self.folder).values()) - pacing.CLOSING

    @cached_property
    def building_purse(self) -> Purse:
        """The purse for a full tuning, which goes by the pace of the short one where the clock bounds the run."""

        def work() -> Purse:
            short = self._tuning("probes/short-tuning")
            test = self.task.split.test
            proof = pacing.seconds_of(self.diagnosis, PATH_NAMES[:4], test[: pacing.PROVEN])
            return pacing.building(self.task, self.model, self.purse, short, self.left - proof)

        if not self._timed or not self.diagnosis:
            return self.purse
        return runfolder.step(self.folder, "building_purse", digest([self._key, self.purse]), Purse, work)

    def report(self) -> tuple[Path, ...]:
        """Write what was found out as pages for people, and seal the run folder; the pages' paths."""
        written = report.write(self.folder)
        sealing.seal(self.folder, self._found)
        return written

    def _record(self, record: Asked) -> None:
        """Write what is asked of the run. A finished one keeps what it was asked, unless by more than the words of the
        command and what this machine has installed."""
        path = self.folder / "task.json"
        with suppress(InputError):  # of a damaged one, which is written anew
            was = runfolder.read(path, Asked)
            if self._found and was == replace(record, command=was.command, versions=was.versions, machine=was.machine):
                return
        runfolder.write(path, Asked, record)
        sealing.renew(self.folder, self._found)
        self._found = sealing.found(self.folder)

    @property
    def _to_build(self) -> Chosen:
        if not self.chosen:
            raise CannotError(
                f"nothing is recommended: {self.recommendation.ranking[0].note}; to build a path all the same, name it"
            )
        return self.chosen

    def _step(self, name: str, key: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        """A step whose value another run with the same key may have found out."""
        return runfolder.step(self.folder, name, key, kind, work, shared=not self.settings.fresh)

    def _bench(self, search: Search) -> Bench:
        task, how = self.task, self.task.retrieval
        if task.documents:
            agree_to_index(how, self.settings, self._forbidden)
        finder = over_documents(task.documents, self.folder, how, search, self.embedder, self._reader, self.watch)
        pool, fresh = task.split.train, self.settings.fresh
        runtime = Runtime(self.model, self.folder, self.store, self.embedder, finder, pool, fresh, self.watch)
        own = partial(own_function, folder=task.folder, allow=self.settings.allow_code)
        metric = resolve(task.metric, task.labels, own)
        return Bench(task, runtime, metric, self.purse, self.settings.seed)

    def _built(self, path: str, name: str) -> Buildable:
        """The system of a path, built as the step `name`; it says that it does not know where the task asks for that."""
        key = digest([self._key, self.purse, path])
        bench = replace(self.bench, purse=self.building_purse) if path in TUNING else self.bench
        kind: type[Buildable] = Classifier if path == "classifier" else System
        system = runfolder.step(self.folder, name, key, kind, lambda: PATHS[path](bench))
        if not self.task.abstain or not isinstance(system, System) or system.context.kind == "none":
            return system
        plain, step = system, "abstaining" if name == "system" else f"{name}_abstaining"
        fitted = runfolder.step(self.folder, step, key, Abstaining, lambda: abstaining.fit(self.bench, plain))
        return replace(plain, abstain=Abstain(fitted.text, fitted.below))

    def _artifact(self, system: Buildable) -> Buildable:
        """Gather what a person takes away in `artifact/`; the system that names it there."""
        with runfolder.whole_folder(self.folder / ARTIFACT) as folder:
            if isinstance(system, Classifier):
                shutil.copyfile(runfolder.within(self.folder, system.head), folder / "head.npz")
                system = replace(system, head=f"{ARTIFACT}/head.npz")
            else:
                if system.model.adapter:
                    shutil.copytree(runfolder.within(self.folder, system.model.adapter), folder / "adapter")
                    system = replace(system, model=replace(system.model, adapter=f"{ARTIFACT}/adapter"))
                if system.context.kind != "none":
                    self.bench.runtime.finder.save(folder)
                if system.shots.kind == "similar":
                    pool = tuple(Shot(example.input, example.output) for example in self.task.split.train)
                    runfolder.write(folder / POOL, tuple[Shot, ...], pool)
            runfolder.write(folder / SYSTEM, Buildable, system)
        return system

    def afford(self, requests: int) -> None:
        """Raises CannotError when so many requests to an endpoint would not fit the budget: the test stays sealed then."""
        if not isinstance(self.model, Endpoint) or ledger.is_open(self.folder):  # a resumed proof needs only the rest
            return
        takes, meter = planning.expected(self.task, self.model, requests), self.model.meter
        if not meter.fits(takes):
            what = f"the sealed test would take about {takes}, more than the budget leaves after {meter.spent}"
            raise CannotError(f"{what}. It was not opened; give a larger --budget, or a smaller test")


def opened(folder: Path, settings: Settings | None = None, watch: Watch = unwatched) -> Run:
    """The run for the task in a folder. Raises InputError with everything that is wrong with the task."""
    settings = settings or Settings()
    task = reading.load_task(
        folder,
        seed=settings.seed,
        drop_invalid=settings.drop_invalid,
        allow_overlap=settings.allow_overlap,
        model_problem=None if settings.model else named.problem,
        allow_code=settings.allow_code,
    )
    if settings.model and (what := named.problem(settings.model)):
        do = "" if named.addressed(settings.model) else "Name a local folder, a hub id or a GGUF file"
        raise InputError(Problem(what, "--model", do=do))
    return Run(task, settings, watch)


def _check(task: Task, model: Model, path: str) -> None:
    """Raises InputError where the path that was asked for can't be built, or the model can't rerank as the task asks."""
    if reason := infeasible(task, model).get(path):
        what = f"{path} can't be built: {reason}"
        raise InputError(Problem(what, "--path", do="Choose another path"))
    if task.retrieval.rerank == OWN and not tunes(model):
        what, do = (
            "an endpoint tells no probabilities to rerank by",
            "Name a cross-encoder, or a model whose weights are here",
        )
        raise InputError(Problem(what, task.folder / "task.yaml", None, "retrieval.rerank", do))


def _slug(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.lower()).strip("-")
    return kept[:40] or "task"
