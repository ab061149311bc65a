"""One pass of a model over many rows without padding: their tokens stand one after another, what they share comes once.

Every layer but attention sees each token exactly once. Attention is replaced, through transformers' attention interface,
by `attention.attend`, which is told which tokens form a row.
Works on token ids; knows nothing of texts, tasks or how tokens are chosen.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel

from trainers.engine import plain
from trainers.engine.attention import attend
from trainers.engine.layout import Packed, Prefix, Slots, Table
from trainers.models import LanguageModel, bare
from trainers.rendering import Ids, Row

IMPLEMENTATION = "packed"


def pack(
    lm: LanguageModel,
    rows: Sequence[Ids],
    shared: Ids = (),
    prefix: Prefix | None = None,
    slots: Slots | None = None,
    first: int = 0,
) -> tuple[Tensor, Tensor, Packed]:
    """Token ids (1, n), positions (1, n) and the layout of a pass over `rows` behind `shared` or an earlier `prefix`."""
    device = lm.model.device
    ids = np.fromiter(itertools.chain(shared, *rows), dtype=np.int64)
    packed, positions = Packed(len(shared), prefix=prefix), np.arange(len(shared))
    if rows:
        table, place = _table(rows, slots, first, device)
        packed = Packed(len(shared), table, prefix)
        positions = np.concatenate([positions, packed.behind + place])
    return torch.from_numpy(ids)[None].to(device), torch.from_numpy(positions)[None].to(device), packed


def _table(
    rows: Sequence[Ids], slots: Slots | None, first: int, device: torch.device
) -> tuple[Table, NDArray[np.int64]]:
    """The table of the rows' tokens, and each token's place in its row."""
    lengths = np.array([len(row) for row in rows])
    before = np.array(slots.past[first : first + len(rows)] if slots else [0] * len(rows))
    offset = np.arange(lengths.max())
    real = offset < lengths[:, None]
    place = (before[:, None] + offset)[real]
    arrays = {
        "index": (np.cumsum(lengths) - lengths)[:, None] + np.minimum(offset, lengths[:, None] - 1),
        "cell": np.flatnonzero(real),
        "before": before,
        "owner": np.repeat(np.arange(first, first + len(rows)), lengths),
        "place": place,
    }
    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    width = int((before + lengths).max())
    return Table(**tensors, width=width, goes_on=bool(before.any()), first=first, slots=slots), place


def run(lm: LanguageModel, ids: Tensor, positions: Tensor, packed: Packed, keep: Tensor) -> Tensor:
    """The logits (len(keep), vocabulary) at the places `keep` of a packed pass."""
    with _attending(bare(lm.model)):
        out = lm.model(input_ids=ids, position_ids=positions, use_cache=False, packed=packed, logits_to_keep=keep)
    logits: Tensor = out.logits
    return logits.flatten(0, 1)


def prefixed(lm: LanguageModel, shared: Ids) -> Prefix:
    """The keys and values of tokens that rows share; each model's last ones are kept, for one request after another."""
    key = lm.adapter, shared, tuple((id(weight), weight._version) for weight in lm.model.parameters())
    known, prefix = _LAST.get(bare(lm.model), (None, Prefix()))
    if known == key:
        return prefix
    prefix = Prefix()
    if shared:
        with torch.inference_mode():
            run(lm, *pack(lm, [], shared, prefix), torch.tensor([len(shared) - 1], device=lm.model.device))
        prefix.length = len(shared)
        _LAST[bare(lm.model)] = key, prefix
    return prefix


def forget(lm: LanguageModel) -> None:
    """Drop what is kept of a model whose adapter goes: the next one may lie where this one lay."""
    _LAST.pop(bare(lm.model), None)


_LAST: WeakKeyDictionary[PreTrainedModel, tuple[object, Prefix]] = WeakKeyDictionary()


def extend(
    lm: LanguageModel,
    rows: Sequence[Ids],
    prefix: Prefix,
    slots: Slots,
    first: int = 0,
    asked: Sequence[int] | None = None,
) -> Tensor:
    """Run more tokens of the rows in slots `first`, first + 1, ... (new slots at the end are taken into use).

    asked: behind how many of its last tokens each row's logits are wanted, by default one. Returns (sum(asked), vocabulary).
    """
    slots.past += [0] * (first + len(rows) - len(slots.past))
    ids, positions, packed = pack(lm, rows, (), prefix, slots, first)
    ends = itertools.accumulate(map(len, rows))
    keep = [
        place for end, count in zip(ends, asked or [1] * len(rows), strict=True) for place in range(end - count, end)
    ]
    with torch.inference_mode():
        logits = run(lm, ids, positions, packed, torch.tensor(keep, device=lm.model.device))
    for i, row in enumerate(rows, first):
        slots.past[i] += len(row)
    return logits


def packs(lm: LanguageModel) -> bool:
    """Whether packed passes give this model's own logits. Tried on a few tokens, once for each model: nothing that a model
    says of itself tells for sure."""
    model = bare(lm.model)
    if model not in _TRIED:
        _TRIED[model] = _agrees(lm)
    return _TRIED[model]


_TRIED: WeakKeyDictionary[PreTrainedModel, bool] = WeakKeyDictionary()


def _agrees(lm: LanguageModel) -> bool:
    shared, own = tuple(range(3, 19)), tuple(range(19, 59))
    rows = [Row(shared, own), Row(shared, own[::-2])]
    try:
        with torch.inference_mode():
            wanted = torch.cat([plain.logits(lm, row, len(row.own)) for row in rows]).float()
            ids, positions, packed = pack(lm, [row.own for row in rows], rows[0].shared)
            given = run(lm, ids, positions, packed, torch.arange(len(shared), ids.shape[1], device=ids.device)).float()
    except (TypeError, ValueError, AttributeError, KeyError, NotImplementedError, RuntimeError):
        return False  # how a model that works otherwise fails is its own
    noise = 1e-3 if lm.model.dtype == torch.float32 else 5e-2
    return bool((given - wanted).abs().mean() < noise * wanted.std())


@contextlib.contextmanager
def _attending(model: PreTrainedModel) -> Iterator[None]:
    """Let the model attend through `attend` inside the block."""
    AttentionInterface.register(IMPLEMENTATION, attend)
    before = model.config._attn_implementation
    model.config._attn_implementation = IMPLEMENTATION
    try:
        yield
    finally:
        model.config._attn_implementation = before
