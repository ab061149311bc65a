"""The flow: seven steps from a task to a report. Each is a value in the run folder, made once and read back as what it is.

A step is asked for by its name; what it rests on is made first, or read.
"""

import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from advisor import runfolder
from advisor.address import Address
from advisor.data import profiling, reading
from advisor.data.owncode import own_function
from advisor.data.profiling import Profile
from advisor.data.splitting import FEWEST
from advisor.decide import recommendation
from advisor.decide.belief import Measured
from advisor.decide.cases import load_cases
from advisor.decide.recommendation import Recommendation
from advisor.decide.rules import load_rules
from advisor.errors import CannotError, InputError, Problem
from advisor.measure import building, diagnosis, pacing, planning, probing, proof, sealing
from advisor.measure import work as working
from advisor.measure.building import Site
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.proof import Chosen, Finalists, Result
from advisor.measure.seeds import Seeds
from advisor.models import named
from advisor.models.endpoint import Endpoint
from advisor.models.local import tuned_as_prompted, tunes
from advisor.models.protocol import Model
from advisor.models.spending import Spent
from advisor.paths import infeasible, instructing, proposing
from advisor.paths import search as searching
from advisor.runtime.bench import Bench, Purse
from advisor.runtime.built import STORE, Asked, asked, parts_of
from advisor.runtime.built import named as recorded
from advisor.runtime.finder import LazyEmbedder, Search, over_documents
from advisor.runtime.instructions import Instructions, only_own
from advisor.runtime.lineup import AModel, lined_up, place
from advisor.runtime.rerank import OWN, reranker
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings, agree_to_index
from advisor.runtime.store import Store
from advisor.score.metrics import resolve
from advisor.show import report
from advisor.system import digest
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
        self._answers = {**task.answers, **self.settings.said}
        self._forbidden = "no" in (task.answers.get("data_may_leave"), self.settings.said.get("data_may_leave"))
        lineup = lined_up(task, self.settings, self._forbidden)
        _check(task, lineup.models, self.settings.path)
        runs = runfolder.opened("")  # where the embedder keeps its vectors
        self.embedder = LazyEmbedder(task.retrieval.embedder, runs)
        self._reader = reranker(task.retrieval.rerank, lineup.models[0]) if task.documents else None
        records = [recorded(model, parts_of(model, self.embedder, self._reader)) for model in lineup.models]
        parts = [one.parts for one in records]
        self._key = digest([version("advisor"), task.fingerprint, parts, self.settings.seed, self.settings.budget])
        whole = digest([self._key, self.settings.path, {**self.settings.said, **task.costs.said}])
        self.folder = runfolder.opened(f"{_slug(task.name)}-{whole[:8]}")
        weakref.finalize(self, runfolder.alone(self.folder / runfolder.LOCK).release)
        if self.settings.fresh:
            runfolder.forget(self.folder)
        self.lineup = lineup.bound(self.folder, self.settings, self._forbidden)
        self.store = Store(self.folder.parent / STORE)
        self._since, self._before = time.monotonic(), sum(runfolder.seconds(self.folder).values())
        self._found = sealing.found(self.folder)
        self._record(asked(task, self.settings, records))

    @property
    def models(self) -> tuple[AModel, ...]:
        """The models that are compared."""
        return self.lineup.models

    @property
    def model(self) -> AModel:
        """The first of them."""
        return self.models[0]

    def agree(self) -> None:
        """Ask now for the consent that endpoints, or an index elsewhere, need. Raises InputError without it."""
        for endpoint in self.lineup.endpoints:
            endpoint.agree(endpoint.address)
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
        """What the budget buys of the first model, from one timing of this machine that a resumed run keeps."""
        return self._purse(0)

    def _purse(self, n: int) -> Purse:
        """What the share of a model buys of it, by its place."""
        plan = partial(planning.plan, self.task, self.models[n], self.embedder, self.lineup.share)
        return self._step(f"purse{n + 1 if n else ''}", self._key, Purse, plan)

    @property
    def assumed_purse(self) -> Purse:
        """The purse without asking an endpoint, whose speed is assumed; that of the run for a local model."""
        if not isinstance(self.model, Endpoint):
            return self.purse
        return planning.plan(self.task, self.model, self.embedder, self.lineup.share, planning.ASSUMED)

    @cached_property
    def search(self) -> Search | None:
        """How documents are searched, chosen on development questions; None where there are no documents."""
        if not self.task.documents:
            return None
        key = digest([self._key, self.purse])
        return self._step("search", key, Search, lambda: searching.choose(self._bench(Search())))

    @cached_property
    def instructions(self) -> Instructions:
        """The instructions that were tried, and which one was chosen; a step where the task has others than its own."""
        if not (self.task.instructions or self.lineup.proposer):
            return only_own(self.task)
        key = digest([self._key, self.purse, self.search])
        return self._step(
            "instructions", key, Instructions, lambda: instructing.choose(self._searching, self.lineup.proposer)
        )

    @cached_property
    def bench(self) -> Bench:
        """What is measured and built on with the first model, searching and saying what was chosen."""
        return self._searching.saying(self.instructions)

    @cached_property
    def _searching(self) -> Bench:
        return self._bench(self.search or Search())

    @cached_property
    def benches(self) -> tuple[Bench, ...]:
        """The same with each model; all are asked the same examples, and race within what all have together."""
        purses = [self._purse(n) for n in range(len(self.models))]
        measure, racing = min(purse.measure for purse in purses), sum(purse.racing for purse in purses)
        return tuple(
            self.bench.of(model, replace(purse, measure=measure, racing=racing), place(n))
            for n, (model, purse) in enumerate(zip(self.models, purses, strict=True))
        )

    @property
    def measurable(self) -> bool:
        """Whether there are enough examples for probes to say anything."""
        return len(self.task.split.compare) >= FEWEST

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """What probes measured; None with too few examples."""
        if not self.measurable:
            return None
        timed = "max_latency_ms" in self._limits
        told = self.instructions
        key = digest([self._key, self.purse, told, timed])

        def work() -> Diagnosis:
            found = probing.diagnose(*self.benches, notes=self.lineup.notes, timed=timed)
            return replace(found, instructions=told)

        return self._step("diagnosis", key, Diagnosis, work)

    @property
    def _limits(self) -> dict[str, float]:
        """What an answer may take, as far as the person says."""
        said = {name: self._answers.get(name) for name in ("max_latency_ms", "max_cost_per_1000")}
        return {name: float(value) for name, value in said.items() if isinstance(value, (int, float))}

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which path, from the answers, the data and the probes."""
        profile, measured = self.profile, self.diagnosis
        task = " ".join([self.task.name, self.task.description, self.task.instruction])
        answers = {
            **profile.derived,
            "tunes_same_model": tuned_as_prompted(self.models),
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
        out = {**measured.ruled_out, **measured.too_dear(self._limits)} if measured else {}
        by_model = working.by_model(self.task, self.models, self.benches if measured else (), measured)

        def work() -> Recommendation:
            return recommendation.recommend(
                answers,
                {**profile.signals, **(measured.signals() if measured else {})},
                rules,
                self._compared(measured) if measured else None,
                by_model,
                {**out, **infeasible(self.task, *self.models)},
                cases,
                measured.gap if measured else None,
                origin,
            )

        purse = self.purse if measured else None
        key = digest([self._key, answers, profile.signals, measured, purse, rules, cases, by_model])
        return runfolder.step(self.folder, "recommendation", key, Recommendation, work)

    def _compared(self, measured: Diagnosis) -> Measured:
        """What the probes say of paths, with how many rows tunings see in short and in full."""
        told = measured.measured(self.bench.metric, self.settings.seed, bool(self.task.split.test), self._limits)
        short, full = self.bench.short.purse, self.purse
        return replace(told, seen=(short.rows * short.epochs, full.rows * full.epochs))

    @cached_property
    def chosen(self) -> Chosen | None:
        """What is to be built; None where no path is surely above the floor, and none was asked for."""
        return proof.chosen(self.settings.path, self.recommendation, self.diagnosis)

    @cached_property
    def _site(self) -> Site:
        left = (lambda: self.left) if self._timed else None
        key = (self._key, self.purse, self.instructions)
        told = (self._to_build, self.recommendation, self.diagnosis, self._limits, left)
        return Site(self.folder, key, self.benches, *told)

    @cached_property
    def build(self) -> Finalists:
        """The chosen path's system, in the artifact, and, where there is a test, those that it is compared with. Raises
        CannotError where there is none."""
        return building.finalists(self._site)

    @cached_property
    def proof(self) -> Result:
        """What the sealed test says of the systems that were built; without figures where there is none."""
        finalists, chosen = self.build, self._to_build

        def work() -> Result:
            proof.afford(self.bench, finalists)
            measured = self.diagnosis.examples if self.diagnosis else 0
            paths = [path for path in finalists.paths(chosen).values() if path]
            test = self.task.split.test
            most = pacing.proving(self.diagnosis, paths, test, self.left) if self._timed else len(test)
            result = proof.prove(self.bench, chosen, finalists, measured, most=most)
            spent = [endpoint.meter.spent for endpoint in self.lineup.endpoints]
            told = replace(result, instructions=self.instructions.count)
            return replace(told, spent=sum(spent, Spent())) if spent else told

        key = digest([self._key, chosen, self.recommendation])
        result = runfolder.step(self.folder, "result", key, Result, work)
        if not result.seconds:
            scores = self.seeds.scores(self.bench.metric)
            result = replace(result, seeds=scores, seconds=runfolder.seconds(self.folder))
            runfolder.write(self.folder / "result.json", Result, result)
        return result

    @cached_property
    def seeds(self) -> Seeds:
        """The tuning that was built beside one with another seed, where a budget in time alone leaves time for that."""
        return Seeds() if self.settings.budget.tokens else building.repeated(self._site, self.build.test)

    @property
    def _timed(self) -> bool:
        """Whether the clock bounds the run; an endpoint has a meter of its own."""
        return self.settings.budget.seconds < planning.ENDLESS and self.lineup.local

    @property
    def left(self) -> float:
        """Seconds that are left of the budget, without what ends a run: the steps done until now count, and what this process took
        between them."""
        steps = sum(runfolder.seconds(self.folder).values())
        return self.settings.budget.seconds - max(steps, self._before + time.monotonic() - self._since) - pacing.CLOSING

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
        models = self.models[1:]
        runtime = Runtime(self.model, self.folder, self.store, self.embedder, finder, pool, fresh, self.watch, models)
        own = partial(own_function, folder=task.folder, allow=self.settings.allow_code)
        metric = resolve(task.metric, task.labels, own)
        return Bench(task, runtime, metric, self.purse, self.settings.seed)


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
        raise InputError(Problem(what, "--model", do=_named(settings.model)))
    if task.proposer and (what := named.problem(task.proposer)):
        raise InputError(Problem(what, task.folder / "task.yaml", field="proposer", do=_named(task.proposer)))
    return Run(task, settings, watch)


def _named(model: str | Address) -> str:
    return "" if named.addressed(model) else "Name a local folder, a hub id or a GGUF file"


def _check(task: Task, models: Sequence[Model], path: str) -> None:
    """Raises InputError where the path that was asked for can't be built, the model can't rerank as the task asks, or what a
    proposer needs is not installed."""
    model, *_ = models
    if task.proposer:
        proposing.require(task.folder / "task.yaml")
    if reason := infeasible(task, *models).get(path):
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
