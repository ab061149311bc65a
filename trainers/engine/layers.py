"""Layers run faster for as long as a block lasts, with the same weights: those of linear layers reordered once for
predicting, base and adapter in one operation for tuning, norms and rotary positions in fewer operations. Models and peft's
modules stay what they are; only `forward`, and what transformers calls to turn queries and keys, is replaced."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from peft.tuners.lora import Linear as Adapted
from torch import Tensor, nn

from trainers.engine.operations import Lora, Norm, rotate
from trainers.models import LanguageModel

ROTARY = "apply_rotary_pos_emb"  # its name in the module of each model of transformers
REORDERED_BYTES = 4 << 30  # of weights at most: reordered ones take as much memory again

Forward = Callable[[Tensor], Tensor]
Rotated = tuple[Tensor, Tensor]  # queries and keys
Rotation = Callable[..., Rotated]


@contextlib.contextmanager
def prepared(lm: LanguageModel) -> Iterator[None]:
    """Predict faster inside the block.

    On a CPU with instructions for bfloat16, weights of that type (with an adapter's added) are kept in the order that oneDNN
    multiplies in, which saves reordering them at every call.
    """
    size = sum(parameter.nbytes for parameter in lm.model.parameters())
    is_bf16 = lm.model.device.type == "cpu" and lm.model.dtype == torch.bfloat16
    reorders = is_bf16 and size <= REORDERED_BYTES and _reordering()
    with (
        _forwarding(lm.model, lambda module: (_reordered(module) if reorders else None) or _norm(module)),
        _rotating(lm.model),
    ):
        yield


def _reordering() -> bool:
    """Whether this CPU has the instructions; where it has none, oneDNN refuses the reordered product."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@contextlib.contextmanager
def fused(model: nn.Module) -> Iterator[None]:
    """Tune faster inside the block: a linear layer and its LoRA adapter, or a norm, as one operation with one way back."""
    with _forwarding(model, lambda module: _lora(module) or _norm(module)), _rotating(model):
        yield


@contextlib.contextmanager
def _forwarding(model: nn.Module, faster: Callable[[nn.Module], Forward | None]) -> Iterator[None]:
    """Replace `forward` of the layers for which `faster` gives another."""
    inside = {module.base_layer for module in model.modules() if isinstance(module, Adapted)}
    before = {}
    try:
        for module in model.modules():
            if module not in inside and (forward := faster(module)):
                before[module] = module.__dict__.get("forward")
                module.forward = forward
        yield
    finally:
        for module, forward in before.items():
            if forward:
                module.forward = forward
            else:
                del module.forward  # what is left is the class's


@contextlib.contextmanager
def _rotating(model: nn.Module) -> Iterator[None]:
    """Replace the function that turns queries and keys by their positions, where it is the usual one; that is tried."""
    homes = {sys.modules[type(module).__module__] for module in model.modules()}
    before = {home: home.apply_rotary_pos_emb for home in homes if _turns(getattr(home, ROTARY, None))}

    def turn(
        usual: Rotation, query: Tensor, key: Tensor, cos: Tensor, sin: Tensor, *more: Any, **named: Any
    ) -> Rotated:
        whole = cos.shape[-1] == query.shape[-1]  # else only a part of each head is turned
        return (rotate if whole else usual)(query, key, cos, sin, *more, **named)

    try:
        for home, usual in before.items():
            setattr(home, ROTARY, partial(turn, usual))
        yield
    finally:
        for home, usual in before.items():
            setattr(home, ROTARY, usual)


def _turns(usual: Rotation | None) -> bool:
    """Whether a model's function gives what ours does."""
    if usual is None:
        return False
    x, angles = torch.linspace(-1, 1, 48).view(1, 2, 3, 8), torch.linspace(0, 3, 12).view(1, 3, 4).repeat(1, 1, 2)
    given = x, x.flip(-1), angles.cos(), angles.sin()
    try:
        return all(map(torch.allclose, usual(*given), rotate(*given)))
    except (TypeError, ValueError, RuntimeError):  # one that takes something else
        return False


_REORDERED: WeakKeyDictionary[nn.Module, tuple[list[tuple[int, int]], Tensor]] = WeakKeyDictionary()


def _reordered(module: nn.Module) -> Forward | None:
    """The forward of a linear layer with its weight reordered, which is kept until the layer's parameters change."""
    base = getattr(module, "base_layer", module)
    if not isinstance(base, nn.Linear):
        return None
    state = [(id(p), p._version) for p in module.parameters()]
    if _REORDERED.get(module, (None, None))[0] != state:
        weight = base.weight.detach()
        if base is not module:
            weight = (weight.float() + _delta(module)).to(weight.dtype)
        _REORDERED[module] = state, torch.ops.mkldnn._reorder_linear_weight(weight, 64)
    weight, bias = _REORDERED[module][1], base.bias
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _delta(layer: Any) -> Tensor | int:
    """What a LoRA layer's active adapters add to its weight, in float32."""
    deltas: Iterator[Tensor] = (layer.get_delta_weight(name).float() for name in layer.active_adapters)
    return sum(deltas)


def _lora(module: nn.Module) -> Forward | None:
    """The forward of a LoRA layer with one plain adapter."""
    layer: Any = module
    if not hasattr(layer, "lora_A") or not isinstance(layer.base_layer, nn.Linear):
        return None
    adapter = layer.active_adapters[0]
    base, down, up = layer.base_layer, layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    scale = layer.scaling[adapter]
    return lambda x: Lora.apply(x, base.weight, base.bias, down, up, scale)


def _norm(module: nn.Module) -> Forward | None:
    """The forward of a root mean square norm that is frozen; what each model calls one may differ, so it is tried."""
    weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if not type(module).__name__.endswith("RMSNorm") or weight is None or weight.requires_grad or eps is None:
        return None
    with torch.inference_mode():
        x = torch.linspace(-2, 3, 2 * len(weight), dtype=weight.dtype, device=weight.device).view(2, -1)
        same = torch.allclose(module(x), Norm.apply(x, weight, eps), rtol=2e-2 if x.dtype == torch.bfloat16 else 1e-4)
    return (lambda x: Norm.apply(x, weight, eps)) if same else None
