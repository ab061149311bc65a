"""A system that a run built, loaded back from its artifact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor import runfolder
from advisor.address import Address
from advisor.errors import CannotError, InputError, Problem
from advisor.models import consent
from advisor.models.endpoint import Endpoint
from advisor.runtime.runtime import Runtime
from advisor.runtime.settings import Settings, agree_to_index, bound, check_prices
from advisor.system import Classifier, Prediction, System, from_json
from advisor.task import Example, Retrieval
from retrieval.watching import Watch, unwatched


@dataclass(frozen=True)
class Built:
    """A system that a run built, loaded back: `predict` takes texts or examples."""

    system: System | Classifier
    runtime: Runtime
    task: Mapping[str, Any]

    def predict(self, inputs: Sequence[str | Example]) -> list[Prediction]:
        """What the system gives for each input, in their order."""
        examples = [Example(str(i), one, "") if isinstance(one, str) else one for i, one in enumerate(inputs, 1)]
        return self.runtime.predict(self.system, examples, keep=False)


def load(run: str | Path, watch: Watch = unwatched, settings: Settings | None = None) -> Built:
    """The system built in a run folder. Of the settings, `yes` and the caps of `budget` hold for an endpoint.

    Raises InputError when there is none, CannotError when it does not fit its base.
    """
    folder = Path(run)
    if not (folder / "artifact" / "system.json").is_file():
        advice = "Give a run folder that `advisor run` finished (its last line names it)"
        raise InputError(Problem("there is no built system here", folder, do=advice))
    try:
        system = from_json(runfolder.read(folder / "artifact" / "system.json"))
        task = runfolder.read(folder / "task.json")
        _ = task["name"], task["model"], task["metric"], task["labels"]
    except (CannotError, LookupError, TypeError) as error:
        what = f"this is no run that this version wrote: {error}"
        raise InputError(Problem(what, folder, do="Run the task again")) from error
    shots = folder / "artifact" / "shots.json"
    pool = [Example(str(i), *pair) for i, pair in enumerate(runfolder.read(shots))] if shots.is_file() else []
    model = Address.model_validate(task["endpoint"]) if task.get("endpoint") else str(task["model"])
    settings, how = settings or Settings(), Retrieval(**task.get("retrieval", {}))
    runtime = Runtime(model, folder, pool, watch=watch, how=how)
    if isinstance(system, System) and runtime.model.fingerprint != system.model.fingerprint:
        raise CannotError(f"the weights of {task['model']} have changed since this run was built; run it again")
    if isinstance(system, System) and isinstance(model, Address):
        check_prices(model, settings)
        consent.require(model, yes=settings.yes, runs=folder.parent)
        runtime.model = bound(Endpoint(model), folder, settings, counted=False)
    if isinstance(system, System) and system.context.kind != "none":
        agree_to_index(how, settings, folder.parent)
    return Built(system, runtime, task)
