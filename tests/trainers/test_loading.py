import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from trainers import LanguageModel, ModelMissing, Turn, adapted, load, locate, render
from trainers.loading import cache_folder, conversion_folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory, smollm2: LanguageModel) -> Path:
    """The folder of a small random Llama with SmolLM2's tokenizer."""
    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=len(smollm2.tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=256,
        eos_token_id=smollm2.tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    smollm2.tokenizer.save_pretrained(folder)
    return folder


def changed(file: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    """What changes a JSON file of a model's folder."""

    def make(folder: Path) -> None:
        value = json.loads((folder / file).read_text(encoding="utf-8"))
        change(value)
        (folder / file).write_text(json.dumps(value), encoding="utf-8")

    return make


def another_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}", encoding="utf-8")


def other_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def swapped(tokenizer: dict[str, Any]) -> None:
    words = tokenizer["model"]["vocab"]
    words["the"], words["and"] = words["and"], words["the"]


def an_added_token(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<tool>"])
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("weights", other_weights),
        ("tokenizer", changed("tokenizer.json", swapped)),
        ("tokenizer", an_added_token),
        ("tokenizer", changed("tokenizer.json", lambda value: value.update(normalizer={"type": "Lowercase"}))),
        ("tokenizer", changed("tokenizer_config.json", lambda value: value.update(eos_token="<|endoftext|>"))),
        ("chat template", another_template),
        ("settings", changed("generation_config.json", lambda value: value.update(eos_token_id=[2, 5]))),
        ("settings", changed("config.json", lambda value: value.update(max_position_embeddings=128))),
        ("settings", changed("config.json", lambda value: value.update(rms_norm_eps=0.1))),
    ],
)
def test_whatever_changes_an_answer_changes_the_fingerprint(
    llama: Path, tmp_path: Path, part: str, change: Callable[[Path], None]
):
    before = load(str(llama))
    shutil.copytree(llama, tmp_path / "copy")
    assert load(str(tmp_path / "copy")).fingerprint == before.fingerprint  # wherever it lies
    change(tmp_path / "copy")
    after = load(str(tmp_path / "copy"))
    assert after.fingerprint != before.fingerprint
    assert [name for name, own in before.parts.items() if after.parts[name] != own] == [part]


def test_a_folder_without_a_model_says_so(tmp_path: Path):
    with pytest.raises(ModelMissing, match=r"config\.json"):
        load(str(tmp_path))


def test_a_folder_with_a_broken_model_says_so(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        load(str(tmp_path))


def test_a_broken_gguf_file_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF is not this")
    with pytest.raises(ModelMissing, match=r"bad\.gguf cannot be read"):
        load(str(tmp_path / "bad.gguf"))
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelMissing, match="set ADVISOR_CACHE"):
        load("smollm2")


def test_a_hub_id_that_is_nowhere_is_missing_within_seconds(tmp_path: Path):
    code = """
import time
from trainers import ModelMissing, load
since = time.perf_counter()
try: load("nobody-here/nothing")
except ModelMissing as error: print(time.perf_counter() - since, error)
"""
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    seconds, said = done.stdout.split(maxsplit=1)
    assert "nobody-here/nothing" in said and "hf download" in said
    assert done.stderr == ""
    assert float(seconds) < 40  # not the minutes for which the hub's client tries again


def test_two_processes_converting_at_once_end_with_one_whole_model_and_a_silent_terminal(tmp_path: Path):
    code = "import trainers; print(trainers.load('smollm2').fingerprint)"
    environment = os.environ | {"ADVISOR_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True, env=environment) for _ in "ab"
    ]
    said = [process.communicate() for process in running]
    assert said[0] == said[1] and len(said[0][0].strip()) == 16 and said[0][1] == ""
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_a_gguf_is_told_from_another_with_the_same_header(tmp_path: Path):
    files = [tmp_path / folder / "tuned.gguf" for folder in "abc"]
    for file, last in zip(files, (b"x", b"y", b"x"), strict=True):
        file.parent.mkdir()
        file.write_bytes(b"0" * (40 << 16) + last)
    one, other, copy = map(conversion_folder, files)
    assert one != other and one == copy


def test_the_weights_have_a_fingerprint_and_the_model_a_context(smollm2: LanguageModel):
    assert (len(smollm2.fingerprint), smollm2.context, smollm2.adapter) == (16, 8192, "")
    folder = conversion_folder(Path(locate("smollm2")))
    assert folder.is_relative_to(cache_folder()) and (folder / "model.safetensors").is_file()


def test_loading_changes_none_of_transformers_settings(smollm2: LanguageModel):
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load("smollm2")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def small(folder: Path) -> Path:
    """A model of two layers with random weights, and a tokenizer of three words."""
    config = LlamaConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    words = Tokenizer(WordLevel({"[UNK]": 0, "[END]": 1, "yes": 2}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="[END]").save_pretrained(folder)
    return folder


def edit(file: Path, **more: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}))


def with_pickled_weights(folder: Path, trap: Any) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"weights": trap}, folder / "pytorch_model.bin")


def with_an_architecture_of_its_own(folder: Path, trap: Any) -> None:
    (folder / "mine.py").write_text(
        f"{trap.source}\nfrom transformers import LlamaConfig as C, LlamaForCausalLM as M\n"
    )
    edit(folder / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"})


def with_a_tokenizer_of_its_own(folder: Path, trap: Any) -> None:
    (folder / "mine.py").write_text(f"{trap.source}\nfrom transformers import PreTrainedTokenizerFast as T\n")
    edit(folder / "tokenizer_config.json", tokenizer_class="T", auto_map={"AutoTokenizer": [None, "mine.T"]})


@pytest.mark.parametrize(
    "spoil",
    [with_pickled_weights, with_an_architecture_of_its_own, with_a_tokenizer_of_its_own],
    ids=lambda f: f.__name__,
)
def test_a_folder_with_a_model_runs_no_code(tmp_path: Path, trap: Any, monkeypatch, spoil: Callable[[Path, Any], None]):
    load(str(small(tmp_path / "whole")))
    spoil(small(tmp_path / "spoilt"), trap)
    monkeypatch.setattr("builtins.input", lambda question: "y")  # nobody is asked whether it may
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        load(str(tmp_path / "spoilt"))
    assert not trap.sprung


def test_a_chat_template_reaches_nothing_but_the_conversation(tmp_path: Path, trap: Any):
    lm = load(str(small(tmp_path)))
    deep = "{{ cycler.__init__.__globals__.__builtins__['exec'](" + json.dumps(trap.source) + ") }}"
    for template in (deep, "{{ messages.__class__.__mro__[1].__subclasses__() }}", "{% include '/etc/passwd' %}"):
        lm.tokenizer.chat_template = template
        with pytest.raises(Exception, match=r"."):
            render(lm, [Turn("user", "yes")])
    assert not trap.sprung


def test_an_adapter_is_a_lora_in_safetensors_or_none(tmp_path: Path, trap: Any):
    lm = load(str(small(tmp_path / "base")))
    get_peft_model(lm.model, LoraConfig(target_modules=["q_proj"])).save_pretrained(tmp_path / "adapter")
    lm = load(str(tmp_path / "base"))
    with adapted(lm, tmp_path / "adapter") as tuned:
        assert tuned.adapter
    edit(tmp_path / "adapter" / "adapter_config.json", peft_type="PROMPT_TUNING")
    with pytest.raises(ModelMissing, match="no LoRA"), adapted(lm, tmp_path / "adapter"):
        pass
    edit(tmp_path / "adapter" / "adapter_config.json", peft_type="LORA")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    torch.save({"weights": trap}, tmp_path / "adapter" / "adapter_model.bin")
    for folder in (tmp_path / "adapter", tmp_path / "nothing"):
        with pytest.raises(ModelMissing, match="adapter"), adapted(lm, folder):
            pass
    assert not trap.sprung
