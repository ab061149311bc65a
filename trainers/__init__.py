"""Everything that touches weights or a chat template: load, render, generate, tune; alone as a library.

Importing it is quick: torch is loaded when a model is.
"""

from trainers.constraints import Constraint
from trainers.estimates import Cost, Speed, measure, tuning_cost
from trainers.forgetting import divergence
from trainers.generation import Generation, Writer, generate
from trainers.head import Head, file_hash, fit_head, load_head
from trainers.labels import choose, likelihoods, probabilities
from trainers.models import LanguageModel, ModelMissing, adapted, load, locate
from trainers.preflight import preflight, template_fault
from trainers.rendering import Row, Turn, render
from trainers.several import fit_sets
from trainers.tuning import Progress, Tuned, TuneSettings, tune

__all__ = [
    "Constraint",
    "Cost",
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
    "Writer",
    "adapted",
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
    "tuning_cost",
]
