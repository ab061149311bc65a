"""Tuning an embedding model on questions and the texts that answer them: folder in, folder out.

Knows nothing of documents or search: whoever calls mines the hard negatives, and decides whether the result is kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.nn import Module
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from trainers.loading import quiet
from trainers.schedule import WARM_UP, Progress

KEY = "key.json"  # says what the folder's checkpoints and model were tuned on
# A model is data. Its own files could otherwise ask sentence-transformers for pickles that run code, or for foreign kernels.
SAFELY: dict[str, Any] = {
    "trust_remote_code": False,
    "model_kwargs": {"weights_only": True, "allow_all_kernels": False, "use_kernels": False},
}


@dataclass(frozen=True)
class Pair:
    """A question, a text that answers it, and texts that look right but do not (as many in every pair)."""

    question: str
    text: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class EmbeddingSettings:
    """How to tune. Every question of a batch is set against all of its texts and negatives, so that a larger batch teaches
    more: Henderson et al., "Efficient Natural Language Response Suggestion for Smart Reply" (2017, arXiv 1705.00652).

    share: of the tuned weights in their mean with those before, which is what is given back: it found as much or more for
        new questions than the tuned ones (Xiao et al., "LM-Cocktail: Resilient Tuning of Language Models via Model
        Merging", 2023, arXiv 2311.13534).
    """

    epochs: int = 2
    batch: int = 32
    learning_rate: float = 5e-5
    share: float = 0.5
    seed: int = 0


def tune_embedding(
    model: str,
    pairs: Sequence[Pair],
    folder: Path,
    settings: EmbeddingSettings | None = None,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Tune the sentence-transformers `model` (a folder or hub id); gives `folder/model`, which loads like the first.

    A finished one is given back as it is, and an interrupted call goes on from its last epoch; with other pairs or
    settings it starts over. Raises ValueError without two pairs, or where the numbers of negatives differ.
    """
    settings = settings or EmbeddingSettings()
    if len(pairs) < 2 or len({len(pair.negatives) for pair in pairs}) > 1:
        raise ValueError("two pairs at least, each with as many negatives as the others, are needed to tune on")
    done = folder / "model"
    if _taken_up(folder, _key(model, pairs, settings)) and done.is_dir():
        return done
    with quiet(), torch.random.fork_rng():  # the trainer seeds the whole process
        trained = _train(model, pairs, folder / "checkpoints", settings, on_step)
        partial = folder / ".model"
        shutil.rmtree(partial, ignore_errors=True)
        trained.save(str(partial), create_model_card=False)
    partial.replace(done)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return done


def _key(model: str, pairs: Sequence[Pair], settings: EmbeddingSettings) -> str:
    told = json.dumps([model, asdict(settings), [asdict(pair) for pair in pairs]])
    return hashlib.sha256(told.encode()).hexdigest()


def _taken_up(folder: Path, key: str) -> bool:
    """Whether what lies in `folder` belongs to `key`; what does not is removed."""
    file = folder / KEY
    if file.exists() and file.read_text(encoding="utf-8") == key:
        return True
    for other in ("model", "checkpoints"):
        shutil.rmtree(folder / other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(key, encoding="utf-8")
    return False


def _train(
    name: str,
    pairs: Sequence[Pair],
    checkpoints: Path,
    settings: EmbeddingSettings,
    on_step: Callable[[Progress], None],
) -> SentenceTransformer:
    """The tuned model, in memory."""
    model = SentenceTransformer(name, **SAFELY)
    columns = {"question": [pair.question for pair in pairs], "text": [pair.text for pair in pairs]}
    columns |= {f"negative {n}": [pair.negatives[n] for pair in pairs] for n in range(len(pairs[0].negatives))}
    trainer = _Trainer(
        model,
        _arguments(checkpoints, settings),
        Dataset.from_dict(columns),
        loss=MultipleNegativesRankingLoss(model),
        callbacks=[_Told(on_step)],
    )
    trainer.remove_callback(PrinterCallback)
    begun = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    trainer.train(resume_from_checkpoint=begun)
    before = SentenceTransformer(name, device=str(model.device), **SAFELY).state_dict()
    for part, weights in model.state_dict().items():
        if weights.is_floating_point():
            weights.lerp_(before[part], 1 - settings.share)
    return model


class _Trainer(SentenceTransformerTrainer):
    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Gather nothing for a model card: it takes time, and shows a progress bar of its own."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Module | None = None) -> None:
        """Read a checkpoint as any other model, not as one to be trusted: who made it is not known."""
        (model or self.model).load_state_dict(SentenceTransformer(resume_from_checkpoint, **SAFELY).state_dict())


def _arguments(checkpoints: Path, settings: EmbeddingSettings) -> SentenceTransformerTrainingArguments:
    on_gpu = torch.cuda.is_available()
    return SentenceTransformerTrainingArguments(
        str(checkpoints),
        use_cpu=not on_gpu,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.learning_rate,
        warmup_steps=WARM_UP,
        batch_sampler=BatchSamplers.NO_DUPLICATES,  # a text that answers two questions of a batch is no negative
        bf16=on_gpu or torch.cpu._is_avx512_bf16_supported(),
        save_strategy="epoch",
        save_total_limit=1,
        logging_steps=1,
        seed=settings.seed,
        report_to="none",
        disable_tqdm=True,
    )


class _Told(TrainerCallback):
    """Tells `on_step` where the trainer stands."""

    def __init__(self, on_step: Callable[[Progress], None]) -> None:
        self._on_step = on_step

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        if "loss" in more["logs"]:
            self._on_step(Progress(state.global_step, state.max_steps, more["logs"]["loss"], None))
