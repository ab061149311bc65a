"""A system that a run built, loaded back from its artifact; and the record of what was asked of a run."""

import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from advisor import runfolder
from advisor.address import Address
from advisor.errors import CannotError, InputError, Problem, complaints
from advisor.models.endpoint import Endpoint
from advisor.models.local import LocalModel, parts
from advisor.models.named import model_named
from advisor.models.protocol import Model
from advisor.runtime.finder import FITTED, LazyEmbedder, of_artifact
from advisor.runtime.rerank import fingerprint, reranker
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings, agree_to_index, bound, check_prices
from advisor.runtime.store import Store
from advisor.system import Buildable, Classifier, Prediction, Shot, System
from advisor.task import Example, Retrieval, Task
from retrieval import Embedder
from retrieval.ranking import Reranker
from retrieval.watching import Watch, unwatched

LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "scikit-learn")
ARTIFACT, SYSTEM, POOL, STORE = "artifact", "system.json", "shots.json", "answers.sqlite"
EMBEDDER, CROSS_ENCODER = "embedding model", "cross-encoder"


@dataclass(frozen=True)
class Asked:
    """What was asked of a run, with what a rerun needs; `retrieval` holds what task.yaml said of it, `parts` the hashes of
    what answers depend on, by what a person calls it. `others`: the models that this one is compared with."""

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
    parts: Mapping[str, str] = field(default_factory=dict)
    others: tuple["Named", ...] = ()

    def named(self, model: str) -> "Named":
        """What is recorded of the model of that name; of the first where it is not among the others."""
        first = Named(self.model, self.endpoint, self.model_fingerprint, self.parts)
        return next((one for one in self.others if one.model == model), first)


@dataclass(frozen=True)
class Named:
    """A model by its name and, where it is one, as an endpoint, with the hashes of what its answers depend on."""

    model: str
    endpoint: Address | None
    fingerprint: str
    parts: Mapping[str, str]


def named(model: LocalModel | Endpoint, parts: Mapping[str, str]) -> Named:
    """What is recorded of a model."""
    return Named(model.name, model.address if isinstance(model, Endpoint) else None, model.fingerprint, parts)


def asked(task: Task, settings: Settings, models: Sequence[Named]) -> Asked:
    """The record of what is asked of a run of these models, by the command under way."""
    model, *others = models
    return Asked(
        name=task.name,
        folder=str(task.folder),
        description=task.description,
        instruction=task.instruction,
        metric=task.metric,
        labels=task.labels,
        model=model.model,
        endpoint=model.endpoint,
        model_fingerprint=model.fingerprint,
        seed=settings.seed,
        command=" ".join(["advisor", *sys.argv[1:]]),
        versions={name: version(name) for name in ("advisor", *LIBRARIES)},
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        fingerprint=task.fingerprint,
        left_out=task.left_out,
        abstain=task.abstain,
        retrieval=task.retrieval.model_dump(exclude_defaults=True),
        flags={"path": settings.path, "budget": str(settings.budget)},
        parts=model.parts,
        others=tuple(others),
    )


def parts_of(model: Model | None, embedder: Embedder | None, reader: Reranker | None) -> dict[str, str]:
    """The hashes of what answers depend on, by what a person calls it."""
    hashes = dict(parts(model)) if model else {}
    hashes |= {EMBEDDER: embedder.fingerprint} if embedder else {}
    return hashes | ({CROSS_ENCODER: own} if (own := fingerprint(reader)) else {})


def gathered(runtime: Runtime, system: Buildable) -> Buildable:
    """Gather what a person takes away in `artifact/` of the run folder; the system that names it there."""
    with runfolder.whole_folder(runtime.folder / ARTIFACT) as folder:
        if isinstance(system, Classifier):
            shutil.copyfile(runfolder.within(runtime.folder, system.head), folder / "head.npz")
            system = replace(system, head=f"{ARTIFACT}/head.npz")
        else:
            if system.model.adapter:
                shutil.copytree(runfolder.within(runtime.folder, system.model.adapter), folder / "adapter")
                system = replace(system, model=replace(system.model, adapter=f"{ARTIFACT}/adapter"))
            if system.context.kind != "none":
                runtime.finder.save(folder)
            if system.shots.kind == "similar":
                pool = tuple(Shot(example.input, example.output) for example in runtime.pool)
                runfolder.write(folder / POOL, tuple[Shot, ...], pool)
        runfolder.write(folder / SYSTEM, Buildable, system)
    return system


@dataclass(frozen=True)
class Built:
    """A system that a run built, loaded back: `predict` takes texts or examples."""

    system: Buildable
    runtime: Runtime
    asked: Asked

    def predict(self, inputs: Sequence[str | Example]) -> list[Prediction]:
        """What the system gives for each input, in their order."""
        examples = [Example(str(i), one, "") if isinstance(one, str) else one for i, one in enumerate(inputs, 1)]
        return self.runtime.predict(self.system, [self._as_learned(example) for example in examples], keep=False)

    def _as_learned(self, example: Example) -> Example:
        """The example without the system turns that became the task's instruction, which the system says already."""
        first = list(takewhile(lambda turn: turn.role == "system", example.turns))
        for n in range(1, len(first) + 1):
            if "\n\n".join(turn.text.strip() for turn in first[:n]) == self.asked.instruction:
                return replace(example, turns=example.turns[n:])
        return example


def _retrieval(record: Asked, folder: Path) -> Retrieval:
    """How documents are searched, as the record says it. Raises InputError."""
    try:
        return Retrieval.model_validate(dict(record.retrieval))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(one.place)} {one.what}" for one in complaints(error))
        raise InputError(Problem(told, folder / "task.json", field="retrieval", do=runfolder.AGAIN)) from None


def load(run: str | Path, watch: Watch = unwatched, settings: Settings | None = None) -> Built:
    """The system built in a run folder. Of the settings, `yes` and the caps of `budget` hold for an endpoint.

    Raises InputError when there is none, CannotError, which names what has changed, when it does not fit its base.
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
    own = record.named(system.model.name if isinstance(system, System) else "")
    model = model_named(own.endpoint or own.model)
    if isinstance(system, System):
        if isinstance(model, Endpoint):
            check_prices(model.address, settings)
            model = bound(model, folder, settings, counted=False)
            model.agree(model.address)
        if system.context.kind != "none":
            agree_to_index(how, settings)
    embedder = LazyEmbedder(how.embedder, runs)
    finds = isinstance(system, System) and system.context.kind != "none"
    reader = reranker(how.rerank if finds else "", model)
    embeds = (
        (finds and not (artifact / FITTED).is_dir()) or not isinstance(system, System) or system.shots.kind == "similar"
    )
    uses = parts_of(model if isinstance(system, System) else None, embedder if embeds else None, reader)
    _check_parts(own, how, uses)
    finder = of_artifact(artifact, how, embedder, reader, watch)
    pool = tuple(Example(str(i), shot.input, shot.output) for i, shot in enumerate(shots))
    return Built(system, Runtime(model, folder, Store(runs / STORE), embedder, finder, pool, watch=watch), record)


def _check_parts(record: Named, how: Retrieval, now: Mapping[str, str]) -> None:
    """Raises CannotError where what a run was built on is not what it was."""
    named = {EMBEDDER: how.embedder, CROSS_ENCODER: how.rerank}
    changed = [
        f"the {name} {named[name]}" if name in named else f"the {name} of {record.model}"
        for name, own in now.items()
        if record.parts.get(name) != own
    ]
    if changed:
        raise CannotError(f"what this run was built on has changed since: {', '.join(changed)}; run it again")
