"""Everything that touches weights or a chat template: load, render, generate, tune; alone as a library.

Importing it is quick: torch is loaded when a model is.
"""

from trainers.estimates import Speed, measure
from trainers.forgetting import divergence
from trainers.generation import Constraint, Generation, generate
from trainers.head import Head, file_hash, fit_head, load_head
from trainers.models import LanguageModel, ModelMissing, adapted, load, locate
from trainers.rendering import Row, Turn, render
from trainers.tuning import Progress, Tuned, TuneSettings, too_long, tune

__all__ = [
    "Constraint",
    "Generation",
    "Head",
    "LanguageModel",
    "ModelMissing",
    "Progress",
    "Row",
    "Speed",
    "TuneSettings",
    "Tuned",
    "Turn",
    "adapted",
    "divergence",
    "file_hash",
    "fit_head",
    "generate",
    "load",
    "load_head",
    "locate",
    "measure",
    "render",
    "too_long",
    "tune",
]
