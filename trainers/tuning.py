"""Tuning on token rows: a LoRA adapter, or all weights. Knows nothing of tasks or metrics: it is handed rows and a callback
that rates the model.

The rows of a batch are run as one packed pass: what they share is computed once, with gradients on, and attended to by
every row. Attention is causal, so loss and gradients are those of the plain batch.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainers.checkpoints import Checkpoints
from trainers.engine import plain
from trainers.engine.layers import fused
from trainers.engine.packing import forget, pack, packs, run
from trainers.models import LanguageModel, folder_hash, quiet
from trainers.preflight import preflight
from trainers.rendering import Row

WARM_UP = 0.1  # share of the steps
PASS_TOKENS = 8_192  # of a batch run at once, which bounds the memory of activations; a larger batch is run in pieces


@dataclass(frozen=True)
class TuneSettings:
    """How to tune. `evaluations` are spread evenly; after `patience` of them without a better score tuning stops.

    Rank, alpha = 2 * rank and "every linear layer" follow Hu et al. 2021 (arXiv 2106.09685) and Dettmers et al. 2023
    (arXiv 2305.14314). `full` tunes all weights instead of an adapter: in float32, for small models, and with a learning
    rate a tenth or less of an adapter's.
    """

    epochs: int = 2
    batch: int = 16
    rank: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    evaluations: int = 4
    patience: int = 2
    seed: int = 0
    full: bool = False


@dataclass(frozen=True)
class Progress:
    """Where tuning stands, after each optimizer step."""

    step: int
    steps: int
    loss: float
    score: float | None


@dataclass(frozen=True)
class Tuned:
    """The adapter's (or model's) folder, its hash, and how tuning went: `scores` holds (step, score) pairs, best at `best`."""

    folder: Path
    fingerprint: str
    best: int
    scores: tuple[tuple[int, float], ...]
    losses: tuple[float, ...]
    tokens: int


def tune(
    lm: LanguageModel,
    rows: Sequence[Row],
    evaluate: Callable[[LanguageModel], float],
    settings: TuneSettings,
    folder: Path,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Tuned:
    """Tune on `rows`; the weights that `evaluate` (higher is better) rates best are kept in `folder/adapter`, as peft
    writes them, or with `full` in `folder/model`, as transformers does.

    A checkpoint is written at every evaluation and every half minute; an interrupted call goes on from it, to the same
    end. One of other rows, settings or base is not taken up. The base model is left as it was. Raises ValueError when
    there are no rows or one of them cannot be learned from (`preflight`).
    """
    if not rows or (faults := preflight(lm, rows)):
        raise ValueError(f"rows that cannot be trained on: {faults if rows else 'there are none'}")
    import torch

    with torch.random.fork_rng(), _trainable(lm, settings) as tuned, fused(tuned.model):
        return _loop(tuned, rows, evaluate, settings, folder, on_step)


@contextlib.contextmanager
def _trainable(lm: LanguageModel, settings: TuneSettings) -> Iterator[LanguageModel]:
    """The model with weights that can be trained; without dropout, so that a resumed run repeats every step."""
    import torch
    from peft import get_peft_model

    torch.manual_seed(settings.seed)
    if settings.full:
        yield replace(lm, model=copy.deepcopy(lm.model).float().requires_grad_(True).eval())
        return
    with quiet():
        model = get_peft_model(lm.model, lora(settings)).eval()
    try:
        yield replace(lm, model=model)
    finally:
        forget(lm)
        model.unload()
        if hasattr(lm.model, "peft_config"):
            del lm.model.peft_config


def lora(settings: TuneSettings) -> Any:
    """The adapter's configuration, as peft takes it."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        lora_dropout=0.0,
    )


def _loop(
    lm: LanguageModel,
    rows: Sequence[Row],
    evaluate: Callable[[LanguageModel], float],
    settings: TuneSettings,
    folder: Path,
    on_step: Callable[[Progress], None],
) -> Tuned:
    plan = list(planned(rows, settings))
    marks = {round(len(plan) * (i + 1) / settings.evaluations) for i in range(settings.evaluations)} - {0}
    weights = {name: parameter for name, parameter in lm.model.named_parameters() if parameter.requires_grad}
    optimizer, schedule = _optimizer(weights, settings, len(plan))
    keeper = Checkpoints(folder, _key(lm, rows, settings), weights, optimizer, schedule, _kept(folder, settings))
    state = keeper.restore()
    while state.step < len(plan) and state.stale < settings.patience:
        loss, tokens = _step(lm, [rows[i] for i in plan[state.step]], optimizer, list(weights.values()))
        schedule.step()
        state.step, state.tokens = state.step + 1, state.tokens + tokens
        state.losses.append(loss)
        score = None
        if state.step in marks:
            score = evaluate(replace(lm, adapter=f"step {state.step}"))
            better = not state.scores or score > state.best[1]
            state.stale = 0 if better else state.stale + 1
            state.scores.append((state.step, score))
            if better:
                _save(lm, keeper.kept)
        if score is not None or keeper.due:
            keeper.write(state)
        on_step(Progress(state.step, len(plan), loss, score))
    return Tuned(
        keeper.kept,
        folder_hash(keeper.kept),
        state.best[0],
        tuple(state.scores),
        tuple(state.losses),
        state.tokens,
    )


def _kept(folder: Path, settings: TuneSettings) -> Path:
    return folder / ("model" if settings.full else "adapter")


def _optimizer(weights: dict[str, Any], settings: TuneSettings, steps: int) -> tuple[Any, Any]:
    """AdamW (no weight decay on norms and biases) and the schedule of its learning rate."""
    import torch

    groups = [
        {"params": [w for w in weights.values() if (w.ndim > 1) == matrices], "weight_decay": decay}
        for matrices, decay in ((True, settings.weight_decay), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))


def _key(lm: LanguageModel, rows: Sequence[Row], settings: TuneSettings) -> str:
    """What a checkpoint belongs to."""
    told = [lm.fingerprint, str(lm.model.dtype), asdict(settings), [(row.shared, row.own, row.target) for row in rows]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def planned(rows: Sequence[Row], settings: TuneSettings) -> Iterator[list[int]]:
    """The rows of each optimizer step: shuffled by epoch, then put together by length within windows of batches."""
    for epoch in range(settings.epochs):
        generator = random.Random(f"{settings.seed}:{epoch}")
        order = list(range(len(rows)))
        generator.shuffle(order)
        window = settings.batch * 8
        steps = []
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=lambda i: (rows[i].shared, len(rows[i].own), i))
            steps += [near[i : i + settings.batch] for i in range(0, len(near), settings.batch)]
        generator.shuffle(steps)
        yield from steps


def rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    warm = max(1, round(steps * WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _step(lm: LanguageModel, batch: Sequence[Row], optimizer: Any, weights: Sequence[Any]) -> tuple[float, int]:
    """One optimizer step: the mean loss in nats per target token before it, and the tokens computed."""
    import torch

    targets = sum(len(row.target) for row in batch)
    total, tokens = 0.0, 0
    for group in groups(batch):
        loss = loss_sum(lm, group) / targets
        loss.backward()
        total += float(loss.detach())
        tokens += computed(group)
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    torch.autograd.graph.increment_version(weights)  # fused AdamW does not, and what is kept of weights goes by it
    optimizer.zero_grad(set_to_none=True)
    return total, tokens


def computed(group: Sequence[Row]) -> int:
    """How many tokens a pass over rows with the same shared part computes."""
    return len(group[0].shared) + sum(len(row.own) + len(row.target) for row in group)


def groups(batch: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows with the same shared part, in pieces that fit memory."""
    group: list[Row] = []
    for row in sorted(batch, key=lambda row: (row.shared, row.tokens)):
        if group and (row.shared != group[0].shared or computed([*group, row]) > PASS_TOKENS):
            yield group
            group = []
        group.append(row)
    yield group


def loss_sum(lm: LanguageModel, group: Sequence[Row]) -> Any:
    """The summed negative log-likelihood of the targets (a scalar tensor, nats) of rows that share one prefix."""
    import torch

    from trainers.engine.operations import CrossEntropy

    if not packs(lm):
        return plain.loss_sum(lm, group)
    shared = group[0].shared
    # The last token of a target predicts nothing, and the first is predicted by the token before it.
    ids, positions, packed = pack(lm, [(row.own + row.target)[:-1] for row in group], shared)
    places: list[int] = []
    end = len(shared)
    for row in group:
        end += len(row.own) + len(row.target) - 1
        places += range(end - len(row.target), end)
    wanted = torch.tensor([token for row in group for token in row.target], device=ids.device)
    return CrossEntropy.apply(run(lm, ids, positions, packed, torch.tensor(places, device=ids.device)), wanted)


def _save(lm: LanguageModel, folder: Path) -> None:
    """Write the weights beside the old ones, then swap, so that a kill leaves whole ones."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    if folder.name == "model":
        copy.deepcopy(lm.model).bfloat16().save_pretrained(fresh)
        lm.tokenizer.save_pretrained(fresh)
    else:
        _save_adapter(lm, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _save_adapter(lm: LanguageModel, folder: Path) -> None:
    with quiet():
        lm.model.save_pretrained(folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])  # peft's set: another order in every process
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    (folder / "README.md").unlink(missing_ok=True)
