"""Operations with their way back written out, in fewer passes over memory and with fewer tables kept than autograd needs.

Tensors in, tensors out: knows nothing of models, rows or modules.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

# exp of it times a million is a tenth of the largest float32 or bfloat16, exp of -70 is far from the smallest.
STEADY = 70.0
LOGITS_AT_ONCE = 64  # rows of logits, which bounds what is held in float32
# Rows of a product of 16-bit matrices. For 600 to 1,300 rows and a narrow result oneDNN 3.12 leaves one of two cores idle:
# 1,000 x 1,536 times 1,536 x 576 takes 1.5 ms, in pieces 0.9 (Xeon with AMX, two threads).
PIECE = 512


def product(left: Tensor, right: Tensor) -> Tensor:
    """left (n, i) times right (i, o), in pieces on a CPU."""
    if left.device.type != "cpu" or left.dtype != torch.bfloat16 or not PIECE < len(left) < 3 * PIECE:
        return left @ right
    out = left.new_empty(len(left), right.shape[1])
    for some, result in zip(left.split(PIECE), out.split(PIECE), strict=True):
        torch.mm(some, right, out=result)
    return out


class Attend(Function):
    """Attention of rows to their own keys and to those of a prefix that all of them see: softmax(q k' + mask) v.

    query (b, heads, m, d), key and value (b, heads, l, d), mask (b or 1, 1, m, l) over the rows' own keys, prefix_key and
    prefix_value (heads, p, d) or None. The tables of scores are made, and kept for going back, in the precision of the
    keys and without dividing them: that is done to the narrower results.
    """

    @staticmethod
    def forward(
        context: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor,
        prefix_key: Tensor | None,
        prefix_value: Tensor | None,
        prefix_mask: Tensor | None,
    ) -> Tensor:
        """The (b, heads, m, d) averages."""
        own, before = query @ key.transpose(-1, -2), None
        if prefix_key is not None:
            before = _by_head(query).to(prefix_key.dtype) @ prefix_key.transpose(-1, -2)
        steady = _steady(own) and (before is None or _steady(before))
        own += mask
        if before is not None and prefix_mask is not None:
            before += prefix_mask
        if not steady:
            top = own.amax(-1, keepdim=True)
            if before is not None:
                top = torch.maximum(top, _by_row(before.amax(-1, keepdim=True), query))
                before.sub_(_by_head(top))
            own.sub_(top)
        own.exp_()
        total, out = own.sum(-1, keepdim=True, dtype=torch.float32), own @ value
        if before is not None and prefix_value is not None:
            before.exp_()
            total += _by_row(before.sum(-1, keepdim=True, dtype=torch.float32), query)
            out += _by_row(before @ prefix_value, query)
        out *= total.reciprocal().to(out.dtype)
        context.save_for_backward(query, key, value, prefix_key, prefix_value, own, before, out, total)
        return out

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of query, keys and values."""
        query, key, value, prefix_key, prefix_value, own, before, out, total = context.saved_tensors
        shift = ((grad.float() * out).sum(-1, keepdim=True) / total).to(grad.dtype)
        grad = grad * total.reciprocal().to(grad.dtype)
        slope = (grad @ value.transpose(-1, -2)).sub_(shift).mul_(own)
        to_query, to_key, to_value = slope @ key, slope.transpose(-1, -2) @ query, own.transpose(-1, -2) @ grad
        if before is None:
            return to_query, to_key, to_value, None, None, None, None
        grad = _by_head(grad)
        slope = (grad @ prefix_value.transpose(-1, -2)).sub_(_by_head(shift)).mul_(before)
        to_query += _by_row(slope @ prefix_key, query)
        to_prefix = slope.transpose(-1, -2) @ _by_head(query), before.transpose(-1, -2) @ grad
        return to_query, to_key, to_value, None, *to_prefix, None


def _steady(scores: Tensor) -> bool:
    """Whether their exponentials and sums of those stay within range as they are: one look at all is cheaper on a CPU than
    finding and subtracting the largest of each row, and most models' scores are far within."""
    if scores.device.type != "cpu":
        return False
    least, most = torch.aminmax(scores)
    return float(least) > -STEADY and float(most) < STEADY


def _by_head(x: Tensor) -> Tensor:
    """(b, heads, m, d) as (heads, b * m, d)."""
    return x.transpose(0, 1).reshape(x.shape[1], -1, x.shape[3])


def _by_row(x: Tensor, like: Tensor) -> Tensor:
    """(heads, b * m, d) as (b, heads, m, d)."""
    return x.view(len(x), len(like), like.shape[2], -1).transpose(0, 1)


class Spread(Function):
    """Tokens (n, ...) to a table (cells, ...): `index` (cells,) says which token a cell holds, `cell` (n,) which cell is a
    token's own. Only its own cell has a gradient for it: the others repeat it as padding that nothing may look at."""

    @staticmethod
    def forward(context: Any, tokens: Tensor, index: Tensor, cell: Tensor) -> Tensor:
        """The table."""
        context.save_for_backward(cell)
        return tokens.index_select(0, index)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the tokens."""
        return grad.index_select(0, context.saved_tensors[0]), None, None


class Collect(Function):
    """The tokens' own cells of a table: what `Spread` did, taken back."""

    @staticmethod
    def forward(context: Any, table: Tensor, cell: Tensor) -> Tensor:
        """The (n, ...) tokens."""
        context.save_for_backward(cell)
        context.cells = len(table)
        return table.index_select(0, cell)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the table, zero for padding."""
        empty = grad.new_zeros(context.cells, *grad.shape[1:])
        return empty.index_copy_(0, context.saved_tensors[0], grad), None


class Lora(Function):
    """x W' + bias + scale * (x A') B' with A = `down` (r, in) and B = `up` (out, r), for a weight that is frozen."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        """The adapter's products are added in place, and nothing is kept for going back but the input and x A'."""
        flat = x.reshape(-1, x.shape[-1])
        down, up = down.to(x.dtype), (up * scale).to(x.dtype)
        low = flat @ down.T
        out = product(flat, weight.T).addmm_(low, up.T)
        if bias is not None:
            out += bias
        context.save_for_backward(flat, low, weight, down, up)
        context.scale = scale
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, A and B."""
        flat, low, weight, down, up = context.saved_tensors
        shape, grad = grad.shape[:-1], grad.reshape(-1, grad.shape[-1])
        grad_low, grad_up = grad @ up, (grad.T @ low).float() * context.scale
        grad_x = None
        if context.needs_input_grad[0]:
            grad_x = product(grad, weight).addmm_(grad_low, down).view(*shape, -1)
        return grad_x, None, None, (grad_low.T @ flat).float(), grad_up, None


class Norm(Function):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich 2019, arXiv 1910.07467), for a weight
    that is frozen. The mean is taken in float32."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """The normed rows."""
        exact = x.to(torch.float32, copy=True)
        inverse = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        context.save_for_backward(x, weight, inverse)
        return exact.mul_(inverse).to(x.dtype).mul_(weight)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x."""
        x, weight, inverse = context.saved_tensors
        grad = grad * weight
        along = torch.linalg.vecdot(grad, x)[..., None].float().mul_(inverse.square()).div_(x.shape[-1])
        return torch.addcmul(grad, x, along.to(x.dtype), value=-1).mul_(inverse.to(x.dtype)), None, None


class Rotate(Function):
    """Rotary positions (Su et al. 2021, arXiv 2104.09864) as transformers applies them: x * cos + (-x2, x1) * sin for the
    halves x1 and x2 of the last dimension; `turned` is sin with its first half negated."""

    @staticmethod
    def forward(context: Any, x: Tensor, cos: Tensor, turned: Tensor) -> Tensor:
        """The turned (..., d)."""
        context.save_for_backward(cos, turned)
        half = x.shape[-1] // 2
        return torch.roll(x, half, -1).mul_(turned).addcmul_(x, cos)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x."""
        cos, turned = context.saved_tensors
        half = grad.shape[-1] // 2
        return torch.roll(grad * turned, half, -1).addcmul_(grad, cos), None, None


def rotate(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1) -> tuple[Tensor, Tensor]:
    """What `apply_rotary_pos_emb` is in transformers' Llama and its kin."""
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    first, second = sin.chunk(2, -1)
    turned = torch.cat([-first, second], -1)
    return Rotate.apply(query, cos, turned), Rotate.apply(key, cos, turned)


class CrossEntropy(Function):
    """The summed negative log-likelihood in nats of `wanted` (n,) under `logits` (n, vocabulary), computed in float32 and
    kept for going back in the precision of the logits."""

    @staticmethod
    def forward(context: Any, logits: Tensor, wanted: Tensor) -> Tensor:
        """A scalar in float32."""
        loss = logits.new_zeros((), dtype=torch.float32)
        gradient = torch.empty_like(logits) if context.needs_input_grad[0] else None
        for start in range(0, len(logits), LOGITS_AT_ONCE):
            some = slice(start, start + LOGITS_AT_ONCE)
            table, right = torch.log_softmax(logits[some], -1, dtype=torch.float32), wanted[some]
            place = torch.arange(len(right), device=right.device), right
            loss -= table[place].sum()
            if gradient is not None:
                table.exp_()[place] -= 1
                gradient[some] = table
        context.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the logits."""
        return context.saved_tensors[0].mul_(grad), None
