"""What a server showed of itself when it was asked: how long it thinks before it answers, and what of a request it refuses.

Knows nothing of HTTP; a file keeps it over restarts.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from advisor import runfolder

# Tokens that a thought may take of which only is known that it was cut off, and times the longest of those that were not.
ROOM, LARGER, SPARE = 2048, 4, 2


Part = Literal["max_tokens", "temperature", "system"]  # of a request


@dataclass(frozen=True)
class Shown:
    """Tokens of the longest thought that ended (`thought`) and of the longest that was cut off before an answer came
    (`cut`); the parts of a request that the server `refuses`."""

    thought: int = 0
    cut: int = 0
    refuses: tuple[Part, ...] = ()


@dataclass
class Habits:
    """What a server showed so far, safe for threads, kept in `file` where there is one."""

    file: Path | None = None
    shown: Shown = field(init=False)
    _one: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        kept = self.file and self.file.is_file()
        self.shown = runfolder.read(self.file, Shown) if self.file and kept else Shown()

    @property
    def thought(self) -> int:
        """Tokens that go into a thought, as far as one was seen."""
        return max(self.shown.thought, self.shown.cut)

    @property
    def room(self) -> int:
        """Tokens that an answer's limit is to leave beside it for a thought; 0 for a server that shows none."""
        ended, cut = self.shown.thought, self.shown.cut
        return max(ROOM, LARGER * cut) if cut > ended else SPARE * ended

    def thinks(self, tokens: int, ended: bool) -> None:
        """Note that a thought took so many tokens, and whether an answer came behind it."""
        with self._one:
            was = self.shown
            longest = max(tokens, was.thought if ended else was.cut)
            self._keep(replace(was, thought=longest) if ended else replace(was, cut=longest))

    def refuses(self, parts: Collection[Part]) -> None:
        """Note that the server answers a request without these parts, after it had refused it."""
        with self._one:
            self._keep(replace(self.shown, refuses=tuple(sorted({*self.shown.refuses, *parts}))))

    def _keep(self, shown: Shown) -> None:
        if shown != self.shown:
            self.shown = shown
            if self.file:
                runfolder.write(self.file, Shown, shown)
