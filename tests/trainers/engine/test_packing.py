from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from trainers import LanguageModel, Row
from trainers.engine import plain
from trainers.engine.attention import LONG
from trainers.engine.layout import Prefix, Slots
from trainers.engine.packing import extend, pack, packs, prefixed, run

SHARED = tuple(range(20, 29))
OWN = [tuple(range(30, 30 + n)) for n in (5, 1, 12, 3)]
MODELS = ["smollm2", "neox", "mistral"]


@pytest.fixture
def mistral(smollm2: LanguageModel) -> LanguageModel:
    """A small random Mistral whose attention sees only six tokens back."""
    config = MistralConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, initializer_range=0.3, sliding_window=6,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return replace(smollm2, model=MistralForCausalLM(config).eval())


def wanted(lm: LanguageModel, rows: Sequence[tuple[int, ...]]):
    """The logits behind every own token, each row alone through transformers."""
    with torch.inference_mode():
        return torch.cat([plain.logits(lm, Row(SHARED, row), len(row)) for row in rows])


def near(given, expected) -> bool:
    return bool((given - expected).abs().max() < 1e-4 * expected.abs().max())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("long", [False, True])
def test_a_pass_over_rows_behind_what_they_share_gives_each_rows_own_logits(
    model: str, long: bool, request, monkeypatch
):
    monkeypatch.setattr("trainers.engine.attention.LONG", 4 if long else LONG)
    lm = request.getfixturevalue(model)
    ids, positions, packed = pack(lm, OWN, SHARED)
    assert ids.shape[1] == len(SHARED) + sum(map(len, OWN))  # no padding, what is shared once
    with torch.inference_mode():
        given = run(lm, ids, positions, packed, torch.arange(len(SHARED), ids.shape[1]))
    assert near(given, wanted(lm, OWN))


@pytest.mark.parametrize("model", MODELS)
def test_rows_go_on_from_their_slots_in_pieces_of_any_length(model: str, request):
    lm = request.getfixturevalue(model)
    prefix, slots, cut = prefixed(lm, SHARED), Slots(6, 16), [2, 1, 7, 1]
    extend(lm, [row[:n] for row, n in zip(OWN, cut, strict=True)], prefix, slots)
    assert slots.past == cut
    rest = [row[n:] or (99,) for row, n in zip(OWN, cut, strict=True)]
    given = extend(lm, rest, prefix, slots, asked=[len(row) for row in rest]).split([len(row) for row in rest])
    whole = [row[:n] + more for row, n, more in zip(OWN, cut, rest, strict=True)]
    logits = wanted(lm, whole).split([len(row) for row in whole])
    kept = [part[n:] for part, n in zip(logits, cut, strict=True)]
    assert all(near(a, b) for a, b in zip(given, kept, strict=True))


def test_a_row_taken_out_leaves_the_others_as_they_were(smollm2: LanguageModel):
    prefix, slots = prefixed(smollm2, SHARED), Slots(4, 16)
    extend(smollm2, OWN, prefix, slots)
    slots.drop(1)  # the last row moves there
    given = extend(smollm2, [(7,), (8,), (9,)], prefix, slots)
    expected = [wanted(smollm2, [row])[-1] for row in (OWN[0] + (7,), OWN[3] + (8,), OWN[2] + (9,))]
    assert all(near(a, b) for a, b in zip(given, expected, strict=True))


def test_tokens_behind_those_that_count_are_overwritten(smollm2: LanguageModel):
    prefix, slots = prefixed(smollm2, SHARED), Slots(1, 16)
    extend(smollm2, [OWN[2]], prefix, slots)
    slots.past[0] = 3
    assert near(extend(smollm2, [(77,)], prefix, slots), wanted(smollm2, [(*OWN[2][:3], 77)])[-1:])


def test_a_prefix_is_kept_once_whatever_the_rows(smollm2: LanguageModel):
    assert prefixed(smollm2, ()).length == 0
    prefix: Prefix = prefixed(smollm2, SHARED)
    assert prefix.length == len(SHARED)
    assert {key.shape[1] for key, _ in prefix.layers.values()} == {len(SHARED)}


def test_the_last_prefix_serves_again_until_the_weights_move(neox: LanguageModel):
    first = prefixed(neox, SHARED)
    assert prefixed(neox, SHARED) is first and prefixed(neox, SHARED[:5]) is not first
    before, weight = prefixed(neox, SHARED), next(neox.model.parameters())
    kept = weight.clone()
    with torch.no_grad():
        weight.mul_(1.5)
    moved = prefixed(neox, SHARED)
    with torch.no_grad():
        weight.copy_(kept)
    assert moved is not before
    assert not torch.equal(moved.layers[0][0], before.layers[0][0])


def test_the_way_of_attending_is_put_back(smollm2: LanguageModel):
    before = smollm2.model.config._attn_implementation
    prefixed(smollm2, SHARED)
    assert smollm2.model.config._attn_implementation == before != "packed"


def test_models_whose_attention_does_more_are_run_the_plain_way(smollm2: LanguageModel, neox: LanguageModel):
    assert packs(smollm2) and packs(neox)
    small = {"vocab_size": 300, "hidden_size": 32, "num_attention_heads": 4}
    gemma = Gemma2Config(num_hidden_layers=2, num_key_value_heads=2, head_dim=8, intermediate_size=64, **small)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = Gemma2ForCausalLM(gemma), BloomForCausalLM(BloomConfig(n_layer=2, **small))
    for model in models:
        assert not packs(replace(smollm2, model=model.eval()))
