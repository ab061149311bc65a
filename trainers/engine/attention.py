"""Attention of a packed pass: a token sees the prefix that all rows share and the earlier tokens of its own row.

Called by transformers' attention interface in place of a model's own. Knows which tokens form a row, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainers.engine.layout import Block, KeysValues, Packed, Table
from trainers.engine.operations import Attend

LONG = 512  # tokens of a row in one pass, from which its table of scores would take too much memory
SCORES = 1 << 19  # made at once: what a core's cache holds
BLOCK = 128  # tokens of each row whose scores are made at once; those of later tokens need not be made for them
# A score of what may not be seen; finite, so that a row which sees nothing of a part has weights all the same.
NEVER = -1e30

QKV = tuple[Tensor, Tensor, Tensor]  # query, key and value


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packed: Packed,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention of a packed pass, called by transformers' attention interface.

    query (1, heads, n, d), key and value (1, kv heads, n, d) hold the tokens of the pass. Returns (1, n, heads, d).
    Raises NotImplementedError for what some models do to scores besides.
    """
    if unknown := [name for name in ("softcap", "s_aux", "position_bias") if more.get(name) is not None]:
        raise NotImplementedError(f"attention with {unknown[0]}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer: int = module.layer_idx  # type: ignore[assignment]  # transformers numbers its attention modules
    shared, table, parts = packed.shared, packed.table, []
    if shared:
        start = query[:, :, :shared], key[:, :, :shared], value[:, :, :shared]
        parts.append(_one_row(packed, start, scaling, sliding_window))
        if packed.prefix and table is None:
            packed.prefix.layers[layer] = key[0].contiguous(), value[0].contiguous()
    if table is not None:
        prefix = (key[0, :, :shared], value[0, :, :shared]) if shared else None
        if packed.prefix and packed.prefix.length:
            prefix = packed.prefix.layers[layer]
        q, k, v = (x[0, :, shared:].transpose(0, 1) for x in (query, key, value))
        long = table.slots is None and table.index.shape[1] > LONG
        rows = _long_rows if long else _rows
        parts.append(rows(packed, table, layer, (q, k, v), prefix, scaling, sliding_window).to(query.dtype))
    return torch.cat(parts)[None], None


def _one_row(packed: Packed, qkv: QKV, scaling: float, window: int | None) -> Tensor:
    """Causal attention of the last tokens of one row to all of it: (m, heads, d). By torch's own kernel, whose way back is
    slow on a CPU."""
    query, key, value = qkv
    heads, m, d = query.shape[1:]
    length = key.shape[2]
    place = torch.arange(length - m, length, device=key.device)[None]
    if query.requires_grad and query.device.type == "cpu":
        grouped = (query * scaling).reshape(1, key.shape[1], -1, m, d)
        attended = _weighed(grouped, key, value, _blocks(packed, place, length, window, grouped, steps=True))
        return attended.reshape(heads, m, d).transpose(0, 1)
    plain = length == m and not (window and length > window)
    mask = None if plain else ~_hidden(place, length, window)
    attended = nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=plain, scale=scaling, enable_gqa=True
    )
    return attended[0].transpose(0, 1)


def _long_rows(
    packed: Packed,
    table: Table,
    layer: int,
    qkv: QKV,
    prefix: KeysValues | None,
    scaling: float,
    window: int | None,
) -> Tensor:
    """As `_rows`, one row after another."""
    rows = []
    ends = (table.index.amax(1) + 1).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in qkv)
        if prefix is not None:
            k, v = (torch.cat([before[None].to(x.dtype), x], 2) for before, x in zip(prefix, (k, v), strict=True))
        rows.append(_one_row(packed, (q, k, v), scaling, window))
    return torch.cat(rows)


def _rows(
    packed: Packed,
    table: Table,
    layer: int,
    qkv: QKV,
    prefix: KeysValues | None,
    scaling: float,
    window: int | None,
) -> Tensor:
    """Attention of the rows' (n, heads, d) tokens to the prefix and to their own: (n, heads, d)."""
    query, key, value = qkv
    kept = None if table.slots is None else table.slots.append(layer, table, key, value)
    if kept and table.goes_on:
        key, value = kept
    else:
        key, value = (table.spread(x).transpose(1, 2) for x in (key, value))
    (b, kv), t, heads = key.shape[:2], table.index.shape[1], query.shape[1]
    query = (table.spread(query).to(key.dtype) * scaling).view(b, t, kv, heads // kv, -1).permute(0, 2, 3, 1, 4)
    place = table.before[:, None] + torch.arange(t, device=key.device)
    blocks = _blocks(packed, place, key.shape[2], window, query, steps=not table.goes_on)
    out = _weighed(query, key, value, blocks, prefix)
    return table.collect(out.permute(0, 3, 1, 2, 4).reshape(b, t, heads, -1))


def _weighed(
    query: Tensor, key: Tensor, value: Tensor, blocks: Sequence[Block], prefix: KeysValues | None = None
) -> Tensor:
    """Attention of query (b, kv heads, group, t, d) to key and value (b, kv heads, l, d) and to a prefix's (kv heads, p, d),
    block by block: (b, kv heads, group, t, d)."""
    b, kv, group, _, d = query.shape
    behind = prefix[0].shape[1] if prefix else 0
    done = []
    for start, end, width, mask, prefix_mask in blocks:
        asked = query[:, :, :, start:end].reshape(b, kv, -1, d)
        size = max(1, SCORES // (kv * asked.shape[2] * (width + behind)))  # rows at once
        pieces = [x.split(size) for x in (asked, key[:, :, :width], value[:, :, :width], mask)]
        masks = prefix_mask.split(size * asked.shape[2], 1) if prefix_mask is not None else [None] * len(pieces[0])
        outs = [
            Attend.apply(*piece, *(prefix or (None, None)), hidden)
            for *piece, hidden in zip(*pieces, masks, strict=True)
        ]
        done.append(_joined(outs, 0).view(b, kv, group, -1, d))
    return _joined(done, 3)


def _joined(parts: list[Tensor], dimension: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dimension)


def _blocks(packed: Packed, place: Tensor, width: int, window: int | None, like: Tensor, steps: bool) -> list[Block]:
    """The blocks in which tokens at `place` (b, t) of their rows look at `width` keys; with `steps`, where every row's keys
    end with its last token asked for. The same for every layer with the same window, so made once a pass."""
    kind = (window, tuple(place.shape), width, like.dtype)
    blocks = packed.masks.setdefault(kind, [])
    if not blocks:
        t, group = place.shape[1], like.shape[2]
        size = BLOCK if steps else t
        for start in range(0, t, size):
            end = min(t, start + size)
            seen = width - t + end if steps else width
            asked, before = place[:, start:end], None
            if window and packed.behind and packed.table is not None:
                hidden = _hidden(asked + packed.behind, packed.behind, window)
                before = _added(hidden, group, like).flatten(0, 1)
            mask = _added(_hidden(asked, seen, window), group, like)[:, None]
            blocks.append((start, end, seen, mask, before))
    return blocks


def _hidden(place: Tensor, width: int, window: int | None) -> Tensor:
    """Which of `width` keys tokens at `place` (...) may not see: what comes after them or lies outside the window."""
    column, place = torch.arange(width, device=place.device), place[..., None]
    return (column > place) | (column <= place - window) if window else column > place


def _added(hidden: Tensor, group: int, like: Tensor) -> Tensor:
    """What is added to scores where `hidden` (b, t, l): (b, group * t, l)."""
    zeros = torch.zeros(hidden.shape, device=like.device, dtype=like.dtype)
    return zeros.masked_fill(hidden, NEVER).repeat(1, group, 1)
