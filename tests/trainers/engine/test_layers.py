import copy
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers.models.llama import modeling_llama

from trainers import LanguageModel, load
from trainers.engine.layers import fused, prepared


@pytest.fixture(scope="module")
def half() -> LanguageModel:
    """The embedded model as it is predicted with: in bfloat16."""
    return load("smollm2")


def adapted(lm: LanguageModel):
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    model = get_peft_model(lm.model, config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(0.1)  # as far as a tuning moves it
    return model


def logits(model):
    return model(input_ids=torch.tensor([[5, 6, 7, 8, 9, *range(100, 140)]])).logits.float()


@pytest.mark.parametrize("adapter", [False, True])
def test_packed_weights_are_as_near_to_float32_as_the_plain_ones_and_are_taken_off_again(
    half: LanguageModel, adapter: bool
):

    model = adapted(half) if adapter else half.model
    try:
        with torch.inference_mode():
            exact, before = logits(copy.deepcopy(model).float()), logits(model)
            with prepared(replace(half, model=model)):
                inside = logits(model)
            assert (inside - exact).abs().mean() < 1.25 * (before - exact).abs().mean()
            assert torch.equal(logits(model), before)
    finally:
        if adapter:
            model.unload()


def test_an_adapter_that_has_moved_is_packed_again(half: LanguageModel):
    model = adapted(half)
    lm = replace(half, model=model)
    try:
        with torch.inference_mode(), prepared(lm):
            first = logits(model)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.zero_()
        with torch.inference_mode(), prepared(lm):
            second = logits(model)
        base = replace(half, model=model.unload())
        with torch.inference_mode(), prepared(base):
            assert (second - logits(base.model)).abs().mean() < 0.01 * (first - second).abs().mean()
    finally:
        model.unload()


def test_layer_and_adapter_in_one_operation_give_pefts_outputs_and_gradients(neox: LanguageModel):
    model = adapted(neox)

    def gradients():
        model.zero_grad()
        out = logits(model)
        (out**2).mean().backward()
        return out, [p.grad.clone() for p in model.parameters() if p.requires_grad]

    try:
        expected, wanted = gradients()
        with fused(model):
            out, found = gradients()
        assert (out - expected).abs().max() < 1e-5
        assert len(found) > 8
        assert all((a - b).abs().max() < 1e-5 + 1e-4 * b.abs().max() for a, b in zip(found, wanted, strict=True))
    finally:
        model.unload()


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
