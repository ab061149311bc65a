"""Checkpoints of a tuning: everything that going on needs, in one file that is whole or not there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

CHECKPOINT_SECONDS = 30.0  # that a kill may cost


@dataclass
class State:
    """What a checkpoint holds beside weights and optimizer. The rate falls from step `since` on, to the `end`. `tokens` were
    computed, what rows share once a pass."""

    since: int
    end: int
    step: int = 0
    tokens: int = 0
    stale: int = 0
    scores: list[tuple[int, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The best score until now."""
        return max(score for _, score in self.scores)


@dataclass
class Checkpoints:
    """Reads and writes `folder/checkpoint.pt`: weights, optimizer, state."""

    folder: Path
    key: str
    weights: Mapping[str, nn.Parameter]
    optimizer: Optimizer
    written: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether the last one is so old that a kill would lose much."""
        return time.monotonic() - self.written > CHECKPOINT_SECONDS

    def write(self, state: State) -> None:
        """Write a checkpoint, whole or not at all."""
        partial = self.folder / "checkpoint.partial"
        torch.save({"key": self.key, **self._held(), "state": json.dumps(asdict(state))}, partial)
        partial.replace(self.folder / "checkpoint.pt")
        self.written = time.monotonic()

    def restore(self, fresh: State) -> State:
        """The state of the last checkpoint, weights and optimizer put back, or the fresh one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        saved = _loaded(self.folder / "checkpoint.pt")
        if saved.get("key") != self.key:
            return fresh
        self._put_back(saved)
        state = State(**json.loads(saved["state"]))
        state.scores = [(int(step), float(score)) for step, score in state.scores]
        return state

    def branch(self, file: Path, key: str, state: State) -> None:
        """Write the trunk of a tuning, from which a longer one can go on: weights and optimizer before the rate falls. `key`:
        of all that led there."""
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        torch.save(
            {"key": key, **self._held(), "step": state.step, "tokens": state.tokens, "losses": state.losses}, partial
        )
        partial.replace(file)

    def go_on(self, file: Path, key: Callable[[int], str], state: State) -> State:
        """The state at the end of the trunk in a file, weights and optimizer put back, where this tuning comes by there, which
        its `key` at that step tells; else the state given."""
        saved = _loaded(file)
        if not saved or saved["step"] > state.since or saved["key"] != key(saved["step"]):
            return state
        self._put_back(saved)
        return replace(state, step=saved["step"], tokens=saved["tokens"], losses=saved["losses"])

    def _held(self) -> dict[str, Any]:
        return {
            "weights": {name: weight.detach() for name, weight in self.weights.items()},
            "optimizer": self.optimizer.state_dict(),
        }

    def _put_back(self, saved: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(saved["weights"][name])
        self.optimizer.load_state_dict(saved["optimizer"])


def _loaded(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True) if file.is_file() else {}
    return loaded
