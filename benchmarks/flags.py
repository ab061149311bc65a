"""The flags that benchmarks have in common. Knows nothing of what is measured."""

import argparse
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DATA = Path("../shared/data")  # real tasks, one folder each, as task.yaml describes them


def removed(folder: Path) -> None:
    """Keep nothing of what lies there."""
    shutil.rmtree(folder, ignore_errors=True)


def given(
    name: str, about: str | None, forget: Callable[[Path], None] = removed, **own: Mapping[str, Any]
) -> argparse.Namespace:
    """What the command line says, once --fresh has been obeyed; the folder is there.

    forget: takes out of the folder what --fresh asks to compute again. own: further flags, with what
    `argparse.ArgumentParser.add_argument` takes.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds the tasks")
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/.cache") / name, help="keeps finished parts")
    parser.add_argument("--fresh", action="store_true", help="start over")
    for flag, how in own.items():
        parser.add_argument(f"--{flag}", **how)
    asked = parser.parse_args()
    if asked.fresh:
        forget(asked.folder)
    asked.folder.mkdir(parents=True, exist_ok=True)
    return asked
