"""What sits behind a model's name: a protocol, and the local models that `trainers` runs (`endpoints.py` asks others)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import trainers
from advisor import address
from advisor.address import Address
from advisor.errors import CannotError, InputError, OutsideError
from advisor.system import Decoding, Prediction, Usage
from trainers.rendering import Turn

Ability = Literal["generate", "constrain", "score", "tune", "tune_remote"]
DEFAULT = "smollm2"
BATCH = 256  # requests computed together: a part of them is computed again whole if any is missing


@dataclass(frozen=True)
class Request:
    """One conversation to be answered."""

    turns: tuple[Turn, ...]
    decoding: Decoding


class Model(Protocol):
    """Whatever can answer requests. A path that needs an ability that is missing stays ranked, with the reason."""

    @property
    def can(self) -> frozenset[Ability]:
        """What the model can do."""

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, or of what stands for them."""

    @property
    def context(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        """Answer all requests, yielding (index, prediction) as each ends. All requests share one decoding."""

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """The requests by their places, in the parts in which they are best made."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, or an estimate of it."""

    def measure(self) -> trainers.Speed:
        """How fast it is, from a short timing."""


@dataclass(frozen=True)
class LocalModel:
    """A model in this process. `lm` may carry an adapter."""

    lm: trainers.LanguageModel
    can: frozenset[Ability] = frozenset({"generate", "constrain", "tune"})

    @property
    def fingerprint(self) -> str:
        """A hash of the base's weights."""
        return self.lm.fingerprint

    @property
    def context(self) -> int:
        """The tokens that the model's positions reach."""
        return self.lm.context

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        """Answer all requests; one that does not fit the model's context is an error of its own, not of the others."""
        rows = [trainers.render(self.lm, request.turns) for request in requests]
        if not requests:
            return
        decoding = requests[0].decoding
        fits = [i for i, row in enumerate(rows) if row.tokens + decoding.max_tokens <= self.lm.context]
        for i in sorted(set(range(len(rows))) - set(fits)):
            wanted = rows[i].tokens + decoding.max_tokens
            yield i, Prediction(None, f"{wanted} tokens do not fit the model's context of {self.lm.context}")
        since = time.perf_counter()
        for made in self._made([rows[i] for i in fits], decoding):
            now = time.perf_counter()
            usage = Usage(rows[fits[made.index]].tokens, made.tokens, round(now - since, 4))
            since = now
            yield fits[made.index], Prediction(made.text.strip(), usage=usage)

    def _made(self, rows: Sequence[trainers.Row], decoding: Decoding) -> Iterator[trainers.Generation]:
        """Texts as they end; a label is chosen, not written."""
        if decoding.kind == "constrained" and decoding.labels:
            for i, label in enumerate(trainers.choose(self.lm, rows, decoding.labels)):
                yield trainers.Generation(i, label, self.count([label])[0], True)
            return
        constraint = trainers.Constraint(schema=decoding.schema) if decoding.kind == "constrained" else None
        yield from trainers.generate(self.lm, rows, constraint, decoding.max_tokens)

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """The longest first, so many in a part that a run which is cut off loses little."""
        order = sorted(range(len(requests)), key=lambda i: (-sum(len(t.text) for t in requests[i].turns), i))
        return [order[i : i + BATCH] for i in range(0, len(order), BATCH)]

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        return [len(ids) for ids in self.lm.tokenizer(list(texts), add_special_tokens=False).input_ids] if texts else []

    def measure(self) -> trainers.Speed:
        """How fast it is on this machine."""
        return trainers.measure(self.lm)


def load(name: str | Address) -> Model:
    """The model behind a name or an address. Raises OutsideError when it is there but cannot be loaded."""
    if found := addressed(name):
        from advisor.models.endpoint import Endpoint

        return Endpoint(found)
    try:
        return LocalModel(trainers.load(str(name)))
    except trainers.ModelMissing as error:
        raise OutsideError(str(error)) from error


def addressed(name: str | Address) -> Address | None:
    """The address, also where it is written as `URL#name`; None for a local model."""
    return name if isinstance(name, Address) else address.read(name) if "://" in name else None


def local(model: Model) -> trainers.LanguageModel:
    """The weights in this process. Raises CannotError for an endpoint, which has none here."""
    if not isinstance(model, LocalModel):
        raise CannotError("this needs a model whose weights are here; an endpoint can only be asked")
    return model.lm


def tunes(model: Model) -> bool:
    """Whether the model can be tuned here. Asks no server: an endpoint never can."""
    return isinstance(model, LocalModel) and "tune" in model.can


def problem(name: str | Address) -> str:
    """What is wrong with a model's name or address, found without loading or asking it; "" for nothing."""
    try:
        if found := addressed(name):
            _ = found.key
        else:
            trainers.locate(str(name))
    except (trainers.ModelMissing, InputError, ValueError) as error:
        return str(error)
    return ""


def adapter_folder(run: Path, adapter: str) -> Path | None:
    """Where an adapter named in a system lies."""
    return run / adapter if adapter else None
