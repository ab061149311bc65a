"""Linear layers run faster for as long as a block lasts, with the same weights: packed once for predicting, and base and
adapter in one operation for tuning. Models and peft's modules stay what they are; only `forward` is replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

from trainers.models import LanguageModel

PACKED_BYTES = 4 << 30  # of weights at most: packed ones take as much memory again


@contextlib.contextmanager
def prepared(lm: LanguageModel) -> Iterator[None]:
    """Predict faster inside the block.

    On a CPU in bfloat16, weights (with an adapter's added) are kept as oneDNN packs them, which saves packing at every
    call. Elsewhere nothing is changed.
    """
    import torch

    size = sum(parameter.nbytes for parameter in lm.model.parameters())
    packs = lm.model.device.type == "cpu" and lm.model.dtype == torch.bfloat16 and size <= PACKED_BYTES
    with _forwarding(lm.model, _packed if packs else lambda module: None):
        yield


@contextlib.contextmanager
def fused(model: Any) -> Iterator[None]:
    """Tune faster inside the block: a linear layer and its LoRA adapter as one operation with one way back."""
    with _forwarding(model, _fused):
        yield


@contextlib.contextmanager
def _forwarding(model: Any, faster: Callable[[Any], Callable[[Any], Any] | None]) -> Iterator[None]:
    """Replace `forward` of the layers for which `faster` gives another."""
    import torch
    from peft.tuners.lora import Linear as Adapted

    inside = {module.base_layer for module in model.modules() if isinstance(module, Adapted)}
    before = {}
    try:
        for module in model.modules():
            known = isinstance(module, Adapted | torch.nn.Linear) and module not in inside
            if known and (forward := faster(module)):
                before[module] = module.__dict__.get("forward")
                module.forward = forward
        yield
    finally:
        for module, forward in before.items():
            if forward:
                module.forward = forward
            else:
                del module.forward  # what is left is the class's


_PACKED: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def _packed(module: Any) -> Callable[[Any], Any]:
    """The layer's forward with its weight packed; kept until the layer's parameters change."""
    import torch

    base = getattr(module, "base_layer", module)
    state = [(id(p), p._version) for p in module.parameters()]
    if _PACKED.get(module, (None, None))[0] != state:
        weight = base.weight.detach()
        if base is not module:
            weight = (weight.float() + _delta(module)).to(weight.dtype)
        _PACKED[module] = state, torch.ops.mkldnn._reorder_linear_weight(weight, 64)
    weight, bias = _PACKED[module][1], base.bias
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _delta(module: Any) -> Any:
    """What a LoRA layer's active adapters add to its weight, in float32."""
    return sum(module.get_delta_weight(name).float() for name in module.active_adapters)


def _fused(module: Any) -> Callable[[Any], Any] | None:
    """The forward of a LoRA layer with one plain adapter; None for any other layer, which stays as it is."""
    import torch

    adapter = getattr(module, "active_adapters", [None])[0]
    if not hasattr(module, "lora_A") or not isinstance(module.base_layer, torch.nn.Linear):
        return None
    base, down, up = module.base_layer, module.lora_A[adapter].weight, module.lora_B[adapter].weight
    return partial(_lora_linear(), weight=base.weight, bias=base.bias, down=down, up=up, scale=module.scaling[adapter])


@cache
def _lora_linear() -> Callable[..., Any]:
    """x W' + bias + scale * (x A') B' with A = `down` (r, in) and B = `up` (out, r), for a weight that is frozen."""
    import torch

    class LoraLinear(torch.autograd.Function):  # type: ignore[misc]
        """Adapter's products are added in place, and nothing is kept for going back but the input and x A'."""

        @staticmethod
        def forward(context: Any, x: Any, weight: Any, bias: Any, down: Any, up: Any, scale: float) -> Any:
            flat = x.reshape(-1, x.shape[-1])
            down, up = down.to(x.dtype), up.to(x.dtype)
            low = flat @ down.T
            out = torch.nn.functional.linear(flat, weight, bias).addmm_(low, up.T, alpha=scale)
            context.save_for_backward(flat, low, weight, down, up)
            context.scale = scale
            return out.view(*x.shape[:-1], -1)

        @staticmethod
        def backward(context: Any, grad: Any) -> Any:
            flat, low, weight, down, up = context.saved_tensors
            shape, grad = grad.shape[:-1], grad.reshape(-1, grad.shape[-1])
            grad_low = (grad @ up) * context.scale
            grad_up = (grad.T @ low) * context.scale
            grad_x = None
            if context.needs_input_grad[0]:
                grad_x = (grad @ weight).addmm_(grad_low, down).view(*shape, -1)
            return grad_x, None, None, (grad_low.T @ flat).float(), grad_up.float(), None

    def forward(x: Any, *, weight: Any, bias: Any, down: Any, up: Any, scale: float) -> Any:
        return LoraLinear.apply(x, weight, bias, down, up, scale)

    return forward
