"""Prompting, RAG or fine-tuning? Measures the answer on a task, builds it and proves the gain.

    import advisor

    advisor.recommend({"output_kind": "json", "train_examples": 2000}).leading
    advisor.load("runs/restaurant-booking-3f9c12ab").predict(["A table for two at eight"])

Importing it is quick: torch is loaded when a model is first needed.
"""

from typing import TYPE_CHECKING, Any

from advisor.errors import AdvisorError, CannotError, InputError, OutsideError, Problem

if TYPE_CHECKING:
    from advisor.decide.recommendation import Recommendation
    from advisor.runtime.built import load
    from advisor.system import System

__all__ = [
    "AdvisorError",
    "CannotError",
    "InputError",
    "OutsideError",
    "Problem",
    "Recommendation",
    "System",
    "load",
    "recommend",
]


def recommend(answers: dict[str, Any]) -> "Recommendation":
    """The recommendation from answers alone. Raises InputError naming every answer that can't be read."""
    from advisor import answers as answering
    from advisor.decide import recommendation, rules

    return recommendation.recommend(answering.parse(answers, "answers"), {}, rules.load())


def __getattr__(name: str) -> Any:
    from importlib import import_module

    homes = {"load": "runtime.built", "Recommendation": "decide.recommendation", "System": "system"}
    if name in homes:
        return getattr(import_module(f"advisor.{homes[name]}"), name)
    raise AttributeError(f"module 'advisor' has no attribute {name!r}")
