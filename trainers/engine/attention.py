"""Attention of a packed pass: a token sees the prefix that all rows share and the earlier tokens of its own row.

Called by transformers' attention interface in place of a model's own. Knows which tokens form a row, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.engine.packing import Packed

LONG = 512  # tokens of a row in one pass, from which its table of scores would take too much memory
SCORES = 1 << 19  # made at once: what a core's cache holds
BLOCK = 128  # tokens of each row whose scores are made at once; those of later tokens need not be made for them
# A score of what may not be seen; finite, so that a row which sees nothing of a part has weights all the same.
NEVER = -1e30

# First and last token asked for, how many of their row's keys they may see, the masks over those and over the prefix.
Block = tuple[int, int, int, Any, Any]


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
        start = (query[:, :, :shared], key[:, :, :shared], value[:, :, :shared])
        parts.append(_one_row(packed, *start, scaling, sliding_window))
        if packed.prefix and packed.index is None:
            packed.prefix.layers[module.layer_idx] = key[0].contiguous(), value[0].contiguous()
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


def _one_row(packed: Packed, query: Any, key: Any, value: Any, scaling: float, window: int | None) -> Any:
    """Causal attention of the last tokens of one row to all of it: (m, heads, d). By torch's own kernel, whose way back is
    slow on a CPU."""
    import torch

    heads, m, d = query.shape[1:]
    length = key.shape[2]
    place = torch.arange(length - m, length, device=key.device)[None]
    if query.requires_grad and query.device.type == "cpu":
        grouped = (query * scaling).reshape(1, key.shape[1], -1, m, d)
        found = _weighed(grouped, key, value, _blocks(packed, place, length, window, grouped, steps=True))
        return found.reshape(heads, m, d).transpose(0, 1)
    plain = length == m and not (window and length > window)
    mask = None if plain else ~_hidden(place, length, window)
    found = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=plain, scale=scaling, enable_gqa=True
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
        found.append(_one_row(packed, q, k, v, scaling, window))
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
        key, value = (packed.spread(x).transpose(1, 2) for x in (key, value))
    (b, kv), t, heads = key.shape[:2], packed.index.shape[1], query.shape[1]
    query = (packed.spread(query).to(key.dtype) * scaling).view(b, t, kv, heads // kv, -1).permute(0, 2, 3, 1, 4)
    place = packed.before[:, None] + torch.arange(t, device=key.device)
    blocks = _blocks(packed, place, key.shape[2], window, query, steps=not packed.goes_on)
    out = _weighed(query, key, value, blocks, prefix)
    return packed.collect(out.permute(0, 3, 1, 2, 4).reshape(b, t, heads, -1))


def _weighed(query: Any, key: Any, value: Any, blocks: Sequence[Block], prefix: Any = None) -> Any:
    """Attention of query (b, kv heads, group, t, d) to key and value (b, kv heads, l, d) and to a prefix's (kv heads, p, d),
    block by block: (b, kv heads, group, t, d)."""
    from trainers.engine.operations import Attend

    b, kv, group, _, d = query.shape
    behind = prefix[0].shape[1] if prefix else 0
    found = []
    for start, end, width, mask, prefix_mask in blocks:
        asked = query[:, :, :, start:end].reshape(b, kv, -1, d)
        size = max(1, SCORES // (kv * asked.shape[2] * (width + behind)))  # rows at once
        pieces = [x.split(size) for x in (asked, key[:, :, :width], value[:, :, :width], mask)]
        masks = prefix_mask.split(size * asked.shape[2], 1) if prefix_mask is not None else [None] * len(pieces[0])
        outs = [
            Attend.apply(*piece, *(prefix or (None, None)), hidden)
            for *piece, hidden in zip(*pieces, masks, strict=True)
        ]
        found.append(_joined(outs, 0).view(b, kv, group, -1, d))
    return _joined(found, 3)


def _joined(parts: Sequence[Any], dimension: int) -> Any:
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dimension)


def _blocks(packed: Packed, place: Any, width: int, window: int | None, like: Any, steps: bool) -> list[Block]:
    """The blocks in which tokens at `place` (b, t) of their rows look at `width` keys; with `steps`, where every row's keys
    end with its last token asked for. The same for every layer with the same window, so made once a pass."""
    key = (window, tuple(place.shape), width, like.dtype)
    blocks: list[Block] = packed.masks.setdefault(key, [])
    if not blocks:
        t, group = place.shape[1], like.shape[2]
        size = BLOCK if steps else t
        for start in range(0, t, size):
            end = min(t, start + size)
            seen = width - t + end if steps else width
            asked, before = place[:, start:end], None
            if window and packed.behind and packed.index is not None:
                hidden = _hidden(asked + packed.behind, packed.behind, window)
                before = _added(hidden, group, like).flatten(0, 1)
            mask = _added(_hidden(asked, seen, window), group, like)[:, None]
            blocks.append((start, end, seen, mask, before))
    return blocks


def _hidden(place: Any, width: int, window: int | None) -> Any:
    """Which of `width` keys tokens at `place` (...) may not see: what comes after them or lies outside the window."""
    import torch

    column, place = torch.arange(width, device=place.device), place[..., None]
    return (column > place) | (column <= place - window) if window else column > place


def _added(hidden: Any, group: int, like: Any) -> Any:
    """What is added to scores where `hidden` (b, t, l): (b, group * t, l)."""
    import torch

    zeros = torch.zeros(hidden.shape, device=like.device, dtype=like.dtype)
    return zeros.masked_fill(hidden, NEVER).repeat(1, group, 1)


def exact(x: Any) -> Any:
    """Keys and values as they are kept: in float32 on a CPU, where attention in 16 bits would make more texts differ."""
    return x.float() if x.device.type == "cpu" else x
