"""LoRA tuning on token rows. Knows nothing of tasks or metrics: it is handed rows and a callback that rates the model.

What the rows of a batch share is run once per batch, with gradients on, and attended to by every row. Attention is
causal, so loss and gradients are those of the plain batch.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainers.models import LanguageModel, folder_hash, quiet
from trainers.rendering import Row

WARM_UP = 0.1  # share of the steps


@dataclass(frozen=True)
class TuneSettings:
    """How to tune. `evaluations` are spread evenly; after `patience` of them without a better score tuning stops.

    Rank, alpha = 2 * rank and "every linear layer" follow Hu et al. 2021 (arXiv 2106.09685) and Dettmers et al. 2023
    (arXiv 2305.14314).
    """

    epochs: int = 2
    batch: int = 16
    rank: int = 16
    learning_rate: float = 1e-3
    evaluations: int = 4
    patience: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Where tuning stands, after each optimizer step."""

    step: int
    steps: int
    loss: float
    score: float | None


@dataclass(frozen=True)
class Tuned:
    """The adapter folder written, its hash, and how tuning went: `scores` holds (step, score) pairs, best at `best`."""

    folder: Path
    fingerprint: str
    best: int
    scores: tuple[tuple[int, float], ...]
    losses: tuple[float, ...]
    tokens: int


@dataclass
class _State:
    """What a checkpoint holds beside weights and optimizer."""

    step: int = 0
    tokens: int = 0
    stale: int = 0
    scores: list[tuple[int, float]] | None = None
    losses: list[float] | None = None


def too_long(lm: LanguageModel, rows: Sequence[Row]) -> list[int]:
    """Which rows do not fit the model's context, or have nothing to learn from."""
    return [i for i, row in enumerate(rows) if row.tokens > lm.context or not row.target]


def tune(
    lm: LanguageModel,
    rows: Sequence[Row],
    evaluate: Callable[[LanguageModel], float],
    settings: TuneSettings,
    folder: Path,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Tuned:
    """Tune a LoRA adapter on `rows`; the one that `evaluate` (higher is better) rates best is kept in `folder/adapter`.

    A checkpoint is written at every evaluation and an interrupted call goes on from it, to the same end; one of other
    rows, settings or base is not taken up. The base model is left as it was. Raises ValueError when there are no rows
    or one of them does not fit (`too_long`).
    """
    if not rows or too_long(lm, rows):
        raise ValueError(f"rows that cannot be trained on: {too_long(lm, rows) or 'there are none'}")
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        lora_dropout=0.0,
    )
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = get_peft_model(lm.model, config).eval()  # no dropout of the base's: a resumed run repeats every step
    try:
        return _loop(replace(lm, model=model), rows, evaluate, settings, folder, on_step)
    finally:
        model.unload()
        if hasattr(lm.model, "peft_config"):
            del lm.model.peft_config


def _loop(
    lm: LanguageModel,
    rows: Sequence[Row],
    evaluate: Callable[[LanguageModel], float],
    settings: TuneSettings,
    folder: Path,
    on_step: Callable[[Progress], None],
) -> Tuned:
    import torch

    plan = list(_plan(rows, settings))
    marks = {round(len(plan) * (i + 1) / settings.evaluations) for i in range(settings.evaluations)} - {0}
    weights = [parameter for parameter in lm.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, len(plan)))
    key = _key(lm, rows, settings)
    state = _restore(lm, optimizer, schedule, folder, key)
    scores, losses = state.scores or [], state.losses or []
    while state.step < len(plan) and state.stale < settings.patience:
        batch = [rows[i] for i in plan[state.step]]
        losses.append(_step(lm, batch, optimizer, weights))
        schedule.step()
        state.step += 1
        state.tokens += sum(row.tokens for row in batch)
        score = None
        if state.step in marks:
            score = evaluate(replace(lm, adapter=f"step {state.step}"))
            if not scores or score > max(s for _, s in scores):
                state.stale = 0
                _save_adapter(lm, folder / "adapter")
            else:
                state.stale += 1
            scores.append((state.step, score))
            state.scores, state.losses = scores, losses
            _checkpoint(lm, optimizer, schedule, state, folder, key)
        on_step(Progress(state.step, len(plan), losses[-1], score))
    best = max(scores, key=lambda pair: (pair[1], -pair[0]))[0]
    adapter = folder / "adapter"
    return Tuned(adapter, folder_hash(adapter), best, tuple(scores), tuple(losses), state.tokens)


def _key(lm: LanguageModel, rows: Sequence[Row], settings: TuneSettings) -> str:
    """What a checkpoint belongs to."""
    told = [lm.fingerprint, str(lm.model.dtype), asdict(settings), [(row.shared, row.own, row.target) for row in rows]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _plan(rows: Sequence[Row], settings: TuneSettings) -> Iterator[list[int]]:
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


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    warm = max(1, round(steps * WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _step(lm: LanguageModel, batch: Sequence[Row], optimizer: Any, weights: Sequence[Any]) -> float:
    import torch

    targets = sum(len(row.target) for row in batch)
    total = 0.0
    for group in _groups(batch):
        loss = loss_sum(lm, group) / targets
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


MICRO_TOKENS = 6_144  # own and target tokens run at once, padding included: bounds the memory of activations


def _groups(batch: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows with the same shared part, in pieces that fit memory."""
    group: list[Row] = []
    widest = 0
    for row in sorted(batch, key=lambda row: (row.shared, row.tokens)):
        width = max(widest, row.tokens - len(row.shared))
        if group and (row.shared != group[0].shared or width * (len(group) + 1) > MICRO_TOKENS):
            yield group
            group, width = [], row.tokens - len(row.shared)
        group.append(row)
        widest = width
    yield group


def loss_sum(lm: LanguageModel, group: Sequence[Row]) -> Any:
    """The summed negative log-likelihood of the targets (a scalar tensor, nats) of rows that share one prefix.

    Own parts are padded on the left and targets on the right, so that the logits wanted are the last ones of every row.
    """
    import torch
    from transformers import DynamicCache

    device, pad = lm.model.device, lm.tokenizer.pad_token_id
    shared, count = group[0].shared, len(group)
    cache = None
    if shared:
        cache = DynamicCache(config=lm.model.config)
        lm.model(input_ids=torch.tensor([shared], device=device), cache=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(count)
    left, right = max(len(row.own) for row in group), max(len(row.target) for row in group)
    ids, mask, labels = [], [], []
    for row in group:
        before, after = left - len(row.own), right - len(row.target)
        ids.append([pad] * before + list(row.own) + list(row.target) + [pad] * after)
        mask.append([1] * len(shared) + [0] * before + [1] * (len(row.own) + len(row.target)) + [0] * after)
        labels.append(list(row.target) + [-100] * after)
    attention = torch.tensor(mask, device=device)
    positions = (attention.cumsum(1) - 1).clamp(min=0)[:, len(shared) :]
    logits = lm.model(
        input_ids=torch.tensor(ids, device=device),
        attention_mask=attention,
        position_ids=positions,
        cache=cache,
        use_cache=cache is not None,
        logits_to_keep=right + 1,
    ).logits[:, :-1]
    wanted = torch.tensor(labels, device=device)
    kept = wanted != -100
    return torch.nn.functional.cross_entropy(logits[kept].float(), wanted[kept], reduction="sum")


def _save_adapter(lm: LanguageModel, folder: Path) -> None:
    """Write the adapter beside the old one, then swap, so that a kill leaves a whole one."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    with quiet():
        lm.model.save_pretrained(fresh)
    config = json.loads((fresh / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])  # peft's set: another order in every process
    (fresh / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    (fresh / "README.md").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _checkpoint(lm: LanguageModel, optimizer: Any, schedule: Any, state: _State, folder: Path, key: str) -> None:
    import torch
    from peft import get_peft_model_state_dict

    partial = folder / "checkpoint.partial"
    best = {path.name: path.read_bytes() for path in (folder / "adapter").glob("adapter_*")}
    torch.save(
        {
            "key": key,
            "adapter": get_peft_model_state_dict(lm.model),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "state": json.dumps(asdict(state)),
            "best": best,
        },
        partial,
    )
    partial.replace(folder / "checkpoint.pt")


def _restore(lm: LanguageModel, optimizer: Any, schedule: Any, folder: Path, key: str) -> _State:
    """The state of the last checkpoint, weights and optimizer put back, or a fresh one."""
    import torch
    from peft import set_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "checkpoint.pt").is_file():
        return _State()
    saved = torch.load(folder / "checkpoint.pt", map_location=lm.model.device, weights_only=True)
    if saved.get("key") != key:
        return _State()
    set_peft_model_state_dict(lm.model, saved["adapter"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    adapter = folder / "adapter"  # what was best at the checkpoint: a kill after it may have left another
    shutil.rmtree(adapter, ignore_errors=True)
    adapter.mkdir()
    for name, content in saved["best"].items():
        (adapter / name).write_bytes(content)
    state = _State(**json.loads(saved["state"]))
    state.scores = [(int(step), float(score)) for step, score in state.scores or []]
    return state
