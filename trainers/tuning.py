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
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from trainers.checkpoints import Checkpoints, State
from trainers.engine import plain
from trainers.engine.layers import fused
from trainers.engine.operations import CrossEntropy
from trainers.engine.packing import forget, pack, packs, run
from trainers.faults import preflight
from trainers.loading import folder_hash, quiet, take_off
from trainers.models import LanguageModel
from trainers.rendering import Row
from trainers.schedule import Progress, Tuned, TuneSettings, computed, decays, ended, evaluated, passes, planned, rate


def tune(
    lm: LanguageModel,
    rows: Sequence[Row],
    evaluate: Callable[[LanguageModel], float],
    settings: TuneSettings,
    folder: Path,
    on_step: Callable[[Progress], None] = lambda progress: None,
    trunk: Path | None = None,
) -> Tuned:
    """Tune on `rows`; the weights at the end, once the rate has fallen, are kept in `folder/adapter`, as peft writes them, or with
    `full` in `folder/model`, as transformers does. `evaluate` (higher is better) says when more steps gain no more.

    A checkpoint is written at every evaluation and every half minute; an interrupted call goes on from it, to the same
    end. One of other rows, settings or base is not taken up. What a tuning was before its rate fell is left in the file
    `trunk`; one that begins with the same steps goes on from there as if it had made them, without their ratings. The base model is left as it
    was. Raises ValueError when there are no rows or one of them cannot be learned from (`preflight`).
    """
    if not rows or (faults := preflight(lm, rows)):
        raise ValueError(f"rows that cannot be trained on: {faults if rows else 'there are none'}")
    with torch.random.fork_rng(), _trainable(lm, settings) as tuned, fused(tuned.model):
        return _loop(tuned, rows, evaluate, settings, folder, on_step, trunk)


@contextlib.contextmanager
def _trainable(lm: LanguageModel, settings: TuneSettings) -> Iterator[LanguageModel]:
    """The model with weights that can be trained; without dropout, so that a resumed run repeats every step."""
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
        take_off(model)


def lora(settings: TuneSettings) -> LoraConfig:
    """The adapter's configuration, as peft takes it."""
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
    trunk: Path | None,
) -> Tuned:
    plan = [[rows[i] for i in step] for step in planned(rows, settings)]
    marks = evaluated(settings, len(plan))
    weights = {name: parameter for name, parameter in lm.model.named_parameters() if parameter.requires_grad}
    optimizer = _optimizer(weights, settings)
    keeper = Checkpoints(folder, _key(lm, rows, asdict(settings)), weights, optimizer)

    def way(step: int) -> str:
        """What leads to a step of the trunk."""
        return _key(lm, [row for batch in plan[:step] for row in batch], _same(settings))

    state = keeper.restore(State(decays(len(plan)), len(plan)))
    if trunk and not state.step:
        state = keeper.go_on(trunk, way, state)
    while state.step < state.end:
        if trunk and state.step == state.since:
            keeper.branch(trunk, way(state.step), state)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(state.step, state.end, state.since)
        loss, tokens = _step(lm, plan[state.step], optimizer, list(weights.values()))
        state.step, state.tokens = state.step + 1, state.tokens + tokens
        state.losses.append(loss)
        score = None
        if state.step == state.end or (state.step in marks and state.step <= state.since):
            score = evaluate(replace(lm, adapter=f"step {state.step}"))
            better = not state.scores or score > state.best
            state.stale = 0 if better else state.stale + 1
            state.scores.append((state.step, score))
            if state.stale >= settings.patience and state.step < state.since:
                state.since, state.end = state.step, min(state.end, ended(state.step))
        if score is not None or keeper.due:
            keeper.write(state)
        on_step(Progress(state.step, state.end, loss, score))
    _save(lm, kept := folder / ("model" if settings.full else "adapter"))
    return Tuned(kept, folder_hash(kept), tuple(state.scores), tuple(state.losses), state.tokens)


def _same(settings: TuneSettings) -> dict[str, object]:
    """What of the settings makes a difference before the rate falls, but for the rows and their order."""
    return {
        name: value for name, value in asdict(settings).items() if name not in ("epochs", "evaluations", "patience")
    }


def _optimizer(weights: Mapping[str, nn.Parameter], settings: TuneSettings) -> Optimizer:
    """AdamW (no weight decay on norms and biases)."""
    groups = [
        {"params": [w for w in weights.values() if (w.ndim > 1) == matrices], "weight_decay": decay}
        for matrices, decay in ((True, settings.weight_decay), (False, 0.0))
    ]
    return AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, fused=True)


def _key(lm: LanguageModel, rows: Sequence[Row], settings: Mapping[str, object]) -> str:
    """What a checkpoint belongs to."""
    told = [lm.fingerprint, str(lm.model.dtype), settings, [(row.shared, row.own, row.target) for row in rows]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _step(
    lm: LanguageModel, batch: Sequence[Row], optimizer: Optimizer, weights: Sequence[nn.Parameter]
) -> tuple[float, int]:
    """One optimizer step: the mean loss in nats per target token before it, and the tokens computed."""
    targets = sum(len(row.target) for row in batch)
    total, tokens = 0.0, 0
    for together in passes(batch):
        loss = loss_sum(lm, together) / targets
        loss.backward()
        total += float(loss.detach())
        tokens += computed(together)
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    torch.autograd.graph.increment_version(weights)  # fused AdamW does not, and what is kept of weights goes by it
    optimizer.zero_grad(set_to_none=True)
    return total, tokens


def loss_sum(lm: LanguageModel, together: Sequence[Row]) -> Tensor:
    """The summed negative log-likelihood of the targets (a scalar, nats) of rows that share one prefix."""
    if not packs(lm):
        return plain.loss_sum(lm, together)
    shared = together[0].shared
    # The last token of a target predicts nothing, and the first is predicted by the token before it.
    ids, positions, packed = pack(lm, [(row.own + row.target)[:-1] for row in together], shared)
    places: list[int] = []
    end = len(shared)
    for row in together:
        end += len(row.own) + len(row.target) - 1
        places += range(end - len(row.target), end)
    wanted = torch.tensor([token for row in together for token in row.target], device=ids.device)
    loss: Tensor = CrossEntropy.apply(run(lm, ids, positions, packed, torch.tensor(places, device=ids.device)), wanted)
    return loss


def _save(lm: LanguageModel, folder: Path) -> None:
    """Write the weights beside the old ones, then swap, so that a kill leaves whole ones."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    if folder.name == "model":
        copy.deepcopy(lm.model).bfloat16().save_pretrained(str(fresh))
        lm.tokenizer.save_pretrained(fresh)
    else:
        _save_adapter(lm, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _save_adapter(lm: LanguageModel, folder: Path) -> None:
    with quiet():
        lm.model.save_pretrained(str(folder))
    config = json.loads((folder / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])  # peft's set: another order in every process
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    (folder / "README.md").unlink(missing_ok=True)
