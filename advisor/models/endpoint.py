"""A model behind an OpenAI-compatible server: many requests at once, tried again where that can help, each counted once.

Knows nothing of tasks. What failed for good is a prediction without a text; what would fail for every request, such as a
refused key or a spent budget, ends the work after the requests under way have been handed over.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import httpx2

import trainers
from advisor import runfolder
from advisor.address import Address
from advisor.errors import OutsideError
from advisor.models import consent, wire
from advisor.models.protocol import Ability
from advisor.models.spending import Meter, Place, estimate
from advisor.system import Decoding, Prediction, Request, Usage
from trainers.rendering import Turn

MOST_SAID = 300  # characters of what a server says in an error
READ, WRITTEN = 400, 32  # words to read and tokens to write, where a server's speed is taken
# Says nothing of any task, and no free answer would be one of these labels.
TRIAL = Request((Turn("user", "Is ice cold?"),), Decoding("constrained", ("zebra", "giraffe"), max_tokens=WRITTEN))


@dataclass(frozen=True)
class Patience:
    """How long to try: `tries` in all, `pause` seconds before the second and twice as long before each further one,
    `timeout` seconds without a byte, and `longest` seconds that a server may ask to wait before the work is ended."""

    tries: int = 5
    pause: float = 0.5
    timeout: float = 120.0
    longest: float = 120.0


class _Failed(Exception):
    """This request gets no answer."""


class _Refused(_Failed):
    """The server understood this request, and refuses it."""


class _Again(Exception):
    """This try got no answer; another may, after `wait` seconds at the least."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Endpoint:
    """A model that is asked over HTTP. `folder` remembers what it can do; `agree` raises InputError without consent."""

    address: Address
    meter: Meter = field(default_factory=Meter)
    folder: Path | None = None
    agree: Callable[[Address], None] = consent.require
    patience: Patience = Patience()

    @cached_property
    def can(self) -> frozenset[Ability]:
        """What was declared, or else what a short request showed; tried once for a run. Never "tune"."""
        if self.address.can is not None:
            return frozenset({"generate", *self.address.can})
        if not self.folder:
            return frozenset(self._tried())
        kind = tuple[Ability, ...]
        return frozenset(runfolder.step(self.folder, "abilities", self.fingerprint, kind, self._tried, shared=True))

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
        stop, fatal, since = threading.Event(), None, time.perf_counter()
        with self._client() as client, ThreadPoolExecutor(self.address.concurrency) as pool:
            pending = {pool.submit(self._predict, client, one, stop): i for i, one in enumerate(requests)}
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
                stop.set()
                for other in pending:
                    other.cancel()
        if fatal:
            raise fatal

    def _timed(self, requests: Sequence[Request]) -> tuple[Usage, float]:
        """Tokens and seconds of all requests together."""
        since = time.perf_counter()
        made = [one for _, one in self.generate(requests)]
        seconds = max(time.perf_counter() - since, 1e-6)
        if failed := next((one for one in made if one.text is None), None):
            raise OutsideError(f"{self.address.endpoint} gave no answer: {failed.error}")
        prompt = sum(one.usage.prompt_tokens for one in made)
        return Usage(prompt, sum(one.usage.generated_tokens for one in made)), seconds

    def _client(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {key}"} if (key := self.address.key) else {}
        # Proxies of the environment are for what leaves the machine.
        environment = not self.address.on_this_machine
        return httpx2.Client(headers=headers, timeout=self.patience.timeout, trust_env=environment)

    def _predict(self, client: httpx2.Client, request: Request, stop: threading.Event) -> Prediction:
        body = wire.body(self.address.name, request)
        try:
            answer, usage = self._ask(client, body, stop)
        except _Failed as error:
            return Prediction(None, str(error))
        text = wire.text(answer, request.decoding)
        if text is None:
            return Prediction(None, "the answer holds no text", usage=usage)
        return Prediction(self._clean(text), usage=usage)

    def _ask(self, client: httpx2.Client, body: Mapping[str, Any], stop: threading.Event) -> tuple[Any, Usage]:
        """The server's answer and what it took. However many tries were needed, it is counted once."""
        prompt = wire.prompt_tokens(body)
        with self.meter.request(prompt, body["max_tokens"]) as place:
            answer = self._persist(client, body, stop)
            return answer, _counted(answer, prompt, place)

    def _persist(self, client: httpx2.Client, body: Mapping[str, Any], stop: threading.Event) -> Any:
        why = ""
        for attempt in range(self.patience.tries):
            if stop.is_set():
                raise _Failed("stopped before it was answered")
            try:
                return self._post(client, body)
            except _Again as again:
                why = str(again)
                if again.wait > self.patience.longest:
                    what = f"{self.address.endpoint} asks to wait {again.wait:,.0f} s ({why})"
                    raise OutsideError(f"{what}. Run the same command again then") from None
                if attempt + 1 < self.patience.tries:  # not all at the same moment
                    stop.wait(again.wait + self.patience.pause * 2**attempt * random.uniform(0.5, 1.5))
        raise _Failed(f"{why}, {self.patience.tries} times")

    def _post(self, client: httpx2.Client, body: Mapping[str, Any]) -> Any:
        try:
            response = client.post(f"{self.address.endpoint}/chat/completions", json=body)
        except httpx2.TimeoutException:
            raise _Again(f"no answer within {self.patience.timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise _Again(f"the connection failed ({self._clean(str(error)) or type(error).__name__})") from None
        if not response.is_success:
            self._refused(response)
        try:
            answer = response.json()
        except ValueError:
            raise _Again("the answer is not JSON") from None
        if not wire.is_answer(answer):
            raise _Again(f"the answer is none: {self._said(response)}")
        return answer

    def _refused(self, response: httpx2.Response) -> NoReturn:
        """What a status other than 200 means: for all requests, for another try, or for this request."""
        status, where = response.status_code, self.address.endpoint
        said = f"{status}: {self._said(response)}"
        if status in (401, 402, 403):
            key = self.address.key_env
            do = f"Correct the key in ${key}" if key else "Name the variable that holds a key with key_env"
            raise OutsideError(f"{where} does not serve this key ({said}). {do}")
        if status == 404:
            do = "Most addresses end in /v1; the name must be one that the server lists under /models"
            raise OutsideError(f"{where} has no model {self.address.name}, or is not the address ({said}). {do}")
        if status < 400:
            raise OutsideError(f"{where} is not the address: it answers with {status}. Give the address it points to")
        if status in (408, 429) or status >= 500:
            raise _Again(f"the server answered {said}", _wait(response.headers.get("Retry-After", "")))
        raise _Refused(f"the server refused the request ({said})")

    def _said(self, response: httpx2.Response) -> str:
        said = self._clean(wire.told(response.text))
        return said if len(said) <= MOST_SAID else said[:MOST_SAID] + "…"

    def _clean(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(key, "[key]") if (key := self.address.key) else text

    def _tried(self) -> tuple[Ability, ...]:
        """What the server shows that it can do, by a request that it may refuse."""
        self.agree(self.address)
        with self._client() as client:
            try:
                answer = self._ask(client, wire.body(self.address.name, TRIAL), threading.Event())[0]
            except _Refused:
                return ("generate",)
            except _Failed as error:
                what = f"what {self.address.endpoint} can do could not be tried: {error}"
                do = "Try again, or declare it in task.yaml, such as `can: [constrain]`"
                raise OutsideError(f"{what}. {do}") from None
        held = wire.text(answer, TRIAL.decoding) in TRIAL.decoding.labels
        return ("generate", "constrain") if held else ("generate",)


def _counted(answer: Any, prompt: int, place: Place) -> Usage:
    """The tokens that the server reports, estimated where it reports none; the meter is told."""
    told = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
    asked, made = told.get("prompt_tokens"), told.get("completion_tokens")
    if isinstance(asked, int) and isinstance(made, int):
        usage = Usage(asked, made)
        place.report(asked, made, estimated=False)
    else:
        usage = Usage(prompt, estimate(answer["choices"][0]["message"].get("content") or ""))
        place.report(usage.prompt_tokens, usage.generated_tokens, estimated=True)
    return usage


def _wait(header: str) -> float:
    """Seconds to wait by a Retry-After header: seconds or an HTTP date; 0 where it says nothing that can be read."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
