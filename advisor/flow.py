"""The flow: profile, diagnose, recommend, build, prove, report. Each a step of the run folder, so each is done once."""

import platform
import shutil
import sys
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import trainers
from advisor import runfolder
from advisor.address import Address
from advisor.data import profiling, reading
from advisor.decide import recommendation, rules
from advisor.decide.rules import PATH_NAMES
from advisor.errors import CannotError, InputError, Problem
from advisor.measure import diagnosis, planning, proof
from advisor.measure.diagnosis import Diagnosis
from advisor.models import local
from advisor.models.endpoint import Endpoint
from advisor.paths import PATHS, abstaining, search
from advisor.paths.prompting import baseline
from advisor.runtime import rerank
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings, agree_to_index, bound, check_prices
from advisor.score import metrics
from advisor.system import Classifier, System, digest, from_json, to_json
from advisor.task import Task
from retrieval.index.updating import Watch, unwatched

LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "scikit-learn")
FEWEST_TO_RUN = 30
ASSUMED = trainers.Speed(2000.0, 100.0, 0.0)  # tokens a second of an endpoint that must not be asked


class Run:
    """One task with one run folder; every method is a step that resumes."""

    def __init__(self, task: Task, settings: Settings, watch: Watch = unwatched) -> None:
        self.task, self.settings = task, settings
        self._model = _chosen(task, settings)
        loader = Runtime(self._model, Path())
        if reason := _impossible(task, loader).get(settings.path):
            what = f"{settings.path} can't be built: {reason}"
            raise InputError(Problem(what, "--path", do="Choose another path"))
        if task.retrieval.rerank == rerank.OWN and not local.tunes(loader.model):
            do = "Name a cross-encoder, or a model whose weights are here"
            raise InputError(
                Problem(
                    "an endpoint tells no probabilities to rerank by",
                    task.folder / "task.yaml",
                    None,
                    "retrieval.search.rerank",
                    do,
                )
            )
        self._key = digest(
            [version("advisor"), task.fingerprint, loader.model.fingerprint, settings.seed, asdict(settings.budget)]
        )
        whole = digest([self._key, settings.path, dict(settings.said or {})])
        self.folder = runfolder.opened(f"{_slug(task.name)}-{whole[:8]}")
        if settings.fresh:
            runfolder.forget(self.folder)
        self.runtime = Runtime(self._model, self.folder, task.split.train, task.documents, watch, task.retrieval)
        self.runtime.fresh = settings.fresh
        may_leave = self._may_leave = {**task.answers, **(settings.said or {})}.get("data_may_leave", "unknown")
        self.runtime.model = model = loader.model
        if isinstance(model, Endpoint):
            self.runtime.model = bound(model, self.folder, settings, may_leave)

    def write_task(self) -> None:
        """Write what was asked, with what a rerun needs."""
        task = self.task
        value = {
            "name": task.name,
            "folder": str(task.folder),
            "description": task.description,
            "instruction": task.instruction,
            "metric": task.metric,
            "labels": list(task.labels),
            "model": self.runtime.name,
            "endpoint": self._model.model_dump(exclude_defaults=True) if isinstance(self._model, Address) else None,
            "model_fingerprint": self.runtime.model.fingerprint,
            "seed": self.settings.seed,
            "command": " ".join(["advisor", *sys.argv[1:]]),
            "versions": {name: version(name) for name in ("advisor", *LIBRARIES)},
            "machine": f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}",
            "fingerprint": task.fingerprint,
            "left_out": list(task.left_out),
            "retrieval": asdict(task.retrieval),
            "flags": {"path": self.settings.path, "budget_seconds": self.settings.budget.seconds},
        }
        runfolder.write(self.folder / "task.json", value)

    def profile(self) -> dict[str, Any]:
        """What the data says."""

        def work() -> dict[str, Any]:
            self.runtime.watch("profile", 0, 1)
            found = profiling.profile(self.task, self.runtime.model.count, self.runtime.embedder)
            self.runtime.watch("profile", 1, 1)
            derived, signals = profiling.derived_answers(self.task, found), profiling.signals(found)
            return {**asdict(found), "derived": derived, "signals": signals}

        value: dict[str, Any] = runfolder.step(self.folder, "profile", self._key, work, shared=not self.settings.fresh)
        return value

    @cached_property
    def plan(self) -> Plan:
        """What the budget buys, from one timing of this machine that a resumed run keeps."""
        value = runfolder.step(
            self.folder,
            "plan",
            self._key,
            lambda: asdict(planning.plan(self.task, self.runtime, self.settings.budget)),
            shared=not self.settings.fresh,
        )
        return Plan(**value)

    @property
    def assumed_plan(self) -> Plan:
        """The plan without asking an endpoint, whose speed is assumed; that of the run for a local model."""
        if not isinstance(self.runtime.model, Endpoint):
            return self.plan
        return planning.plan(self.task, self.runtime, self.settings.budget, ASSUMED)

    def agree(self) -> None:
        """Ask now for the consent that an endpoint, or an index elsewhere, needs. Raises InputError without it."""
        if isinstance(self.runtime.model, Endpoint):
            self.runtime.model.agree(self.runtime.model.address)
        agree_to_index(self.task.retrieval, self.settings, self.folder.parent, self._may_leave)

    @cached_property
    def retrieval(self) -> dict[str, Any] | None:
        """How documents are searched, chosen on development questions; None where there are no documents."""
        if not self.task.documents:
            return None
        value: dict[str, Any] = runfolder.step(
            self.folder,
            "retrieval",
            digest([self._key, self.plan]),
            lambda: search.choose(self.task, self.runtime, self.plan, self.settings.seed),
            shared=not self.settings.fresh,
        )
        search.apply(value, self.runtime)
        return value

    @property
    def measurable(self) -> bool:
        """Whether there are enough examples for probes to say anything."""
        return len(self.task.split.compare) >= diagnosis.FEWEST

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """What probes measured; None with too few examples."""
        if not self.measurable:
            return None
        _ = self.retrieval
        value = runfolder.step(
            self.folder,
            "diagnosis",
            digest([self._key, self.plan]),
            lambda: diagnosis.diagnose(self.task, self.runtime, self.plan, self.settings.seed).to_json(),
            shared=not self.settings.fresh,
        )
        return diagnosis.from_json(value)

    def recommend(self) -> dict[str, Any]:
        """The recommendation, from the answers, the data and the probes."""
        profile, found = self.profile(), self.diagnosis
        answers = {**profile["derived"], "tunes_same_model": "yes" if local.tunes(self.runtime.model) else "unknown"}
        if not self.measurable:  # so few are a start: how many there could be is not known
            del answers["train_examples"]
        if found:
            answers["base_capability"] = diagnosis.capability(found)
        given = {k: v for k, v in {**self.task.answers, **(self.settings.said or {})}.items() if v != "unknown"}
        answers |= given

        def work() -> dict[str, Any]:
            metric = metrics.resolve(self.task.metric, self.task.labels, self.task.folder)
            decided = recommendation.recommend(
                answers,
                {**profile["signals"], **(found.signals() if found else {})},
                rules.load(),
                found.measured(metric, self.settings.seed) if found else None,
                planning.costs(self.task, self.runtime, self.plan) if self.measurable else None,
                self.impossible(),
            )
            return {**decided.to_json(), "answers": answers}

        value: dict[str, Any] = runfolder.step(self.folder, "recommendation", digest([self._key, answers]), work)
        return value

    def impossible(self) -> dict[str, str]:
        """Paths that this task and model rule out, each with the reason."""
        return _impossible(self.task, self.runtime)

    def build(self, path: str, name: str) -> System | Classifier:
        """Build a path's system, as the step `name`."""
        _ = self.retrieval
        value = runfolder.step(
            self.folder,
            name,
            digest([self._key, self.plan, path]),
            lambda: to_json(PATHS[path](self.task, self.runtime, self.plan, self.settings.seed)),
        )
        return self._abstaining(from_json(value), path, name)

    def _abstaining(self, system: System | Classifier, path: str, name: str) -> System | Classifier:
        """The system, saying that it does not know where the task asks for that."""
        wanted = self.task.abstain and isinstance(system, System) and system.context.kind != "none"
        if not wanted or not isinstance(system, System):
            return system
        examples = self.task.split.choose[: self.plan.choose] or self.task.split.compare[: self.plan.measure]
        value = runfolder.step(
            self.folder,
            "abstaining" if name == "system" else f"{name}_abstaining",
            digest([self._key, self.plan, path]),
            lambda: abstaining.fit(self.task, self.runtime, system, examples),
        )
        return abstaining.abstaining(system, value)

    def runner_up(self, path: str) -> str | None:
        """The best on development among the task's paths that come before `path` in the order of cost."""
        before = PATH_NAMES[: PATH_NAMES.index(path)]
        scores = {
            probe.path: 0.0 for probe in (self.diagnosis.probes if self.diagnosis else ()) if probe.path in before
        }
        for probe in self.diagnosis.probes if self.diagnosis else ():
            if probe.path in scores:
                scores[probe.path] = max(scores[probe.path], probe.value)
        return max(scores, key=lambda name: scores[name]) if scores else None

    def prove(self) -> dict[str, Any]:
        """Build the chosen path and its runner-up, then compare them with the baseline on the sealed test."""
        advice = self.recommend()
        path = self.settings.path or advice["path"] or advice["provisional"]
        second = self.runner_up(path)

        finalists: dict[str, System | Classifier] = {"baseline": baseline(self.task, self.runtime, self.plan)}
        if second:
            finalists["runner_up"] = self.build(second, "runner_up_system")
        finalists["test"] = self._artifact(self.build(path, "system"))

        def work() -> dict[str, Any]:
            self._afford(len(self.task.split.test) * len(finalists))
            figures = proof.prove(self.task, self.runtime, finalists, self.settings.seed)
            return {
                "run": str(self.folder),
                "path": path,
                "provisional": not self.settings.path and advice["path"] is None,
                "forced": bool(self.settings.path),
                "runner_up": second,
                **figures,
                "trained_tokens": self._trained_tokens(path),
                "spent": asdict(model.meter.spent) if isinstance(model := self.runtime.model, Endpoint) else None,
            }

        value = runfolder.step(self.folder, "result", digest([self._key, path, advice]), work)
        if "seconds" not in value:
            value = {**value, "seconds": runfolder.seconds(self.folder)}
            runfolder.write(self.folder / "result.json", value)
        return dict(value)

    def _afford(self, requests: int) -> None:
        """Raises CannotError when so many requests to an endpoint would not fit the budget: the test stays sealed then."""
        model = self.runtime.model
        if not isinstance(model, Endpoint) or proof.is_open(self.folder):  # a resumed proof needs only the rest
            return
        takes = planning.expected(self.task, self.runtime, requests)
        if not model.meter.fits(takes):
            what = f"the sealed test would take about {takes}, more than the budget leaves after {model.meter.spent}"
            raise CannotError(f"{what}. It was not opened; give a larger --budget, or a smaller test")

    def _trained_tokens(self, path: str) -> int:
        marker = self.folder / "build" / path / "tuned.json"
        return int(runfolder.read(marker)["tokens"]) if marker.is_file() else 0

    def _artifact(self, system: System | Classifier) -> System | Classifier:
        """Gather what a person takes away in `artifact/`; the system that names it there."""
        folder = self.folder / "artifact"
        folder.mkdir(exist_ok=True)
        if isinstance(system, Classifier):
            shutil.copyfile(self.folder / system.head, folder / "head.npz")
            system = replace(system, head="artifact/head.npz")
        else:
            if system.model.adapter:
                shutil.copytree(self.folder / system.model.adapter, folder / "adapter", dirs_exist_ok=True)
                system = replace(system, model=replace(system.model, adapter="artifact/adapter"))
            if system.context.kind != "none":
                self.runtime.finder.save(folder)
            if system.shots.kind == "similar":
                runfolder.write(folder / "shots.json", [[e.input, e.output] for e in self.task.split.train])
        runfolder.write(folder / "system.json", to_json(system))
        return system


def opened(folder: Path, settings: Settings, watch: Watch = unwatched, *, needs: int = 1) -> Run:
    """The run for the task in a folder. Raises InputError with everything that is wrong with the task."""
    task = reading.read(
        folder,
        seed=settings.seed,
        drop_invalid=settings.drop_invalid,
        allow_overlap=settings.allow_overlap,
        needs=needs,
        model_problem=None if settings.model else _model_problem,
    )
    if settings.model and (what := _model_problem(settings.model)):
        do = "" if local.addressed(settings.model) else "Name a local folder, a hub id or a GGUF file"
        raise InputError(Problem(what, "--model", do=do))
    check_prices(_chosen(task, settings), settings)
    run = Run(task, settings, watch)
    run.write_task()
    return run


def _model_problem(name: str | Address) -> str:
    """What is wrong with a model's name, "" for nothing; a hub id is asked for, in the local cache and at the hub."""
    try:
        what = local.problem(name)
        if what or not isinstance(name, str) or "/" not in name or "://" in name or Path(name).expanduser().exists():
            return what
        from huggingface_hub import try_to_load_from_cache

        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            trainers.ask_hub(name)
    except Exception as error:  # the hub's own, and those of names that can be no file's
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return f"the model {str(name)!r} is not to be had: {reason[0]}"
    return ""


def _chosen(task: Task, settings: Settings) -> str | Address:
    """The model to use; of one given as `URL#name`, what the task declares of it."""
    if not settings.model:
        return next(iter(task.models), local.DEFAULT)
    declared = next((model for model in task.models if str(model) == settings.model), None)
    return declared or local.addressed(settings.model) or settings.model


def _impossible(task: Task, runtime: Runtime) -> dict[str, str]:
    out: dict[str, str] = {}
    if not task.documents:
        out |= dict.fromkeys(("rag", "rag+finetuning"), "there are no documents to retrieve from")
    if not task.split.train:
        out |= dict.fromkeys(("classifier", "finetuning", "rag+finetuning"), "too few examples to train on")
    elif not diagnosis.has_labels(task):
        out["classifier"] = "the output is not one of a fixed set of labels"
    if not local.tunes(runtime.model):
        reason = f"{runtime.name} is an endpoint, which can't be tuned here; name a local model to tune"
        out |= {path: out.get(path, reason) for path in ("finetuning", "rag+finetuning")}
    return out


def _slug(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.lower()).strip("-")
    return kept[:40] or "task"


def _cores() -> int:
    import os

    return os.cpu_count() or 1
