"""Which tokens of a packed pass are whose, and the keys and values that passes leave to later ones.

Knows places and tables; nothing of models, or of how attention is computed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from trainers.engine.operations import Collect, Spread

KeysValues = tuple[Tensor, Tensor]
# First and last token asked for, how many of their row's keys they may see, the masks over those and over the prefix.
Block = tuple[int, int, int, Tensor, Tensor | None]


class Prefix:
    """Keys and values (heads, tokens, d) of each layer for tokens that rows share: kept once, whatever the rows."""

    def __init__(self) -> None:
        self.length = 0
        self.layers: dict[int, KeysValues] = {}


class Slots:
    """Keys and values (slots, heads, capacity, d) of each layer for rows' own tokens.

    `past` holds how many tokens of each slot in use count; what lies behind them is overwritten.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        self.shape = (slots, capacity)
        self.past: list[int] = []
        self.layers: dict[int, KeysValues] = {}

    def drop(self, slot: int) -> None:
        """Take a row out: the last one moves into its slot."""
        last = len(self.past) - 1
        length = self.past[slot] = self.past[last]
        with torch.inference_mode():
            for kept in itertools.chain(*self.layers.values()) if slot != last else ():
                kept[slot, :, :length] = kept[last, :, :length]
        self.past.pop()

    def append(self, layer: int, table: Table, key: Tensor, value: Tensor) -> KeysValues:
        """Write the pass's (n, heads, d) keys and values; all keys and values (b, heads, width, d) of its rows."""
        if layer not in self.layers:
            self.layers[layer] = self._empty(key), self._empty(value)
        keys, values = self.layers[layer]
        keys[table.owner, :, table.place] = _as_kept(key)
        values[table.owner, :, table.place] = _as_kept(value)
        running = slice(table.first, table.first + len(table.index))
        return keys[running, :, : table.width], values[running, :, : table.width]

    def _empty(self, like: Tensor) -> Tensor:
        """Zeros for all slots, of the kind in which (n, heads, d) keys or values are kept; on a CPU the memory of those that
        are never written is never taken."""
        slots, capacity = self.shape
        shape, like = (slots, like.shape[1], capacity, like.shape[2]), _as_kept(like)
        if like.device.type == "cpu":
            return torch.from_numpy(np.zeros(shape, np.float32))
        return torch.zeros(shape, dtype=like.dtype, device=like.device)


def _as_kept(x: Tensor) -> Tensor:
    """Keys and values as they are kept: in float32 on a CPU, where attention in 16 bits would make more texts differ."""
    return x.float() if x.device.type == "cpu" else x


@dataclass(frozen=True)
class Table:
    """The rows' tokens of a pass as a table (b, t).

    `index` (b, t) says where among the rows' n tokens each cell's lies, padding pointing at the last one of its row, `cell`
    (n,) in which cell each token stands. `before` (b,) is how many tokens of the rows were run before, `owner` and `place`
    (n,) say of which slot and at which place of its row each token is, `width` is how many tokens the longest row then
    has, `goes_on` whether any row has tokens before. With `slots` the rows are those in slots `first`, first + 1, ...
    """

    index: Tensor
    cell: Tensor
    before: Tensor
    owner: Tensor
    place: Tensor
    width: int
    goes_on: bool
    first: int = 0
    slots: Slots | None = None

    @property
    def padded(self) -> bool:
        """Whether the rows differ in length."""
        return self.index.numel() > len(self.cell)

    def spread(self, tokens: Tensor) -> Tensor:
        """The rows' tokens (n, ...) as a table (b, t, ...)."""
        if self.padded:
            tokens = Spread.apply(tokens, self.index.flatten(), self.cell)
        return tokens.view(*self.index.shape, *tokens.shape[1:])

    def collect(self, cells: Tensor) -> Tensor:
        """A table (b, t, ...) as the rows' tokens (n, ...)."""
        flat = cells.flatten(0, 1)
        return Collect.apply(flat, self.cell) if self.padded else flat


@dataclass(frozen=True)
class Packed:
    """Which tokens of a pass are whose.

    The first `shared` tokens are a prefix that all rows of the pass see; the others are those of `table`. `prefix` is what
    an earlier pass kept, or, in a pass without rows, what this one keeps. `masks` are made once for all layers.
    """

    shared: int = 0
    table: Table | None = None
    prefix: Prefix | None = None
    masks: dict[tuple[object, ...], list[Block]] = field(default_factory=dict)

    @property
    def behind(self) -> int:
        """How many tokens of a prefix stand before each row."""
        return self.shared or (self.prefix.length if self.prefix else 0)
