"""What sits behind a model's name, as everyone sees it."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from advisor.system import Prediction, Request
from trainers import Speed

Ability = Literal["generate", "constrain", "tune", "tune_remote"]


class Model(Protocol):
    """Whatever can answer requests. A path that needs an ability that is missing stays ranked, with the reason."""

    @property
    def name(self) -> str:
        """What the person calls it."""

    @property
    def can(self) -> frozenset[Ability]:
        """What the model can do."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes an answer, or of what stands for it."""

    @property
    def context(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        """Answer all requests, yielding (index, prediction) as each ends. All requests share one decoding.

        An answer is told without the thought before it. What the limit of the decoding cuts off gets a larger one, once.
        """

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """The requests by their places, in the parts in which they are best made."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, or an estimate of it."""

    def measure(self) -> Speed:
        """How fast it is, from a short timing."""
