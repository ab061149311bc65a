"""What a hostile folder is made of: files, a model that brings code, and a server that keeps whatever reaches it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SECRET = "sk-the-persons-own-key"
COUNT = 120  # rows, enough to measure and to prove
Spoil = Callable[[Path, Any, "Listener"], None]


@dataclass
class Listener:
    """What reached a server on this machine."""

    port: int = 0
    heard: list[str] = field(default_factory=list)

    @property
    def here(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def elsewhere(self) -> str:
        return f"http://127.1:{self.port}"


def write(folder: Path, **files: object) -> Path:
    """Files by their names with a double underscore for the point; what is no text as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def task(folder: Path, said: str, answer: str = "yes") -> Path:
    rows = [{"input": f"is it {'odd' * (i % 7)} {i}?", "output": answer} for i in range(COUNT)]
    return write(folder, task__yaml=said, train__jsonl="\n".join(map(json.dumps, rows)))


def small(folder: Path) -> Path:
    """A model of two layers with random weights, and a tokenizer of two words."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(vocab_size=8, **sizes)).save_pretrained(folder)
    words = Tokenizer(WordLevel({"[UNK]": 0, "[END]": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="[END]").save_pretrained(folder)
    return folder


def with_code(folder: Path, trap: Any) -> None:
    """The model's own settings ask for code of its own."""
    (folder / "mine.py").write_text(f"{trap.source}from transformers import LlamaConfig as C, LlamaForCausalLM as M\n")
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M", "AutoModel": "mine.M", "AutoTokenizer": "mine.T"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mine", "auto_map": own}))


def with_pickles(folder: Path, trap: Any) -> None:
    """An embedder whose settings ask sentence-transformers for pickles that run code."""
    kinds = ["Transformer", "Pooling"]
    modules = [{"idx": i, "name": str(i), "path": f"{kind if i else ''}", "type": f"sentence_transformers.models.{kind}"}
               for i, kind in enumerate(kinds)]  # fmt: skip
    write(folder, modules__json=modules, sentence_bert_config__json={"model_args": {"weights_only": False}})
    write(folder / "Pooling", config__json={"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    config = json.loads((folder / "config.json").read_text())
    del config["dtype"]  # so that it is looked for in the weights, which is where transformers does as it is asked
    write(folder, config__json=config)
    (folder / "model.safetensors").unlink()
    torch.save({"weights": trap}, folder / "pytorch_model.bin")
