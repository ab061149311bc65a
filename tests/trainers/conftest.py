"""What several tests of this room need: the real embedded model, and a small random one of another architecture."""

from dataclasses import replace

import pytest
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from trainers import LanguageModel, Row, Turn, load, render


@pytest.fixture(scope="session")
def smollm2() -> LanguageModel:
    """The embedded SmolLM2-135M-Instruct in float32, where exactness is claimed."""
    return load("smollm2", "float32")


@pytest.fixture(scope="session")
def neox(smollm2: LanguageModel) -> LanguageModel:
    """A small random GPT-NeoX (no Llama: biases, layer norms, partial rotary positions) with SmolLM2's tokenizer."""
    config = GPTNeoXConfig(
        vocab_size=len(smollm2.tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=smollm2.tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(config).eval().requires_grad_(False)
    return replace(smollm2, name="neox", model=model, fingerprint="random", context=256)


ASKED = ("What is 2 + 2?", "Name the capital of France, please. Answer with one word.", "Say hi.")


@pytest.fixture
def asked(smollm2: LanguageModel) -> list[Row]:
    """Three requests of differing lengths under one instruction."""
    return [render(smollm2, [Turn("system", "Answer briefly.", shared=True), Turn("user", text)]) for text in ASKED]


@pytest.fixture
def taught(smollm2: LanguageModel) -> list[Row]:
    """Eight rows to learn from: words and their kind, under one instruction."""
    kinds = {"oak": "tree", "cod": "fish", "elm": "tree", "eel": "fish", "ash": "tree", "carp": "fish"}
    kinds |= {"a very old fir": "tree", "trout": "fish"}
    return [
        render(
            smollm2,
            [Turn("system", "Name the kind.", shared=True), Turn("user", word), Turn("assistant", kind)],
        )
        for word, kind in kinds.items()
    ]
