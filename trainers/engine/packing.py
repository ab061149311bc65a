"""One pass of a model over many rows without padding: their tokens stand one after another, what they share comes once.

Every layer but attention sees each token exactly once. Attention is replaced, through transformers' attention interface,
by `attention.attend`, which is told which tokens form a row.
Works on token ids; knows nothing of texts, tasks or how tokens are chosen.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from trainers.engine import plain
from trainers.engine.attention import attend, exact
from trainers.models import LanguageModel, bare
from trainers.rendering import Ids, Row

IMPLEMENTATION = "packed"


class Prefix:
    """Keys and values (heads, tokens, d) of each layer for tokens that rows share: kept once, whatever the rows."""

    def __init__(self) -> None:
        self.length = 0
        self.layers: dict[int, tuple[Any, Any]] = {}


class Slots:
    """Keys and values (slots, heads, capacity, d) of each layer for rows' own tokens.

    `past` holds how many tokens of each slot in use count; what lies behind them is overwritten.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        self.shape = (slots, capacity)
        self.past: list[int] = []
        self.layers: dict[int, tuple[Any, Any]] = {}

    def drop(self, slot: int) -> None:
        """Take a row out: the last one moves into its slot."""
        import torch

        last = len(self.past) - 1
        length = self.past[slot] = self.past[last]
        with torch.inference_mode():
            for table in itertools.chain(*self.layers.values()) if slot != last else ():
                table[slot, :, :length] = table[last, :, :length]
        self.past.pop()

    def append(self, layer: int, packed: Packed, new: tuple[Any, Any]) -> tuple[Any, Any]:
        """Write the pass's (n, heads, d) keys and values; all keys and values of its rows."""
        if layer not in self.layers:
            slots, capacity = self.shape
            shapes = [(slots, x.shape[1], capacity, x.shape[2]) for x in new]
            key, value = (_zeros(shape, exact(x)) for shape, x in zip(shapes, new, strict=True))
            self.layers[layer] = key, value
        last = packed.first + len(packed.index)
        found = []
        for table, x in zip(self.layers[layer], new, strict=True):
            table[packed.owner, :, packed.place] = exact(x)
            found.append(table[packed.first : last, :, : packed.width])
        return found[0], found[1]


@dataclass(frozen=True)
class Packed:
    """Which tokens of a pass are whose.

    The first `shared` tokens are a prefix that all rows of the pass see. `index` (b, t) says where behind it the tokens
    of each row lie, padding pointing at the last one, `cell` (n,) where in that table each token stands. `prefix` is what an
    earlier pass kept, or, in a pass without rows, what this one keeps. With `slots` the rows go on where slots `first`,
    first + 1, ... stand: `before` (b,) is how many tokens they hold, `owner` and `place` (n,) say where each token of the
    pass goes, `width` is how many tokens the longest row then has, `goes_on` whether any row has tokens before.
    """

    shared: int = 0
    index: Any = None
    cell: Any = None
    before: Any = None
    owner: Any = None
    place: Any = None
    width: int = 0
    goes_on: bool = False
    first: int = 0
    prefix: Prefix | None = None
    slots: Slots | None = None
    masks: dict[Any, Any] = field(default_factory=dict)

    @property
    def behind(self) -> int:
        """How many tokens of a prefix stand before each row."""
        return self.shared or (self.prefix.length if self.prefix else 0)

    @property
    def padded(self) -> bool:
        """Whether the rows differ in length."""
        return bool(self.index.numel() > len(self.cell))

    def spread(self, tokens: Any) -> Any:
        """The rows' tokens (n, ...) as a table (b, t, ...)."""
        from trainers.engine.operations import Spread

        if self.padded:
            tokens = Spread.apply(tokens, self.index.flatten(), self.cell)
        return tokens.view(*self.index.shape, *tokens.shape[1:])

    def collect(self, table: Any) -> Any:
        """A table (b, t, ...) as the rows' tokens (n, ...)."""
        from trainers.engine.operations import Collect

        return Collect.apply(table.flatten(0, 1), self.cell) if self.padded else table.flatten(0, 1)


def pack(
    lm: LanguageModel,
    rows: Sequence[Ids],
    shared: Ids = (),
    prefix: Prefix | None = None,
    slots: Slots | None = None,
    first: int = 0,
) -> tuple[Any, Any, Packed]:
    """Token ids (1, n), positions (1, n) and the layout of a pass over `rows` behind `shared` or an earlier `prefix`."""
    import torch

    ids = np.fromiter(itertools.chain(shared, *rows), dtype=np.int64)
    packed, positions = Packed(len(shared), prefix=prefix), np.arange(len(shared))
    if rows:
        lengths = np.array([len(row) for row in rows])
        before = np.array(slots.past[first : first + len(rows)] if slots else [0] * len(rows))
        offset = np.arange(lengths.max())
        real = offset < lengths[:, None]
        index = (np.cumsum(lengths) - lengths)[:, None] + np.minimum(offset, lengths[:, None] - 1)
        place = (before[:, None] + offset)[real]
        owner = np.repeat(np.arange(first, first + len(rows)), lengths)
        cell = np.flatnonzero(real)
        arrays = {"index": index, "cell": cell, "before": before, "owner": owner, "place": place}
        tensors = {name: torch.from_numpy(array).to(lm.model.device) for name, array in arrays.items()}
        width = int((before + lengths).max())
        packed = Packed(
            len(shared), **tensors, width=width, goes_on=bool(before.any()), first=first, prefix=prefix, slots=slots
        )
        positions = np.concatenate([positions, packed.behind + place])
    return *(torch.from_numpy(x)[None].to(lm.model.device) for x in (ids, positions)), packed


def run(lm: LanguageModel, ids: Any, positions: Any, packed: Packed, keep: Any) -> Any:
    """The logits (len(keep), vocabulary) at the places `keep` (a tensor) of a packed pass."""
    with _attending(lm.model):
        out = lm.model(input_ids=ids, position_ids=positions, use_cache=False, packed=packed, logits_to_keep=keep)
    return out.logits.flatten(0, 1)


def prefixed(lm: LanguageModel, shared: Ids) -> Prefix:
    """The keys and values of tokens that rows share; each model's last ones are kept, for one request after another."""
    import torch

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


_LAST: WeakKeyDictionary[Any, tuple[Any, Prefix]] = WeakKeyDictionary()


def extend(
    lm: LanguageModel,
    rows: Sequence[Ids],
    prefix: Prefix,
    slots: Slots,
    first: int = 0,
    asked: Sequence[int] | None = None,
) -> Any:
    """Run more tokens of the rows in slots `first`, first + 1, ... (new slots at the end are taken into use).

    asked: behind how many of its last tokens each row's logits are wanted, by default one. Returns (sum(asked), vocabulary).
    """
    import torch

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


_TRIED: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def _agrees(lm: LanguageModel) -> bool:
    import torch

    shared, own = tuple(range(3, 19)), tuple(range(19, 59))
    rows = [Row(shared, own), Row(shared, own[::-2])]
    try:
        with torch.inference_mode():
            wanted = torch.cat([plain.logits(lm, row, len(row.own)) for row in rows]).float()
            ids, positions, packed = pack(lm, [row.own for row in rows], rows[0].shared)
            found = run(lm, ids, positions, packed, torch.arange(len(shared), ids.shape[1], device=ids.device)).float()
    except (TypeError, ValueError, AttributeError, KeyError, NotImplementedError, RuntimeError):
        return False  # how a model that works otherwise fails is its own
    noise = 1e-3 if lm.model.dtype == torch.float32 else 5e-2
    return bool((found - wanted).abs().mean() < noise * wanted.std())


@contextlib.contextmanager
def _attending(model: Any) -> Iterator[None]:
    """Let the model attend through `attend` inside the block."""
    from transformers import AttentionInterface

    AttentionInterface.register(IMPLEMENTATION, attend)
    config = bare(model).config
    before = config._attn_implementation
    config._attn_implementation = IMPLEMENTATION
    try:
        yield
    finally:
        config._attn_implementation = before


def _zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of the kind of `like`; on a CPU the memory of those that are never written is never taken."""
    import torch

    if like.device.type == "cpu":
        return torch.from_numpy(np.zeros(shape, np.float32))
    return torch.zeros(shape, dtype=like.dtype, device=like.device)
