"""The structure of a text as Markdown writes it: headings, tables, fenced code and paragraphs, line by line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Literal, NamedTuple

HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
UNDERLINE = re.compile(r" {0,3}(={3,}|-{3,})[ \t]*")  # Markdown takes one sign; in plain text that is too little
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
LONGEST_NAME = 300  # characters; what is longer is no heading, and would be repeated in the title of every passage
BELOW_NAME = re.compile(r":?-+:?")  # a cell of the line below a table's header


class Line(NamedTuple):
    """A line of a text, without its line end."""

    start: int
    end: int
    text: str


class Block(NamedTuple):
    """A heading, table, fence or paragraph, `text[start:end]`.

    level, name: of a heading, 1 to 6 and its words.
    header: of a table, where the two lines of its header end.
    """

    kind: Literal["heading", "table", "fence", "paragraph"]
    start: int
    end: int
    level: int = 0
    name: str = ""
    header: int = 0


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text in their order; between them are only blank lines."""
    lines = _lines(text)
    open_lines: list[Line] = []  # the first and the last two of the paragraph that is not closed yet
    line = next(lines, None)
    while line:
        block, following = _special(line, open_lines, lines)
        if open_lines and (block or not line.text.strip()):
            yield Block("paragraph", open_lines[0].start, open_lines[-1].end)
            open_lines.clear()
        if block:
            yield block
        elif line.text.strip():
            del open_lines[1:-1]
            open_lines.append(line)
        line = following
    if open_lines:
        yield Block("paragraph", open_lines[0].start, open_lines[-1].end)


def paragraphs(text: str) -> Iterator[Block]:
    """The blocks of a text that is no Markdown: what stands between blank lines."""
    start = end = -1
    for line in _lines(text):
        if line.text.strip():
            start, end = line.start if start < 0 else start, line.end
        elif start >= 0:
            yield Block("paragraph", start, end)
            start = -1
    if start >= 0:
        yield Block("paragraph", start, end)


def first_heading(text: str) -> str:
    """The words of the first heading, "" without one."""
    return next((block.name for block in blocks(text) if block.kind == "heading"), "")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a cell is one line in it."""
    written = StringIO()  # not a list: millions of short rows would take twenty times the memory
    written.write(f"{_row(header)}\n|{' --- |' * len(header)}")
    for cells in rows:
        written.write(f"\n{_row(cells)}")
    return written.getvalue()


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _special(line: Line, before: list[Line], lines: Iterator[Line]) -> tuple[Block | None, Line | None]:
    """The block other than a paragraph that is recognised at `line`, and the first line after what was used.

    A table or an underlined heading is recognised at its second line, and takes its first line from `before`.
    """
    if (match := HEADING.fullmatch(line.text)) and 0 < len(name := _name(match[2])) <= LONGEST_NAME:
        return Block("heading", line.start, line.end, len(match[1]), name), next(lines, None)
    if (match := FENCE.fullmatch(line.text)) and not (match[1][0] == "`" and "`" in match[2]):
        end, following = _fence(match[1], line.end, lines)
        return Block("fence", line.start, end), following
    if before and "|" in line.text and "|" in before[-1].text and _below_header(line.text):
        start = before.pop().start
        end, following = _rows(line.end, lines)
        return Block("table", start, end, header=line.end), following
    if len(before) == 1 and len(before[0].text) <= LONGEST_NAME and (match := UNDERLINE.fullmatch(line.text)):
        first = before.pop()
        level = 1 if match[1][0] == "=" else 2
        return Block("heading", first.start, line.end, level, first.text.strip()), next(lines, None)
    return None, next(lines, None)


def _name(heading: str) -> str:
    """A heading's words without the # that may close it."""
    heading = heading.strip()
    words = heading.rstrip("#")
    return heading if words and not words[-1].isspace() else words.rstrip()


def _below_header(line: str) -> bool:
    return all(
        BELOW_NAME.fullmatch(cell.strip()) for cell in line.strip().removeprefix("|").removesuffix("|").split("|")
    )


def _fence(mark: str, end: int, lines: Iterator[Line]) -> tuple[int, Line | None]:
    """Where the fence ends that `mark` opened, at the end of the text if nothing closes it."""
    for line in lines:
        end = line.end
        match = FENCE.fullmatch(line.text)
        if match and match[1].startswith(mark) and not match[2].strip():
            break
    return end, next(lines, None)


def _rows(end: int, lines: Iterator[Line]) -> tuple[int, Line | None]:
    """Where the rows of a table end, and the line after them."""
    for line in lines:
        if "|" not in line.text:
            return end, line
        end = line.end
    return end, None


def _lines(text: str) -> Iterator[Line]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield Line(start, end, text[start:end])
        start = end + 1
