"""What requests cost: counted as they end, and refused before they are sent where they could exceed the cap.

Knows nothing of HTTP; an endpoint asks before each request and reports after it.
"""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from advisor import texts
from advisor.errors import CannotError, Problem

# Characters per token: Latin letters about 4, other alphabets about 2, CJK about 1. Real tokenizers differ by a third.
_PER_TOKEN = ((0x250, 4), (0x2E80, 2), (0x110000, 1))


def estimate(text: str) -> int:
    """About how many tokens a text has, from its characters; for models whose tokenizer is not here."""
    left, below, total = len(text), 0, 0.0
    for limit, per_token in _PER_TOKEN:
        under = left if text.isascii() else sum(ord(c) < limit for c in text)
        total += (under - below) / per_token
        below = under
    return math.ceil(total)


@dataclass(frozen=True)
class Spent:
    """What was spent: requests that were answered, their tokens, and USD. Of `estimated` requests the server told no usage."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    estimated: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    def __str__(self) -> str:
        money = f" and {self.usd:.4g} usd" if self.usd else ""
        guessed = f" (estimated for {self.estimated:,} requests of which the server told no usage)"
        told = guessed if self.estimated else ""
        return f"{self.tokens:,} tokens{money} in {self.requests:,} requests{told}"


class Place:
    """One request's place under the cap: its reserved most, until `report` says what it took."""

    def __init__(self) -> None:
        self.took = Spent()

    def report(self, prompt_tokens: int, completion_tokens: int, estimated: bool) -> None:
        """What the answered request took. A request that is not answered reports nothing."""
        self.took = Spent(1, prompt_tokens, completion_tokens, estimated=int(estimated))


class Meter:
    """Counts what requests take, safe for threads; a file keeps it over restarts.

    price: USD per million tokens of prompt and of completion. tokens, usd: the caps, None for none. file: JSON Lines,
    a line for each answered request; lines that are there already count.
    """

    def __init__(
        self,
        price: tuple[float, float] = (0.0, 0.0),
        tokens: float | None = None,
        usd: float | None = None,
        file: Path | None = None,
    ) -> None:
        self.price, self.tokens, self.usd, self.file = price, tokens, usd, file
        self.spent = _before(file) if file else Spent()
        self._reserved: list[Spent] = []
        self._scale = 1.0  # of estimates of prompts, so that the cap holds where they are too low
        self._changed = threading.Condition()

    @contextmanager
    def request(self, prompt_tokens: int, most: int) -> Iterator[Place]:
        """Around one request of an estimated prompt and at most `most` tokens of completion.

        Waits while requests under way hold what this one could need. Raises CannotError, before anything is sent,
        when what is left of the cap may not be enough.
        """
        place = Place()
        reserved = self._reserve(prompt_tokens, most)
        try:
            yield place
        finally:
            with self._changed:
                self._reserved.remove(reserved)
                if place.took.requests:
                    self._count(place.took, prompt_tokens)
                self._changed.notify_all()

    def priced(self, prompt_tokens: float, completion_tokens: float) -> float:
        """USD for so many tokens."""
        return (prompt_tokens * self.price[0] + completion_tokens * self.price[1]) / 1e6

    def fits(self, more: Spent) -> bool:
        """Whether so much more, beside what is under way, stays within the caps."""
        whole = sum(self._reserved, self.spent + more)
        within_tokens = self.tokens is None or whole.tokens <= self.tokens
        return within_tokens and (self.usd is None or whole.usd <= self.usd + 1e-12)

    def _reserve(self, prompt_tokens: int, most: int) -> Spent:
        with self._changed:
            while True:
                prompt = math.ceil(prompt_tokens * self._scale)
                wanted = Spent(1, prompt, most, self.priced(prompt, most))
                if self.fits(wanted):
                    self._reserved.append(wanted)
                    return wanted
                if not self._reserved:
                    raise CannotError(self._refusal(wanted))
                self._changed.wait()

    def _count(self, took: Spent, estimated_prompt: int) -> None:
        took = replace(took, usd=self.priced(took.prompt_tokens, took.completion_tokens))
        self.spent += took
        self._scale = max(self._scale, took.prompt_tokens / max(1, estimated_prompt))
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps(asdict(took)))  # before it, so that a line cut short ends there

    def _refusal(self, wanted: Spent) -> str:
        caps = [f"{self.tokens:,.0f} tokens"] if self.tokens is not None else []
        cap = " and ".join(caps + ([f"{self.usd:g} usd"] if self.usd is not None else []))
        usd = f" and {wanted.usd:.4g} usd" if wanted.usd else ""
        next_one = f"the next request may take {wanted.tokens:,} tokens{usd}, so it was not sent"
        return f"the budget of {cap} is spent: {self.spent}; {next_one}. Give a larger --budget"


def _before(file: Path) -> Spent:
    """What the file holds. A line cut short by a kill still stands for a request, of which only that is known."""
    cut: list[Problem] = []
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    whole = [Spent(**line) for _, line in texts.json_lines(text, file, cut)]
    return sum(whole, Spent(requests=len(cut)))
