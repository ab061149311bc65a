"""The sides of the training benchmark: our loop, TRL's, and the plain passes that bound them. Each is given a pipe.

A side prepares, trains the steps that it is asked for (`Clock`), and after the last of them says what became of it.

TRL's setting was chosen beforehand, by the processor's seconds for a step of snips_json on two cores: 16 rows at once
under autocast with padding 11.1; 8 at once 12.1, 4 at once 12.3; without autocast 15.0; padding-free 34.8 (without flash
attention its mask is as long as the whole batch on both sides). Of TRL's versions it is the newest that computes logits
at the labels only where there is no Triton: 1.15 fails there, 1.16 computes them at every position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import trainers
from benchmarks.workers import Clock, peak_memory
from benchmarks.workload import BATCH, MODEL, Conversation, rows
from trainers.schedule import decays, planned, rate
from trainers.tuning import lora

Batch = Sequence[trainers.Row]

SETTINGS = trainers.TuneSettings(epochs=1, batch=BATCH, evaluations=1)


@dataclass(frozen=True)
class Job:
    """What every side trains on, in our loop's order, and where its adapter goes."""

    conversations: Sequence[Conversation]
    folder: Path

    def batches(self, lm: trainers.LanguageModel) -> list[Batch]:
        """The rows of each optimizer step."""
        rendered = rows(lm, self.conversations)
        return [[rendered[i] for i in step] for step in planned(rendered, SETTINGS)]


def ours(pipe: Connection, job: Job) -> None:
    """Our loop."""
    lm = trainers.load(MODEL)
    clock = Clock(pipe)
    rendered, folder = rows(lm, job.conversations), job.folder / "ours"
    tuned = trainers.tune(lm, rendered, lambda _: 0.0, SETTINGS, folder, lambda _: clock.step())
    pipe.send({"losses": tuned.losses, "memory": peak_memory(), "adapter": tuned.folder})


def trl(pipe: Connection, job: Job) -> None:
    """TRL's SFTTrainer, with our batches, schedule and LoRA configuration."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Trainer(SFTTrainer):
        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.optimizer, lambda step: rate(step, num_training_steps, decays(num_training_steps))
            )
            return self.lr_scheduler

    class Steps(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            clock.step()

    lm = trainers.load(MODEL)
    ordered = [row for batch in job.batches(lm) for row in batch]
    data = {
        "input_ids": [[*row.shared, *row.own, *row.target] for row in ordered],
        "completion_mask": [[0] * (row.tokens - len(row.target)) + [1] * len(row.target) for row in ordered],
    }
    config = SFTConfig(
        output_dir=str(job.folder / "trl"),
        per_device_train_batch_size=BATCH,
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        learning_rate=SETTINGS.learning_rate,
        weight_decay=0.0,
        max_grad_norm=1.0,
        gradient_checkpointing=False,
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        completion_only_loss=True,
        max_length=None,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    torch.manual_seed(SETTINGS.seed)
    trainer = Trainer(
        lm.model,
        config,
        train_dataset=Dataset.from_dict(data),
        processing_class=lm.tokenizer,
        peft_config=lora(SETTINGS),
    )
    trainer.add_callback(Steps())
    clock = Clock(pipe)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    memory = peak_memory()
    trainer.model.save_pretrained(job.folder / "trl")
    pipe.send({"losses": losses, "memory": memory, "adapter": job.folder / "trl"})


def limit(pipe: Connection, job: Job) -> None:
    """Forward and backward of the frozen base over plain batches of the tokens that every step has to compute."""
    lm = trainers.load(MODEL)
    batches = job.batches(lm)
    clock = Clock(pipe)
    for batch in batches:
        _plain(lm.model, batch)
        clock.step()
    pipe.send({"losses": [], "memory": peak_memory(), "adapter": None})


def needed(batch: Batch) -> tuple[list[int], int]:
    """The tokens that a step has to compute (what rows share once, own and target of every row); how many have a label."""
    shared = dict.fromkeys(row.shared for row in batch)
    tokens = [token for part in (*shared, *(row.own + row.target for row in batch)) for token in part]
    return tokens, sum(len(row.target) for row in batch)


def _plain(model: Any, batch: Batch) -> None:
    """The tokens as rows of one length, gradients up to the embeddings' output, logits at the labels only."""
    import torch

    tokens, labels = needed(batch)
    length, labelled = len(tokens) // BATCH, round(labels / BATCH)
    ids = torch.tensor(tokens[: length * BATCH], device=model.device).view(BATCH, length)
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    hidden = model.base_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden[:, -labelled - 1 : -1])
    torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, -labelled:].flatten()).backward()
