"""Consent: nothing leaves the machine before the person agreed to it once, for each endpoint."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from advisor import runfolder
from advisor.address import Address
from advisor.errors import InputError, Problem

HOW = "Agree once with --yes, or with `answers: {data_may_leave: yes}` in task.yaml"


def require(
    address: Address,
    *,
    yes: bool = False,
    may_leave: str | float = "unknown",
    runs: Path = runfolder.RUNS,
    ask: Callable[[str], bool] | None = None,
    sent: str = "the task's instruction, inputs, examples and retrieved passages",
    field: str = "model",
) -> None:
    """Return once the person has agreed that what is `sent` goes to the address; on loopback nothing leaves.

    yes: --yes was given. may_leave: the answer `data_may_leave`. runs: where it is remembered that they agreed. ask:
    asks a yes-or-no question (default: in the terminal, if there is one). field: what of the task names the address.
    Raises InputError without consent.
    """
    if address.on_this_machine:
        return
    if may_leave == "no":
        what = f"data may not leave, says the answer data_may_leave, and {address.endpoint} is not on this machine"
        raise InputError(Problem(what, field, do="Choose one on this machine, or correct the answer"))
    file = runs / "consent.json"
    agreed = runfolder.read(file, dict[str, str]) if file.is_file() else {}
    if address.endpoint in agreed:
        return
    told = f"{sent} would be sent to {address.endpoint}"
    if not (yes or may_leave == "yes" or (ask or _in_terminal)(f"{told}. Agree? [y/N] ")):
        raise InputError(Problem(f"{told} ({field} {address.name})", field, do=HOW))
    runfolder.write(file, dict[str, str], {**agreed, address.endpoint: time.strftime("%Y-%m-%dT%H:%M:%S%z")})


def _in_terminal(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
