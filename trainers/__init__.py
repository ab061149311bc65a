"""Everything that touches weights or a chat template: load, render, generate, tune; alone as a library.

Importing it is quick: each name is loaded with its module when it is first asked for, and torch with those that need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.constraints import Constraint
    from trainers.embedding import EmbeddingSettings, Pair, tune_embedding
    from trainers.estimates import Cost, Speed, tuning_cost
    from trainers.faults import preflight, template_fault
    from trainers.forgetting import divergence
    from trainers.generation import Generation, Writer, generate
    from trainers.head import Head, file_hash, fit_head, load_head
    from trainers.labels import choose, likelihoods, probabilities
    from trainers.loading import adapted, load
    from trainers.models import LanguageModel, ModelMissing, ask_hub, locate
    from trainers.rendering import Row, Turn, render
    from trainers.schedule import Progress, Tuned, TuneSettings
    from trainers.several import fit_sets
    from trainers.timing import measure
    from trainers.tuning import tune

__all__ = [
    "Constraint",
    "Cost",
    "EmbeddingSettings",
    "Generation",
    "Head",
    "LanguageModel",
    "ModelMissing",
    "Pair",
    "Progress",
    "Row",
    "Speed",
    "TuneSettings",
    "Tuned",
    "Turn",
    "Writer",
    "adapted",
    "ask_hub",
    "choose",
    "divergence",
    "file_hash",
    "fit_head",
    "fit_sets",
    "generate",
    "likelihoods",
    "load",
    "load_head",
    "locate",
    "measure",
    "preflight",
    "probabilities",
    "render",
    "template_fault",
    "tune",
    "tune_embedding",
    "tuning_cost",
]

_HOMES = {
    "constraints": ("Constraint",),
    "embedding": ("EmbeddingSettings", "Pair", "tune_embedding"),
    "estimates": ("Cost", "Speed", "tuning_cost"),
    "faults": ("preflight", "template_fault"),
    "forgetting": ("divergence",),
    "generation": ("Generation", "Writer", "generate"),
    "head": ("Head", "file_hash", "fit_head", "load_head"),
    "labels": ("choose", "likelihoods", "probabilities"),
    "loading": ("adapted", "load"),
    "models": ("LanguageModel", "ModelMissing", "ask_hub", "locate"),
    "rendering": ("Row", "Turn", "render"),
    "schedule": ("Progress", "TuneSettings", "Tuned"),
    "several": ("fit_sets",),
    "timing": ("measure",),
    "tuning": ("tune",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:  # so that a name which is not there stays an error to mypy

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
