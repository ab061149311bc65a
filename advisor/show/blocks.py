"""What the terminal, the Markdown and the HTML report are made of: sections of a few kinds of blocks, already in words.

Text in blocks is as it came from data and models; whoever renders it makes it harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["", "soft", "warning", "strong", "good", "bad"]


@dataclass(frozen=True)
class Text:
    """A line or paragraph."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Bar:
    """A score from 0 to 100 with its interval, and what is said beside it."""

    label: str
    value: float
    lo: float
    hi: float
    note: str = ""


@dataclass(frozen=True)
class Bars:
    """Scores one below the other; `floors` are what no work at all scores."""

    bars: tuple[Bar, ...]
    floors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shares:
    """Parts of a whole, as shares of 1, each with what it means."""

    shares: Mapping[str, tuple[float, str]]


@dataclass(frozen=True)
class Column:
    """A column of a table; figures stand to the right, and in `links` web addresses can be followed."""

    name: str
    holds: Literal["words", "figures", "links"] = "words"


@dataclass(frozen=True)
class Table:
    """Rows of cells in words; `chosen` are the places of rows to stand out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    chosen: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Item:
    """One of a list, with what is said smaller beside it; web addresses in that are links."""

    text: str
    aside: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list under a name ("" for none)."""

    items: tuple[Item, ...]
    name: str = ""


@dataclass(frozen=True)
class Beside:
    """One input with texts side by side, each under a name: what was wanted, and what systems gave (None: nothing)."""

    id: str
    input: str
    texts: Mapping[str, str | None]


Block = Text | Bars | Shares | Table | Bullets | Beside


@dataclass(frozen=True)
class Section:
    """Blocks under a title."""

    title: str
    blocks: tuple[Block, ...]


def table(head: str, *rows: tuple[str, ...], chosen: frozenset[int] = frozenset()) -> Table:
    """A table from its head as "words|>figures|@links|...", and its rows."""
    kinds: Mapping[str, Literal["figures", "links"]] = {">": "figures", "@": "links"}
    names = head.split("|")
    columns = (Column(name.lstrip(">@"), kinds.get(name[:1], "words")) for name in names)
    return Table(tuple(columns), rows, chosen)
