"""Prompting, RAG or fine-tuning? Measures the answer on a task, builds it and proves the gain.

    import advisor

    advisor.recommend({"output_kind": "json", "train_examples": 2000}).leading
    task = advisor.load_task("examples/restaurant-booking")
    advisor.profile(task).findings
    advisor.run(task).gain
    advisor.load("runs/restaurant-booking-3f9c12ab").predict(["A table for two at eight"])

Importing it is quick: what needs a model is imported when a name that needs it is first asked for.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from advisor.errors import AdvisorError, CannotError, InputError, OutsideError, Problem

if TYPE_CHECKING:
    from advisor.data.profiling import Profile
    from advisor.data.reading import load_task
    from advisor.decide.recommendation import Recommendation
    from advisor.measure.diagnosis import Diagnosis
    from advisor.measure.proof import Result
    from advisor.runtime.built import load
    from advisor.runtime.settings import Settings
    from advisor.system import System
    from advisor.task import Task

__all__ = [
    "AdvisorError",
    "CannotError",
    "InputError",
    "OutsideError",
    "Problem",
    "Recommendation",
    "Settings",
    "System",
    "Task",
    "diagnose",
    "load",
    "load_task",
    "profile",
    "recommend",
    "run",
]
_HOMES = {
    "Recommendation": "decide.recommendation",
    "Settings": "runtime.settings",
    "System": "system",
    "Task": "task",
    "load": "runtime.built",
    "load_task": "data.reading",
}


def profile(task: "Task", settings: "Settings | None" = None) -> "Profile":
    """What the data of a task says, and what is wrong with it."""
    from advisor.flow import Run

    return Run(task, settings).profile


def diagnose(task: "Task", settings: "Settings | None" = None) -> "Diagnosis | None":
    """What probes measure on a task; None with too few examples. Raises InputError where consent is missing."""
    from advisor.flow import Run

    run = Run(task, settings)
    run.agree()
    return run.diagnosis


def recommend(what: "Task | Mapping[str, Any]", settings: "Settings | None" = None) -> "Recommendation":
    """The recommendation for a task, measured, or from answers alone. Raises InputError naming every answer that can't be
    read, or where consent is missing."""
    if isinstance(what, Mapping):
        from advisor.answers import parse
        from advisor.decide.recommendation import recommend as decide
        from advisor.decide.rules import load_rules

        return decide(parse(what), {}, load_rules())
    from advisor.flow import Run

    run = Run(what, settings)
    if run.measurable:
        run.agree()
    return run.recommendation


def run(task: "Task", settings: "Settings | None" = None) -> "Result":
    """All steps: what the sealed test says of the system that was built; the run folder holds the rest."""
    from advisor.flow import Run, follow

    going = Run(task, settings)
    follow(going)
    return going.proof


if not TYPE_CHECKING:  # so that a name which is not there stays an error to mypy

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
