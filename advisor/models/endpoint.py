"""A model behind an OpenAI-compatible server: many requests at once, tried again where that can help, each counted once.

Knows nothing of tasks. What failed for good is a prediction without a text; what would fail for every request, such as a
refused key or a spent budget, ends the work after the requests under way have been handed over.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import trainers
from advisor import runfolder
from advisor.address import Address
from advisor.errors import OutsideError
from advisor.models import consent, limits, wire
from advisor.models.habits import Habits
from advisor.models.protocol import Ability
from advisor.models.sending import Failed, Patience, Refused, Sender, sender
from advisor.models.spending import Meter, estimate
from advisor.system import Decoding, Prediction, Request, Usage
from trainers.rendering import Turn

READ, WRITTEN = 400, 32  # words to read and tokens to write, where a server's speed is taken
# Says nothing of any task, and no free answer would be one of these labels.
TRIAL = Request((Turn("user", "Is ice cold?"),), Decoding("constrained", ("zebra", "giraffe"), max_tokens=WRITTEN))


@dataclass(frozen=True)
class Endpoint:
    """A model that is asked over HTTP. `folder` remembers what it can do and its habits; `agree` raises InputError without
    consent. The limit of a request is for the answer: a server that thinks before it gets as much more as that takes."""

    address: Address
    meter: Meter = field(default_factory=Meter)
    folder: Path | None = None
    agree: Callable[[Address], None] = consent.require
    patience: Patience = field(default_factory=Patience)

    @cached_property
    def can(self) -> frozenset[Ability]:
        """What was declared, or else what a short request showed; tried once for a run. Never "tune"."""
        if self.address.can is not None:
            return frozenset({"generate", *self.address.can})
        if not self.folder:
            return frozenset(self._tried())
        kind = tuple[Ability, ...]
        return frozenset(runfolder.step(self.folder, "abilities", self.fingerprint, kind, self._tried, shared=True))

    @cached_property
    def habits(self) -> Habits:
        """What the server showed of itself so far."""
        return Habits(self.folder / "habits.json" if self.folder else None)

    @property
    def name(self) -> str:
        """The address in one word."""
        return str(self.address)

    @property
    def fingerprint(self) -> str:
        """A hash of address and name."""
        return self.address.fingerprint

    @property
    def context(self) -> int:
        """What was declared: no server says it."""
        return self.address.context

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """All at once: each request is made alone."""
        return [range(len(requests))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """About the number of tokens of each text: the server's tokenizer is not known."""
        return [estimate(text) for text in texts]

    def measure(self) -> trainers.Speed:
        """Tokens a second over as many requests at once as are allowed, from a long request and some short ones.

        They say nothing of any task. Raises OutsideError when one is not answered.
        """
        read = Request((Turn("user", "Say yes. " + "word " * READ),), Decoding(max_tokens=8))
        write = Request((Turn("user", "Count from 1 to 100."),), Decoding(max_tokens=WRITTEN))
        reading, seconds = self._timed([read])
        prefill = self.address.concurrency * reading.prompt_tokens / seconds
        writing, seconds = self._timed([write] * self.address.concurrency)
        return trainers.Speed(prefill, max(1, writing.generated_tokens) / seconds, 0.0)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        """Answer all requests, yielding (index, prediction) as each ends.

        Raises InputError without consent or key, OutsideError when the server would refuse every request, CannotError
        when the budget may not last for the next one; in both cases after the answers that were under way.
        """
        if not requests:
            return
        self.agree(self.address)
        fatal, since = None, time.perf_counter()
        with sender(self.address, self.patience) as to, ThreadPoolExecutor(self.address.concurrency) as pool:
            pending = {pool.submit(self._predict, to, one): i for i, one in enumerate(requests)}
            try:
                for done in as_completed(pending):
                    if done.cancelled():
                        continue
                    if error := done.exception():
                        fatal = fatal or error
                        for other in pending:
                            other.cancel()
                        continue
                    now = time.perf_counter()
                    made = done.result()
                    yield pending[done], replace(made, usage=replace(made.usage, seconds=round(now - since, 4)))
                    since = now
            finally:  # whoever reads this may stop early: nothing more is sent then
                to.stop.set()
                for other in pending:
                    other.cancel()
        if fatal:
            raise fatal

    def _timed(self, requests: Sequence[Request]) -> tuple[Usage, float]:
        """Tokens and seconds of all requests together."""
        since = time.perf_counter()
        made = [one for _, one in self.generate(requests)]
        seconds = max(time.perf_counter() - since, 1e-6)
        if failed := next((one for one in made if one.text is None and not one.cut), None):
            raise OutsideError(f"{self.address.endpoint} gave no answer: {failed.error}")
        prompt = sum(one.usage.prompt_tokens for one in made)
        return Usage(prompt, sum(one.usage.generated_tokens for one in made)), seconds

    def _predict(self, to: Sender, request: Request) -> Prediction:
        try:
            return self._whole(to, request)
        except Failed as error:
            return Prediction(None, str(error))

    def _whole(self, to: Sender, request: Request) -> Prediction:
        """The answer; one that was cut off is asked for once more. Raises Failed where there is none."""
        first = self._answer(to, request)
        if not first.cut:
            return first
        try:
            return limits.better(first, self._answer(to, limits.larger(request)))
        except Failed:
            return first

    def _answer(self, to: Sender, request: Request) -> Prediction:
        """What is answered, with room for the thought before it. Raises Failed."""
        room = self._room(request)
        try:
            return self._asked(to, request, room)
        except Refused:
            if not room:
                raise
            return self._asked(to, request, 0)  # it may be more than the server can hold

    def _room(self, request: Request) -> int:
        """Tokens that the request leaves for a thought, as far as the context goes."""
        prompt = wire.prompt_tokens(wire.body(self.address.name, request))
        return max(0, min(self.habits.room, self.context - prompt - request.decoding.max_tokens))

    def _asked(self, to: Sender, request: Request, room: int) -> Prediction:
        """The answer to one request. However many tries were needed, it is counted once."""
        prompt, most = wire.prompt_tokens(wire.body(self.address.name, request)), request.decoding.max_tokens + room
        with self.meter.request(prompt, most) as place:
            reply = wire.reply(self._sent(to, request, room), prompt, most)
            place.report(reply.read, reply.written, estimated=not reply.reported)
        usage = Usage(reply.read, reply.written)
        if reply.thought:
            self.habits.thinks(reply.thought, ended=bool(reply.parted and reply.parted.answer) or not reply.cut)
        if reply.parted is None:
            return Prediction(None, reply.why, usage=usage)
        made = limits.prediction(reply.parted, reply.cut, usage)
        return made if made.text is None else replace(made, text=to.clean(wire.label(made.text, request.decoding)))

    def _sent(self, to: Sender, request: Request, room: int) -> Any:
        """What the server answers. A part of the request that it refuses is left out, from then on."""
        without = self.habits.shown.refuses
        while True:
            body = wire.body(self.address.name, request, room, without)
            try:
                answer = to.send(body)
            except Refused as error:
                if not (what := wire.refused(str(error), body)):
                    raise
                without = (*without, what)
            else:
                self.habits.refuses(without)
                return answer

    def _tried(self) -> tuple[Ability, ...]:
        """What the server shows that it can do, by a request that it may refuse."""
        self.agree(self.address)
        with sender(self.address, self.patience) as to:
            try:
                made = self._whole(to, TRIAL)
            except Refused:
                return ("generate",)
            except Failed as error:
                what = f"what {self.address.endpoint} can do could not be tried: {error}"
                do = "Try again, or declare it in task.yaml, such as `can: [constrain]`"
                raise OutsideError(f"{what}. {do}") from None
        return ("generate", "constrain") if made.text in TRIAL.decoding.labels else ("generate",)
