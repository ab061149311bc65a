"""Requests over HTTP to a server, tried again where that can help. Knows nothing of what they ask.

What would fail for every request, such as a refused key, is an OutsideError that says what to do.
"""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx2

from advisor.address import Address
from advisor.errors import OutsideError
from advisor.models import wire

MOST_SAID = 300  # characters of what a server says in an error


@dataclass(frozen=True)
class Patience:
    """How long to try: `tries` in all, `pause` seconds before the second and twice as long before each further one,
    `timeout` seconds without a byte, and `longest` seconds that a server may ask to wait before the work is ended."""

    tries: int = 5
    pause: float = 0.5
    timeout: float = 120.0
    longest: float = 120.0


class Failed(Exception):
    """This request gets no answer."""


class Refused(Failed):
    """The server understood this request, and refuses it."""


class _Again(Exception):
    """This try got no answer; another may, after `wait` seconds at the least."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Sender:
    """Sends to an address for as long as `stop` is not set."""

    address: Address
    patience: Patience
    client: httpx2.Client
    stop: threading.Event

    def send(self, body: Mapping[str, Any]) -> Any:
        """The server's answer as JSON, of the form that `wire.is_answer` asks for. Raises Failed, OutsideError."""
        why = ""
        for attempt in range(self.patience.tries):
            if self.stop.is_set():
                raise Failed("stopped before it was answered")
            try:
                return self._post(body)
            except _Again as again:
                why = str(again)
                if again.wait > self.patience.longest:
                    what = f"{self.address.endpoint} asks to wait {again.wait:,.0f} s ({why})"
                    raise OutsideError(f"{what}. Run the same command again then") from None
                if attempt + 1 < self.patience.tries:  # not all at the same moment
                    self.stop.wait(again.wait + self.patience.pause * 2**attempt * random.uniform(0.5, 1.5))
        raise Failed(f"{why}, {self.patience.tries} times")

    def clean(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(key, "[key]") if (key := self.address.key) else text

    def _post(self, body: Mapping[str, Any]) -> Any:
        try:
            response = self.client.post(f"{self.address.endpoint}/chat/completions", json=body)
        except httpx2.TimeoutException:
            raise _Again(f"no answer within {self.patience.timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise _Again(f"the connection failed ({self.clean(str(error)) or type(error).__name__})") from None
        if not response.is_success:
            self._refused(response)
        if response.headers.get("Content-Type", "").startswith("text/event-stream"):
            self._streams("it answers with a stream")
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
        if status in (408, 429) or (status >= 500 and not wire.of_template(said)):
            raise _Again(f"the server answered {said}", _wait(response.headers.get("Retry-After", "")))
        if wire.wants_stream(said):
            self._streams(said)
        raise Refused(f"the server refused the request ({said})")

    def _streams(self, said: str) -> NoReturn:
        what = f"{self.address.endpoint} serves {self.address.name} as a stream only, which is not read here ({said})"
        raise OutsideError(f"{what}. Choose a model that it answers whole, or one without thoughts")

    def _said(self, response: httpx2.Response) -> str:
        said = self.clean(wire.told(response.text))
        return said if len(said) <= MOST_SAID else said[:MOST_SAID] + "…"


@contextmanager
def sender(address: Address, patience: Patience) -> Iterator[Sender]:
    """A sender for the time of the block, with connections that its requests share."""
    headers = {"Authorization": f"Bearer {key}"} if (key := address.key) else {}
    # Proxies of the environment are for what leaves the machine.
    environment = not address.on_this_machine
    with httpx2.Client(headers=headers, timeout=patience.timeout, trust_env=environment) as client:
        yield Sender(address, patience, client, threading.Event())


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
