"""A system that a run built, loaded back from its artifact; and the record of what was asked of a run."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from advisor import runfolder
from advisor.address import Address
from advisor.errors import CannotError, InputError, Problem, complaints
from advisor.models.endpoint import Endpoint
from advisor.models.local import LocalModel
from advisor.models.named import model_named
from advisor.runtime.finder import LazyEmbedder, of_artifact
from advisor.runtime.rerank import reranker
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings, agree_to_index, bound, check_prices
from advisor.runtime.store import Store
from advisor.system import Buildable, Prediction, Shot, System
from advisor.task import Example, Retrieval, Task
from retrieval.watching import Watch, unwatched

LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "scikit-learn")
ARTIFACT, SYSTEM, POOL, STORE = "artifact", "system.json", "shots.json", "answers.sqlite"


@dataclass(frozen=True)
class Asked:
    """What was asked of a run, with what a rerun needs; `retrieval` holds what task.yaml said of it."""

    name: str
    folder: str
    description: str
    instruction: str
    metric: str
    labels: tuple[str, ...]
    model: str
    endpoint: Address | None
    model_fingerprint: str
    seed: int
    command: str
    versions: Mapping[str, str]
    machine: str
    fingerprint: str
    left_out: tuple[str, ...] = ()
    abstain: str = ""
    retrieval: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)


def asked(task: Task, model: LocalModel | Endpoint, settings: Settings) -> Asked:
    """The record of what is asked of a run, by the command under way."""
    return Asked(
        name=task.name,
        folder=str(task.folder),
        description=task.description,
        instruction=task.instruction,
        metric=task.metric,
        labels=task.labels,
        model=model.name,
        endpoint=model.address if isinstance(model, Endpoint) else None,
        model_fingerprint=model.fingerprint,
        seed=settings.seed,
        command=" ".join(["advisor", *sys.argv[1:]]),
        versions={name: version(name) for name in ("advisor", *LIBRARIES)},
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        fingerprint=task.fingerprint,
        left_out=task.left_out,
        abstain=task.abstain,
        retrieval=task.retrieval.model_dump(exclude_defaults=True),
        flags={"path": settings.path, "budget_seconds": settings.budget.seconds},
    )


@dataclass(frozen=True)
class Built:
    """A system that a run built, loaded back: `predict` takes texts or examples."""

    system: Buildable
    runtime: Runtime
    asked: Asked

    def predict(self, inputs: Sequence[str | Example]) -> list[Prediction]:
        """What the system gives for each input, in their order."""
        examples = [Example(str(i), one, "") if isinstance(one, str) else one for i, one in enumerate(inputs, 1)]
        return self.runtime.predict(self.system, examples, keep=False)


def _retrieval(record: Asked, folder: Path) -> Retrieval:
    """How documents are searched, as the record says it. Raises InputError."""
    try:
        return Retrieval.model_validate(dict(record.retrieval))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(one.place)} {one.what}" for one in complaints(error))
        raise InputError(Problem(told, folder / "task.json", field="retrieval", do=runfolder.AGAIN)) from None


def load(run: str | Path, watch: Watch = unwatched, settings: Settings | None = None) -> Built:
    """The system built in a run folder. Of the settings, `yes` and the caps of `budget` hold for an endpoint.

    Raises InputError when there is none, CannotError when it does not fit its base.
    """
    folder, settings = Path(run), settings or Settings()
    artifact, runs = folder / ARTIFACT, folder.parent
    if not (artifact / SYSTEM).is_file():
        advice = "Give a run folder that `advisor run` finished (its last line names it)"
        raise InputError(Problem("there is no built system here", folder, do=advice))
    runfolder.check_links(folder)
    system = runfolder.read(artifact / SYSTEM, cast(type[Buildable], Buildable))  # a union is no class, for the checker
    record = runfolder.read(folder / "task.json", Asked)
    how = _retrieval(record, folder)
    shots = runfolder.read(artifact / POOL, tuple[Shot, ...]) if (artifact / POOL).is_file() else ()
    model = model_named(record.endpoint or record.model)
    if isinstance(system, System):
        if isinstance(model, Endpoint):
            check_prices(model.address, settings)
            model = bound(model, folder, settings, counted=False)
            model.agree(model.address)
        if model.fingerprint != system.model.fingerprint:
            raise CannotError(f"the weights of {record.model} have changed since this run was built; run it again")
        if system.context.kind != "none":
            agree_to_index(how, settings)
    embedder = LazyEmbedder(how.embedder, runs)
    finds = isinstance(system, System) and system.context.kind != "none"
    finder = of_artifact(artifact, how, embedder, reranker(how.rerank if finds else "", model), watch)
    pool = tuple(Example(str(i), shot.input, shot.output) for i, shot in enumerate(shots))
    return Built(system, Runtime(model, folder, Store(runs / STORE), embedder, finder, pool, watch=watch), record)
