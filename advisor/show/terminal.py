"""Blocks as rich shows them in a terminal. Prints nothing itself, and never reads text from data as markup."""

import math
from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text as Line

from advisor.show.blocks import Bars, Block, Bullets, Section, Style, Table, Text
from advisor.show.words import clean, figure

BAR, LABEL = 24, 26  # columns
STYLES: Mapping[Style, str] = {
    "": "",
    "soft": "dim",
    "warning": "yellow",
    "strong": "bold",
    "good": "bold green",
    "bad": "bold red",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def shown(section: Section) -> RenderableType:
    """A section: its title on the left, its blocks on the right."""
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(width=12, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_row(_line(section.title, "bold"), Group(*map(_block, section.blocks)))
    return grid


def _block(block: Block) -> RenderableType:
    if isinstance(block, Text):
        return _line(block.text, STYLES[block.style])
    if isinstance(block, Bars):
        return _bars(block)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Bullets):
        return _bullets(block)
    raise TypeError(f"the terminal does not show {type(block).__name__}")


def _bars(bars: Bars) -> Grid:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(max_width=LABEL)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(style="dim")
    for one in bars.bars:
        score = f"{figure(one.value, 0)} ± {figure((one.hi - one.lo) / 2, 0)}"
        grid.add_row(_line(one.label), _bar(one.value, "cyan"), _line(score), _line(one.note))
    for name, value in bars.floors.items():
        alone = _line(figure(value, 0) + " " * 4, "dim")
        grid.add_row(_line(name, "dim"), _bar(value, "dim"), alone, _line("floor"))
    return grid


def _bar(value: float, style: str) -> Line:
    """A bar of 0 to 100 in eighths of a column."""
    eighths = round(min(100.0, max(0.0, value)) / 100 * BAR * 8) if math.isfinite(value) else 0
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return Line.assemble(("▕", "dim"), (filled.ljust(BAR), style), ("▏", "dim"))


def _table(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, show_edge=False)
    for column in table.columns:
        figures = column.holds == "figures"  # whole, where words can still give way
        grid.add_column(_line(column.name), justify="right" if figures else "left", no_wrap=figures)
    for row in table.rows:
        grid.add_row(*map(_line, row))
    return grid


def _bullets(bullets: Bullets) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    for item in bullets.items:
        grid.add_row(_line(" ·"), _line(item.text))
    return Group(_line(bullets.name, "bold"), grid) if bullets.items else Group()


def _line(value: str, style: str = "") -> Line:
    """Text as it is: never read as markup."""
    return Line(clean(value), style=style, overflow="fold")
