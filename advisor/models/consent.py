"""Consent: nothing leaves the machine, and no key is used, before the person agreed to it, for each endpoint and purpose."""

from collections.abc import Mapping
from typing import Literal

from advisor import agreed
from advisor.address import Address
from advisor.agreed import Ask, Matter
from advisor.errors import InputError, Problem

Purpose = Literal["prompts", "vectors"]
SENT: Mapping[Purpose, str] = {
    "prompts": "the task's instruction, inputs, examples and retrieved passages",
    "vectors": "the vectors of all passages and inputs",
}
HOW = "Agree with --yes, or in a terminal, where you are asked; what a task says is no consent"


def require(
    address: Address,
    *,
    purpose: Purpose = "prompts",
    yes: bool = False,
    forbidden: bool = False,
    typed: bool = False,
    ask: Ask | None = None,
    field: str = "model",
) -> None:
    """Return once the person has agreed that what `purpose` stands for goes to the address, and the key with it.

    On loopback nothing leaves, but a key still needs consent: a task may name any variable. yes: --yes was given.
    forbidden: the task or the person said `data_may_leave: no`. typed: the person wrote address and key's name on the
    command line, which is consent to the key. ask: as in `agreed.agrees`. field: what of the task names the address.
    Raises InputError without consent.
    """
    here = address.on_this_machine
    if forbidden and not here:
        what = f"data may not leave, says the answer data_may_leave, and {address.endpoint} is not on this machine"
        raise InputError(Problem(what, field, do="Choose one on this machine, or correct the answer"))
    key = [Matter("key", f"{address.endpoint} {address.key_env}")] if address.key_env else []
    if typed:
        agreed.agrees(key, "", yes=True)
    matters = [*key] if here else [Matter(purpose, address.endpoint), *key]
    parts = ([] if here else [SENT[purpose]]) + ([f"the key in ${address.key_env}"] if key else [])
    told = f"{' and '.join(parts)} would be sent to {address.endpoint}"
    if not agreed.agrees(matters, f"{told}. Agree?", yes=yes, ask=ask):
        raise InputError(Problem(f"{told} ({field} {address.name})", field, do=HOW))
