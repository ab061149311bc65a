import contextlib
import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers.models.llama import modeling_llama

from trainers import LanguageModel, load
from trainers.engine import layers
from trainers.engine.layers import fused, prepared
from trainers.loading import take_off


@pytest.fixture(scope="module")
def half() -> LanguageModel:
    """The embedded model as it is predicted with: in bfloat16."""
    return load("smollm2")


@contextlib.contextmanager
def adapted(lm: LanguageModel) -> Iterator[PeftModel]:
    """The model under a random adapter, taken off again."""
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = get_peft_model(lm.model, config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(0.1)  # as far as a tuning moves it
    try:
        yield model
    finally:
        take_off(model)


def logits(model):
    return model(input_ids=torch.tensor([[5, 6, 7, 8, 9, *range(100, 140)]])).logits.float()


def outputs(model) -> dict[str, torch.Tensor]:
    """What each linear layer, its adapter included, makes of random numbers, in float32."""
    made, generator = {}, torch.Generator().manual_seed(0)
    for name, layer in model.named_modules():
        base = getattr(layer, "base_layer", layer)
        if isinstance(base, torch.nn.Linear) and "base_layer" not in name and "lora_" not in name:
            x = torch.randn(20, base.in_features, generator=generator).bfloat16()
            made[name] = layer(x.to(base.weight.dtype)).float()
    return made


@pytest.mark.parametrize("adapter", [False, True])
def test_reordered_weights_are_as_near_to_float32_as_the_plain_ones_and_are_taken_off_again(
    half: LanguageModel, adapter: bool
):
    """Layer by layer, since what a whole model makes of one bit is another on every machine."""
    with adapted(half) if adapter else contextlib.nullcontext(half.model) as model, torch.inference_mode():
        exact, plain, before = outputs(copy.deepcopy(model).float()), outputs(model), logits(model)
        with prepared(replace(half, model=model)):
            reordered, inside = outputs(model), logits(model)

        def error(made: dict[str, torch.Tensor]) -> float:
            return sum(float((made[name] - exact[name]).abs().mean() / exact[name].std()) for name in exact)

        assert len(exact) > 200 and error(reordered) < 1.25 * error(plain)
        assert (inside - before).abs().mean() < 0.2 * before.std()
        assert torch.equal(logits(model), before)


def test_nothing_is_reordered_for_a_cpu_without_the_instructions(half: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    reordered: list[torch.nn.Module] = []
    monkeypatch.setattr(layers, "_reordering", lambda: False)
    monkeypatch.setattr(layers, "_reordered", reordered.append)
    with torch.inference_mode():
        plain = logits(half.model)
        with prepared(half):
            inside = logits(half.model)
    assert reordered == [] and (inside - plain).abs().mean() < 0.2 * plain.std()


def test_an_adapter_that_has_moved_is_reordered_again(half: LanguageModel):
    with adapted(half) as model:
        lm = replace(half, model=model)
        with torch.inference_mode(), prepared(lm):
            first = logits(model)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.zero_()
        with torch.inference_mode(), prepared(lm):
            second = logits(model)
    with torch.inference_mode(), prepared(half):
        assert (second - logits(half.model)).abs().mean() < 0.01 * (first - second).abs().mean()


def test_layer_and_adapter_in_one_operation_give_pefts_outputs_and_gradients(neox: LanguageModel):
    def gradients(model):
        model.zero_grad()
        out = logits(model)
        (out**2).mean().backward()
        return out, [p.grad.clone() for p in model.parameters() if p.requires_grad]

    with adapted(neox) as model:
        expected, wanted = gradients(model)
        with fused(model):
            out, given = gradients(model)
    assert (out - expected).abs().max() < 1e-5
    assert len(given) > 8
    assert all((a - b).abs().max() < 1e-5 + 1e-4 * b.abs().max() for a, b in zip(given, wanted, strict=True))


def test_norms_and_rotary_positions_in_fewer_operations_give_the_models_own_outputs_and_are_put_back(
    smollm2: LanguageModel,
):
    turn, before = modeling_llama.apply_rotary_pos_emb, logits(smollm2.model)
    with torch.inference_mode(), fused(smollm2.model):
        assert modeling_llama.apply_rotary_pos_emb is not turn
        assert "forward" in vars(smollm2.model.model.norm)
        inside = logits(smollm2.model)
    assert (inside - before).abs().max() < 1e-4 * before.abs().max()
    assert modeling_llama.apply_rotary_pos_emb is turn
    assert "forward" not in vars(smollm2.model.model.norm)
