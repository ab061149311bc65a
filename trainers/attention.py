"""Attention of a packed pass: a token sees the prefix that all rows share and the earlier tokens of its own row.

Called by transformers' attention interface in place of a model's own. Knows which tokens form a row, and nothing else.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.packing import Packed

LONG = 512  # tokens of a row in one pass, from which its table of scores would take too much memory
# A score of what may not be seen; finite, so that a row which sees nothing of a part has weights all the same.
NEVER = -1e30


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
    out, lse = _weighing()(query, key, value, own_mask)
    if prefix is not None:  # every row's queries against one block; the two parts are merged by what each weighs
        queries = query.transpose(0, 1).reshape(1, kv, -1, query.shape[-1])
        seen, lse_seen = _weighing()(queries.to(prefix[0].dtype), *(x[None] for x in prefix), prefix_mask)
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


@cache
def _weighing() -> Any:
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
