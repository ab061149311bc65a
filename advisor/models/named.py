"""From what a person calls a model to the model: a local one or an endpoint, and what is wrong with the name."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

import trainers
from advisor.address import Address, parse_address
from advisor.errors import InputError
from advisor.models.endpoint import Endpoint
from advisor.models.local import LocalModel
from trainers import ask_hub

DEFAULT = "smollm2"


def model_named(name: str | Address) -> LocalModel | Endpoint:
    """The model behind a name or an address; nothing is loaded or asked yet."""
    address = addressed(name)
    return Endpoint(address) if address else LocalModel(str(name))


def chosen(name: str, declared: Sequence[str | Address]) -> tuple[str | Address, ...]:
    """The model of that name, with all that a task declares of it; of "" all that the task declares, which are compared."""
    if not name:
        return tuple(dict.fromkeys(declared)) or (DEFAULT,)
    known = next((model for model in declared if str(model) == name), None)
    return (known or addressed(name) or name,)


def addressed(name: str | Address) -> Address | None:
    """The address, also where it is written as `URL#name`; None for a local model."""
    return name if isinstance(name, Address) else parse_address(name) if "://" in name else None


def problem(name: str | Address) -> str:
    """What is wrong with a model's name or address, "" for nothing; a hub id is looked for in the local cache and at the
    hub."""
    try:
        if address := addressed(name):
            _ = address.key
            return ""
        trainers.locate(str(name))
    except (trainers.ModelMissing, InputError, ValueError) as error:
        return str(error)
    try:
        if "/" in str(name) and not Path(str(name)).expanduser().exists() and not _cached(str(name)):
            ask_hub(str(name))
    except Exception as error:  # the hub's own, and those of names that can be no file's
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return f"the model {str(name)!r} is not to be had: {reason[0]}"
    return ""


def _cached(name: str) -> bool:
    return isinstance(try_to_load_from_cache(name, "config.json"), str)
