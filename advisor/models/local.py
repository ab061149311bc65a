"""A model whose weights are in this process, run by `trainers`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import trainers
from advisor.errors import CannotError, OutsideError
from advisor.models import limits
from advisor.models.protocol import Ability, Model
from advisor.system import Decoding, Prediction, Request, Usage
from advisor.thoughts import opened, part

OPENED = 16  # tokens at the end of a prompt, in which a template may have opened a thought
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
        """A hash of all of the base that changes an answer."""
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
        # What is cut off at a limit would be written again up to the larger one, the same to the letter: it goes on.
        larger, limit = limits.LARGER * decoding.max_tokens, decoding.max_tokens
        roomy = [i for i, row in enumerate(rows) if row.tokens + larger <= self.context]
        tight = [i for i, row in enumerate(rows) if row.tokens + limit <= self.context < row.tokens + larger]
        for i in sorted(set(range(len(rows))) - {*roomy, *tight}):
            wanted = rows[i].tokens + limit
            yield i, Prediction(None, f"{wanted} tokens do not fit the model's context of {self.context}")
        yield from self._predicted(rows, roomy, decoding, larger)
        yield from self._predicted(rows, tight, decoding, limit)

    def _predicted(
        self, rows: Sequence[trainers.Row], places: Sequence[int], decoding: Decoding, limit: int
    ) -> Iterator[tuple[int, Prediction]]:
        """The answers to the rows at some places, each of so many tokens at the most."""
        since = time.perf_counter()
        for made in self._made([rows[i] for i in places], decoding, limit):
            now, row = time.perf_counter(), rows[places[made.index]]
            usage, since = Usage(row.tokens, made.tokens, round(now - since, 4)), now
            thinks = decoding.kind == "free" and not made.complete  # a whole text that closes no thought is an answer
            begun = self._begun(row) if thinks else ""
            yield places[made.index], limits.prediction(part(begun + made.text), not made.complete, usage)

    def _begun(self, row: trainers.Row) -> str:
        """The tag with which the chat template opened a thought, if it did."""
        return opened(str(self.lm.tokenizer.decode(list(row.own[-OPENED:]))))

    def _made(self, rows: Sequence[trainers.Row], decoding: Decoding, limit: int) -> Iterator[trainers.Generation]:
        """Texts as they end; a label is chosen, not written."""
        if decoding.kind == "constrained" and decoding.labels:
            for i, label in enumerate(trainers.choose(self.lm, rows, decoding.labels)):
                yield trainers.Generation(i, label, self.count([label])[0], True)
            return
        constraint = trainers.Constraint(schema=decoding.schema) if decoding.kind == "constrained" else None
        yield from trainers.generate(self.lm, rows, constraint, limit)

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

    @contextlib.contextmanager
    def adapted(self, folder: Path | None) -> Iterator[LocalModel]:
        """The model with the adapter in `folder` on top, for the time of the block. Raises OutsideError without one."""
        with contextlib.ExitStack() as stack:
            try:
                lm = stack.enter_context(trainers.adapted(self.lm, folder))
            except trainers.ModelMissing as error:
                raise OutsideError(str(error)) from error
            yield replace(self, given=lm)


def tunes(model: Model) -> bool:
    """Whether the model can be tuned here. Asks no server: an endpoint never can."""
    return isinstance(model, LocalModel)


def tuned_as_prompted(models: Sequence[Model]) -> str:
    """Whether the model that would be prompted is the one that would be tuned, as far as the models tell."""
    if not any(map(tunes, models)):
        return "unknown"
    return "yes" if all(map(tunes, models)) else "no"


def parts(model: Model) -> Mapping[str, str]:
    """The hashes that a model's fingerprint is made of, by what a person calls them."""
    return model.lm.parts if isinstance(model, LocalModel) else {"model": model.fingerprint}


def weights(model: Model) -> trainers.LanguageModel:
    """The weights in this process. Raises CannotError for an endpoint, which has none here."""
    if not isinstance(model, LocalModel):
        raise CannotError("this needs a model whose weights are here; an endpoint can only be asked")
    return model.lm
