"""A model whose weights are in this process, run by `trainers`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import trainers
from advisor.errors import CannotError, OutsideError
from advisor.models.protocol import Ability, Model
from advisor.system import Decoding, Prediction, Request, Usage

BATCH = 256  # requests computed together: a part of them is computed again whole if any is missing


@dataclass(frozen=True)
class LocalModel:
    """A model in this process, by its name; loaded when it is first needed, unless the weights are given."""

    name: str
    given: trainers.LanguageModel | None = None

    @cached_property
    def lm(self) -> trainers.LanguageModel:
        """The weights. Raises OutsideError when they are there but cannot be loaded."""
        try:
            return self.given or trainers.load(self.name)
        except trainers.ModelMissing as error:
            raise OutsideError(str(error)) from error

    @property
    def can(self) -> frozenset[Ability]:
        """All that there is."""
        return frozenset({"generate", "constrain", "tune"})

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

    @contextmanager
    def adapted(self, folder: Path | None) -> Iterator[LocalModel]:
        """The model with the adapter in `folder` on top, for the time of the block."""
        with trainers.adapted(self.lm, folder) as lm:
            yield replace(self, given=lm)


def tunes(model: Model) -> bool:
    """Whether the model can be tuned here. Asks no server: an endpoint never can."""
    return isinstance(model, LocalModel)


def weights(model: Model) -> trainers.LanguageModel:
    """The weights in this process. Raises CannotError for an endpoint, which has none here."""
    if not isinstance(model, LocalModel):
        raise CannotError("this needs a model whose weights are here; an endpoint can only be asked")
    return model.lm
