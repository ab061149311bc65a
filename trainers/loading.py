"""Loading a causal language model, putting an adapter on it, and telling weights from others. Knows nothing of tasks."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from trainers.models import LanguageModel, ModelMissing, ask_hub, first_line, locate

SAFELY = {"trust_remote_code": False}  # a model is data: transformers would ask in the terminal whether to run its code
SAMPLES, PIECE = 32, 1 << 16  # pieces of a GGUF file, in bytes, that tell it from another
PLAIN_TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def load(name: str, dtype: str | None = None) -> LanguageModel:
    """Load a model for predicting and tuning, on the GPU when there is one.

    `dtype` is "bfloat16" (the default) or "float32". A GGUF file is converted once and kept in `cache_folder()`. A hub
    id is looked for in the local cache first. Raises ModelMissing.
    """
    source = locate(name)
    with quiet():
        folder = str(_converted(Path(source))) if source.endswith(".gguf") else source
        try:
            tokenizer, model = _read(folder, getattr(torch, dtype or "bfloat16"))
        except Exception as error:  # transformers raises OSError, ValueError, KeyError and its hub's own errors here
            raise ModelMissing(f"the model {name!r} cannot be loaded: {first_line(error)}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = tokenizer.chat_template or PLAIN_TEMPLATE
    model.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
    context = int(getattr(model.config, "max_position_embeddings", 0) or 2048)
    parts = _parts(model, tokenizer)
    return LanguageModel(name, model, tokenizer, _hash(parts), context, parts=parts)


def _read(folder: str, dtype: torch.dtype) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Tokenizer and model from a folder, or from a hub id: its local copy, else the hub if that answers."""
    if not Path(folder).is_dir():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **SAFELY)
            return tokenizer, AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **SAFELY)
        except (OSError, ValueError):  # no local copy, or half of one
            ask_hub(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, **SAFELY)
    return tokenizer, AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **SAFELY)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and peft from writing to the terminal inside the block; their settings are put back."""
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


@contextlib.contextmanager
def adapted(lm: LanguageModel, folder: Path | None) -> Iterator[LanguageModel]:
    """The model with the PEFT adapter in `folder` on top, for the time of the block; the base is not loaded twice.

    Raises ModelMissing where no LoRA in safetensors lies there: other kinds bring pickles, or load more than themselves.
    """
    if folder is None:
        yield lm
        return
    try:
        kind = json.loads((folder / "adapter_config.json").read_bytes())["peft_type"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelMissing(f"there is no adapter in {folder}: {first_line(error)}") from error
    if kind != "LORA" or not (folder / "adapter_model.safetensors").is_file():
        raise ModelMissing(f"the adapter in {folder} is no LoRA whose weights are in adapter_model.safetensors")
    with quiet():
        model = PeftModel.from_pretrained(lm.model, str(folder)).eval()
    try:
        yield replace(lm, model=model, adapter=folder_hash(folder))
    finally:
        take_off(model)


def take_off(model: PeftModel) -> None:
    """Leave the base as it was before peft wrapped it."""
    base = model.unload()
    if hasattr(base, "peft_config"):
        del base.peft_config


def folder_hash(folder: Path) -> str:
    """A hash of the weights and settings in an adapter's or a model's folder."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("adapter_*"), *folder.glob("*.safetensors"), *folder.glob("config.json")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _parts(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """Hashes of all that changes an answer, by what a person calls it; the stop tokens and the context are settings."""
    backend = getattr(tokenizer, "backend_tokenizer", None)  # all of it: vocabulary, added tokens, normalisation
    words = backend.to_str() if backend else [type(tokenizer).__name__, tokenizer.get_vocab()]
    spelling = [words, tokenizer.special_tokens_map, getattr(tokenizer, "clean_up_tokenization_spaces", None)]
    settings = [model.config.to_dict(), model.generation_config.to_dict() if model.generation_config else None]
    return {
        "weights": _weights_hash(model),
        "tokenizer": _hash(spelling),
        "chat template": _hash(tokenizer.chat_template),
        "settings": _hash(_lasting(settings)),
    }


def _lasting(value: Any) -> Any:
    """Settings without what only tells where they came from, and which library read them."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key != "transformers_version" and str(key)[:1] != "_"}
        return {str(key): _lasting(inner) for key, inner in kept.items()}
    return [_lasting(one) for one in value] if isinstance(value, list | tuple) else value


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _weights_hash(model: PreTrainedModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where converted models are kept: $ADVISOR_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ADVISOR_CACHE") or Path(base) / "advisor")


def conversion_folder(gguf: Path) -> Path:
    """Where a GGUF file is kept once converted: by its name, its size and pieces from all over it, since two tunings of one
    model differ in the weights, not in the header."""
    size, digest = gguf.stat().st_size, hashlib.sha256()
    with gguf.open("rb") as file:
        for piece in range(SAMPLES):
            file.seek(max(0, size - PIECE) * piece // (SAMPLES - 1))  # the last one ends with the file
            digest.update(file.read(PIECE))
    key = hashlib.sha256(f"{gguf.name}:{size}:{digest.hexdigest()}".encode()).hexdigest()[:16]
    return cache_folder() / "models" / f"{gguf.stem}-{key}"


def _converted(gguf: Path) -> Path:
    """The folder with the GGUF's weights as bf16 safetensors, written whole or not at all."""
    folder = conversion_folder(gguf)
    if (folder / "config.json").is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent))
    except OSError as error:
        raise ModelMissing(
            f"converted models cannot be kept in {folder.parent} ({error}): set ADVISOR_CACHE"
        ) from error
    try:
        _convert(gguf, partial)
        with contextlib.suppress(OSError):  # another process was quicker: its copy is as good
            partial.rename(folder)
    except Exception as error:  # the readers of GGUF raise many kinds
        raise ModelMissing(f"the GGUF file {gguf} cannot be read: {first_line(error)}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar has no switch
        quantized = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32, **SAFELY
        )
    config = quantized.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(quantized.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, **SAFELY).save_pretrained(folder)
