"""Who is told how far long work is."""

from collections.abc import Callable

Watch = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is (0 where that is unknown)."""


def unwatched(what: str, done: int, total: int) -> None:
    """Watch nothing."""
