"""Operations with their way back written out, in fewer passes over memory and with fewer tables kept than autograd needs.

Tensors in, tensors out: knows nothing of models, rows or modules. Loads torch, so import it where a model is at hand.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

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


class Weigh(Function):  # type: ignore[misc]
    """softmax(q k' + mask) v, and the logarithm of the softmax's divisor.

    query (b, heads, m, d), key and value (b, heads, l, d), mask (b or 1, 1, m, l) or None. The table of scores is made, and
    kept for going back, in the precision of the inputs and without dividing it: that is done to the narrower results.
    """

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The (b, heads, m, d) averages and the (b, heads, m) logarithms in float32."""
        table = query @ key.transpose(-1, -2)
        if mask is not None:
            table += mask
        top = table.amax(-1, keepdim=True)
        table.sub_(top).exp_()
        total = table.sum(-1, keepdim=True, dtype=torch.float32)
        out = (table @ value).mul_(total.reciprocal().to(value.dtype))
        context.save_for_backward(query, key, value, table, out, total)
        return out, (total.log() + top).squeeze(-1)

    @staticmethod
    def backward(context: Any, grad: Tensor, grad_lse: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of query, key and value."""
        query, key, value, table, out, total = context.saved_tensors
        shift = ((grad.float() * out).sum(-1, keepdim=True) - grad_lse[..., None]) / total
        grad = grad * total.reciprocal().to(grad.dtype)
        scores = (grad @ value.transpose(-1, -2)).sub_(shift.to(grad.dtype)).mul_(table)
        return scores @ key, scores.transpose(-1, -2) @ query, table.transpose(-1, -2) @ grad, None


class Spread(Function):  # type: ignore[misc]
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


class Collect(Function):  # type: ignore[misc]
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


class Lora(Function):  # type: ignore[misc]
    """x W' + bias + scale * (x A') B' with A = `down` (r, in) and B = `up` (out, r), for a weight that is frozen."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        """The adapter's products are added in place, and nothing is kept for going back but the input and x A'."""
        flat = x.reshape(-1, x.shape[-1])
        down, up = down.to(x.dtype), up.to(x.dtype)
        low = flat @ down.T
        out = product(flat, weight.T).addmm_(low, up.T, alpha=scale)
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
        grad_low = (grad @ up) * context.scale
        grad_up = (grad.T @ low) * context.scale
        grad_x = None
        if context.needs_input_grad[0]:
            grad_x = product(grad, weight).addmm_(grad_low, down).view(*shape, -1)
        return grad_x, None, None, (grad_low.T @ flat).float(), grad_up.float(), None


class Norm(Function):  # type: ignore[misc]
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich 2019, arXiv 1910.07467), for a weight
    that is frozen. The mean is taken in float32."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """The normed rows."""
        exact = x.to(torch.float32, copy=True)
        rate = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        context.save_for_backward(x, weight, rate)
        return exact.mul_(rate).to(x.dtype).mul_(weight)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x."""
        x, weight, rate = context.saved_tensors
        grad = grad * weight
        along = torch.linalg.vecdot(grad, x)[..., None].float().mul_(rate.square()).div_(x.shape[-1])
        return torch.addcmul(grad, x, along.to(x.dtype), value=-1).mul_(rate.to(x.dtype)), None, None


class CrossEntropy(Function):  # type: ignore[misc]
    """The summed negative log-likelihood in nats of `wanted` (n,) under `logits` (n, vocabulary), computed in float32 and
    kept for going back in the precision of the logits."""

    @staticmethod
    def forward(context: Any, logits: Tensor, wanted: Tensor) -> Tensor:
        """A scalar in float32."""
        loss, gradient = logits.new_zeros((), dtype=torch.float32), torch.empty_like(logits)
        pieces = (x.split(LOGITS_AT_ONCE) for x in (logits, wanted, gradient))
        for some, right, slope in zip(*pieces, strict=True):
            table = torch.log_softmax(some, -1, dtype=torch.float32)
            place = torch.arange(len(right), device=right.device), right
            loss -= table[place].sum()
            table.exp_()[place] -= 1
            slope.copy_(table)
        context.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the logits."""
        return context.saved_tensors[0] * grad, None
