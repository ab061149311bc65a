"""One pass of a model over many rows without padding: their tokens stand one after another, what they share comes once.

Every layer but attention sees each token exactly once. Attention is replaced, through transformers' attention interface,
by `attend`, which knows which tokens form a row: a token sees the shared prefix and the earlier tokens of its own row.
Works on token ids; knows nothing of texts, tasks or how tokens are chosen.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from trainers import plain
from trainers.models import LanguageModel, bare
from trainers.rendering import Ids, Row

IMPLEMENTATION = "packed"
LONG = 512  # tokens of a row in one pass, from which its table of scores would take too much memory
NEVER = (
    -1e30
)  # a score of what may not be seen; finite, so that a row which sees nothing of a part has weights all the same


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
    of each row lie, padding pointing at the last one, `real` (b, t) which are no padding (None: all). `prefix` is what an
    earlier pass kept, or, in a pass without rows, what this one keeps. With `slots` the rows go on where slots `first`,
    first + 1, ... stand: `before` (b,) is how many tokens they hold, `owner` and `place` (n,) say where each token of the
    pass goes, `width` is how many tokens the longest row then has, `goes_on` whether any row has tokens before.
    """

    shared: int = 0
    index: Any = None
    real: Any = None
    before: Any = None
    owner: Any = None
    place: Any = None
    width: int = 0
    goes_on: bool = False
    first: int = 0
    prefix: Prefix | None = None
    slots: Slots | None = None
    masks: dict[int | None, Any] = field(default_factory=dict)

    @property
    def behind(self) -> int:
        """How many tokens of a prefix stand before each row."""
        return self.shared or (self.prefix.length if self.prefix else 0)


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
        arrays = {"index": index, "before": before, "owner": owner, "place": place}
        arrays |= {} if real.all() else {"real": real}
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
    return out.logits[0]


def prefixed(lm: LanguageModel, shared: Ids) -> Prefix:
    """The keys and values of tokens that rows share."""
    import torch

    prefix = Prefix()
    if shared:
        with torch.inference_mode():
            run(lm, *pack(lm, [], shared, prefix), torch.tensor([len(shared) - 1], device=lm.model.device))
        prefix.length = len(shared)
    return prefix


def extend(
    lm: LanguageModel, rows: Sequence[Ids], prefix: Prefix, slots: Slots, first: int = 0, every: bool = False
) -> Any:
    """Run more tokens of the rows in slots `first`, first + 1, ... (new slots at the end are taken into use).

    Returns the logits (rows, vocabulary) behind each row's last token, or with `every` (n, vocabulary) behind each.
    """
    import torch

    slots.past += [0] * (first + len(rows) - len(slots.past))
    ids, positions, packed = pack(lm, rows, (), prefix, slots, first)
    ends = list(itertools.accumulate(map(len, rows)))
    keep = torch.arange(ids.shape[1]) if every else torch.tensor(ends) - 1
    with torch.inference_mode():
        logits = run(lm, ids, positions, packed, keep.to(lm.model.device))
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


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    packed: Packed,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **more: Any,
) -> tuple[Any, None]:
    """Attention of a packed pass, called by transformers' attention interface.

    query (1, heads, n, d), key and value (1, kv heads, n, d) hold the tokens of the pass. Returns (1, n, heads, d).
    Raises NotImplementedError for what some models do to scores besides.
    """
    import torch

    if unknown := [name for name in ("softcap", "s_aux", "position_bias") if more.get(name) is not None]:
        raise NotImplementedError(f"attention with {unknown[0]}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    shared, parts = packed.shared, []
    if shared:
        start = [x[:, :, :shared] for x in (query, key, value)]
        parts.append(_one_row(start[0], start[1], start[2], scaling, sliding_window))
        if packed.prefix and packed.index is None:
            packed.prefix.layers[module.layer_idx] = key[0], value[0]
    if packed.index is not None:
        prefix = (key[0, :, :shared], value[0, :, :shared]) if shared else None
        if packed.prefix and packed.prefix.length:
            prefix = packed.prefix.layers[module.layer_idx]
        query, key, value = (x[0, :, shared:].transpose(0, 1) for x in (query, key, value))
        long = packed.slots is None and packed.index.shape[1] > LONG
        rows = _long_rows if long else _rows
        found = rows(packed, module.layer_idx, query, key, value, prefix, scaling, sliding_window)
        parts.append(found.to(query.dtype))
    return torch.cat(parts)[None], None


def _one_row(query: Any, key: Any, value: Any, scaling: float, window: int | None) -> Any:
    """Causal attention of the last tokens of one row to all of it, by torch's own kernel: (m, heads, d)."""
    import torch

    mask, ahead = None, key.shape[2] - query.shape[2]
    if ahead or (window and key.shape[2] > window):
        place = torch.arange(key.shape[2], device=key.device)
        asked = place[ahead:, None]
        mask = (place <= asked) & (asked - place < (window or len(place)))
    found = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=True
    )
    return found[0].transpose(0, 1)


def _long_rows(
    packed: Packed, layer: int, query: Any, key: Any, value: Any, prefix: Any, scaling: float, window: int | None
) -> Any:
    """As `_rows`, one row after another."""
    import torch

    found = []
    ends = (packed.index.amax(1) + 1).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in (query, key, value))
        if prefix is not None:
            k, v = (torch.cat([before[None].to(x.dtype), x], 2) for before, x in zip(prefix, (k, v), strict=True))
        found.append(_one_row(q, k, v, scaling, window))
    return torch.cat(found)


def _rows(
    packed: Packed, layer: int, query: Any, key: Any, value: Any, prefix: Any, scaling: float, window: int | None
) -> Any:
    """Attention of the rows' (n, heads, d) tokens to the prefix and to their own: (n, heads, d)."""
    import torch

    kept = None if packed.slots is None else packed.slots.append(layer, packed, (key, value))
    if kept and packed.goes_on:
        key, value = kept
    else:
        key, value = (x[packed.index].transpose(1, 2) for x in (key, value))
    (b, kv), t, heads = key.shape[:2], packed.index.shape[1], query.shape[1]
    own_mask, prefix_mask = _masks(packed, window, heads // kv, key)
    query = (query[packed.index].to(key.dtype) * scaling).view(b, t, kv, heads // kv, -1)
    query = query.permute(0, 2, 3, 1, 4).reshape(b, kv, -1, query.shape[-1])  # (b, kv heads, group * t, d)
    out, lse = _attention()(query, key, value, own_mask)
    if prefix is not None:  # every row's queries against one block; the two parts are merged by what each weighs
        queries = query.transpose(0, 1).reshape(1, kv, -1, query.shape[-1])
        seen, lse_seen = _attention()(queries.to(prefix[0].dtype), *(x[None] for x in prefix), prefix_mask)
        seen = seen.view(kv, b, -1, seen.shape[-1]).transpose(0, 1)
        weight = torch.sigmoid(lse_seen.view(kv, b, -1).transpose(0, 1) - lse)[..., None]
        out = out + weight.to(out.dtype) * (seen.to(out.dtype) - out)
    out = out.view(b, kv, heads // kv, t, -1).permute(0, 3, 1, 2, 4).reshape(b, t, heads, -1)
    return out.flatten(0, 1) if packed.real is None else out[packed.real]


def _masks(packed: Packed, window: int | None, group: int, key: Any) -> tuple[Any, Any]:
    """What is added to scores, so that tokens see only what comes before them and lies in the window: for the rows' own
    keys (b, 1, group * t, width), for the prefix (1, 1, b * group * t, tokens) or None where all of it is seen.

    The same for every layer with the same window, so made once a pass.
    """
    import torch

    def added(hidden: Any) -> Any:
        zeros = torch.zeros(hidden.shape, device=key.device)
        return zeros.masked_fill(hidden, NEVER).repeat(1, group, 1)

    if window not in packed.masks:
        place = (packed.before[:, None] + torch.arange(packed.index.shape[1], device=key.device))[..., None]
        column = torch.arange(key.shape[2], device=key.device)
        hidden, first = column > place, None
        if window:
            hidden = hidden | (column <= place - window)
            there = torch.arange(packed.behind, device=key.device)
            first = added(there <= place + packed.behind - window).flatten(0, 1)[None, None]
        packed.masks[window] = added(hidden)[:, None], first
    return packed.masks[window]  # type: ignore[no-any-return]


def exact(x: Any) -> Any:
    """Keys and values as they are kept: in float32 on a CPU, where attention in 16 bits would make more texts differ."""
    return x.float() if x.device.type == "cpu" else x


def _zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of the kind of `like`; on a CPU the memory of those that are never written is never taken."""
    import torch

    if like.device.type == "cpu":
        return torch.from_numpy(np.zeros(shape, np.float32))
    return torch.zeros(shape, dtype=like.dtype, device=like.device)


@cache
def _attention() -> Any:
    """softmax(q k' + mask) v, and the logarithm of the softmax's divisor, over (b, heads, m, d) and (b, heads, l, d)."""
    import torch

    class Attention(torch.autograd.Function):  # type: ignore[misc]
        """One table of weights is kept for going back, where separate operations would keep three."""

        @staticmethod
        def forward(context: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
            scores = (query @ key.transpose(-1, -2)).float()
            if mask is not None:
                scores += mask
            top = scores.amax(-1)
            weights = torch.softmax(scores, -1)
            lse = top - weights.amax(-1).log()  # the largest weight is exp(top - lse)
            weights = weights.to(value.dtype)
            out = weights @ value
            context.save_for_backward(query, key, value, weights, out)
            return out, lse

        @staticmethod
        def backward(context: Any, grad: Any, grad_lse: Any) -> Any:
            query, key, value, weights, out = context.saved_tensors
            scores = (grad @ value.transpose(-1, -2)).float()
            scores -= (grad.float() * out).sum(-1, keepdim=True) - grad_lse[..., None]
            scores = (scores * weights).to(query.dtype)
            return scores @ key, scores.transpose(-1, -2) @ query, weights.transpose(-1, -2) @ grad, None

    return Attention.apply
