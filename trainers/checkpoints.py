"""Checkpoints of a tuning: everything that going on needs, in one file that is whole or not there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

CHECKPOINT_SECONDS = 30.0  # that a kill may cost


@dataclass
class State:
    """What a checkpoint holds beside weights and optimizer. `tokens` were computed, what rows share once a pass."""

    step: int = 0
    tokens: int = 0
    stale: int = 0
    scores: list[tuple[int, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def best(self) -> tuple[int, float]:
        """The first of the best (step, score) pairs."""
        return max(self.scores, key=lambda pair: (pair[1], -pair[0]))


@dataclass
class Checkpoints:
    """Reads and writes `folder/checkpoint.pt`: weights, optimizer, state, and the best weights `kept` until then."""

    folder: Path
    key: str
    weights: Mapping[str, nn.Parameter]
    optimizer: Optimizer
    schedule: LRScheduler
    kept: Path
    written: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether the last one is so old that a kill would lose much."""
        return time.monotonic() - self.written > CHECKPOINT_SECONDS

    def write(self, state: State) -> None:
        """Write a checkpoint, whole or not at all."""
        partial = self.folder / "checkpoint.partial"
        best = {path.name: path.read_bytes() for path in self.kept.iterdir()} if self.kept.is_dir() else {}
        torch.save(
            {
                "key": self.key,
                "weights": {name: weight.detach() for name, weight in self.weights.items()},
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "state": json.dumps(asdict(state)),
                "best": best,
            },
            partial,
        )
        partial.replace(self.folder / "checkpoint.pt")
        self.written = time.monotonic()

    def restore(self) -> State:
        """The state of the last checkpoint, weights and optimizer put back, or a fresh one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "checkpoint.pt"
        saved = torch.load(file, map_location="cpu", weights_only=True) if file.is_file() else {}
        if saved.get("key") != self.key:
            shutil.rmtree(self.kept, ignore_errors=True)
            return State()
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(saved["weights"][name])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        shutil.rmtree(self.kept, ignore_errors=True)  # a kill after the checkpoint may have left better weights
        for name, content in saved["best"].items():
            self.kept.mkdir(exist_ok=True)
            (self.kept / name).write_bytes(content)
        state = State(**json.loads(saved["state"]))
        state.scores = [(int(step), float(score)) for step, score in state.scores]
        return state
