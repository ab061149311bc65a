"""HTML as Markdown: headings, paragraphs, lists, tables and code.

Text is kept whatever element it stands in, buttons, labels and options among them: questions stand in buttons that open their
answers. Left out is what is hidden (`hidden`, unless it is to be found; `display: none`, `visibility: hidden`), what is program or
style, and what stands in for something that is not shown (`noscript`, `iframe`, `video`). `aria-hidden` hides nothing from who
reads with their eyes. Of pictures the alternative text is kept.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from retrieval.structure import table

Element = Any  # lxml has no types

UNSEEN = "script style template head noscript iframe object canvas audio video datalist annotation annotation-xml rp"
HIDING = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)")
HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
BLOCK_NAMES = (
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer "
    "form header hgroup hr html legend li main menu nav ol optgroup option p pre search section select summary table tbody "
    "td text textarea tfoot th thead tr ul"
)
APART = ("button", "label", "output", "rt")  # that spaces set off from the words around
SKIPPED = frozenset(UNSEEN.split())
BLOCKS = frozenset(HEADINGS) | frozenset(BLOCK_NAMES.split())
WIDEST_SPAN = 30  # columns; a table may claim that one cell spans millions
LONGEST_REPEATED, MOST_REPEATED = 100, 100_000  # characters and cells of a page, repeated in the rows that a cell spans
DEEPEST_LIST = 10  # lists inside one another that are indented; every line of an item repeats the indentation
MOST_PARTS = 3_000_000  # elements and attributes of a page, in about a gigabyte of memory at most
MOST_ATTRIBUTES = 1000  # of an element; to keep more takes libxml2 quadratic time
SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
LOOKS_LIKE_MARKDOWN = re.compile(r"#{1,6}[ \t]|```|~~~")


class TooLarge(ValueError):
    """More elements or attributes than memory and time allow, or more inside one another than the parser follows."""


def to_markdown(html: str) -> tuple[str, str]:
    """The page's `<title>`, "" without one, and its text as Markdown: of its `<main>` if it has one.

    Raises `TooLarge` on more than `MOST_PARTS` or `MOST_ATTRIBUTES`, or 2,000 elements inside one another.
    """
    # encoded again, since lxml refuses a string that declares an encoding, as XHTML does
    content = html.encode()
    etree.fromstring(content, etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, target=_Count()))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = etree.fromstring(content, parser) if html.strip() else None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise TooLarge("elements inside one another, more than 2,000 deep")
    if root is None:
        return "", ""
    title = root.find(".//head/title")
    [*mains] = root.iter("main")
    text = _Writer().written(mains[0] if len(mains) == 1 else root)
    return " ".join("".join(title.itertext()).split()) if title is not None else "", text


class _Count:
    """What lxml tells of a page before a tree is made of it, which takes memory by the element."""

    def __init__(self) -> None:
        self.parts = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.parts += 1 + len(attributes)
        if self.parts > MOST_PARTS:
            raise TooLarge(f"more than {MOST_PARTS:,} elements and attributes")
        if len(attributes) > MOST_ATTRIBUTES:
            raise TooLarge(f"an element of more than {MOST_ATTRIBUTES:,} attributes")

    def close(self) -> None:
        pass


class _Writer:
    """Collects blocks of text while it goes through the elements in their order, never by recursion."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.inline: list[str] = []  # of the block that is not closed yet
        self.prefix = ""
        self.lists: list[int | None] = []  # the open ones: how many items a numbered list has, None for bullets
        self.code = 0  # elements of preformatted text that are open
        self.repeats = iter(range(MOST_REPEATED))  # the cells that may still be repeated

    def written(self, root: Element) -> str:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "start" and (_unseen(element) or self._table(element)):
                walk.skip_subtree()
            elif event == "start":
                self._open(element)
                self._add(element.text)
            else:
                self._close(element.tag)
                self._add(element.tail if element is not root else None)
        self._end_block()
        return "".join(self.blocks)

    def _open(self, element: Element) -> None:
        tag = element.tag
        if tag in BLOCKS:
            self._end_block()
        if tag in HEADINGS:
            self.prefix = HEADINGS[tag]
        elif tag in ("ul", "ol"):
            self.lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self.prefix = self._item()
        elif tag == "option":
            self.prefix = "- "
        elif tag == "dd":
            self.prefix = ": "
        elif tag == "pre":
            self.code += 1
        elif tag == "br":
            self.inline.append("\n")
        elif tag == "img":
            self._add(element.get("alt"))
        elif tag == "input" and element.get("type", "").lower() in ("button", "submit", "reset"):
            self._add(f" {element.get('value', '')} ")
        elif tag in APART:
            self._add(" ")
        elif tag == "sup" and self.inline and self.inline[-1][-1:].isdigit():
            self._add("^")  # 10 to the 6th is not 106, nor is note 3 on 2020 20203

    def _close(self, tag: str) -> None:
        if tag in APART:
            self._add(" ")
        if tag not in BLOCKS:
            return
        self._end_block()
        if tag in HEADINGS or tag in ("li", "dd", "option"):
            self.prefix = ""
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif tag == "pre":
            self.code = max(0, self.code - 1)

    def _item(self) -> str:
        """What stands before the next item of the innermost list."""
        indent = "  " * (min(len(self.lists), DEEPEST_LIST) - 1)
        if not self.lists or (number := self.lists[-1]) is None:
            return f"{indent}- "
        self.lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _add(self, text: str | None) -> None:
        if text:
            self.inline.append(text if self.code else SPACE.sub(" ", text))

    def _end_block(self) -> None:
        text = "".join(self.inline)
        self.inline.clear()
        if self.code:
            self._write(_fenced(text.strip("\n")) if text.strip() else "")
            return
        lines = [line for part in text.split("\n") if (line := SPACE.sub(" ", part).strip())]
        if not lines:
            return
        if self.prefix.startswith("#"):
            self._write(self.prefix + " ".join(lines))
        elif self.prefix:
            self._write(self.prefix + ("\n" + " " * len(self.prefix)).join(lines), between="\n")
        elif LOOKS_LIKE_MARKDOWN.match(lines[0]):
            self._write("\\" + "\n".join(lines))
        else:
            indent = "  " * min(len(self.lists), DEEPEST_LIST)
            self._write(indent + f"\n{indent}".join(lines))
        self.prefix = ""

    def _write(self, block: str, between: str = "\n\n") -> None:
        if block and self.blocks:
            after_text = not self.blocks[-1].startswith(("|", "```", "#"))
            self.blocks.append(between if after_text else "\n\n")
        if block:
            self.blocks.append(block)

    def _table(self, element: Element) -> bool:
        """Write a table of data; False for what is no table, or only lays out the page."""
        if element.tag != "table" or element.get("role") == "presentation":
            return False
        if any(next(element.iterdescendants(tag), None) is not None for tag in ("table", "pre", "form", *HEADINGS)):
            return False
        if any(next(row.iterdescendants("tr"), None) is not None for row in element.iter("tr")):
            return False  # a row inside a row would be written again for each row around it
        header, *rows = _grid(element, self.repeats) or [[]]
        if not rows or max(map(len, (header, *rows))) < 2:
            return False
        self._end_block()
        caption = next(element.iter("caption"), None)
        self._write(_Writer().written(caption) if caption is not None else "")
        self._write(table(header, rows))
        return True


def _unseen(element: Element) -> bool:
    hidden = element.get("hidden", "until-found").lower() != "until-found"
    of_drawing = element.tag in ("title", "desc", "metadata", "defs")  # of an <svg>; the page's own is in its <head>
    return hidden or of_drawing or element.tag in SKIPPED or bool(HIDING.search(element.get("style", "")))


def _fenced(code: str) -> str:
    marks = max(map(len, re.findall("`{3,}", code)), default=2)
    return f"{'`' * (marks + 1)}\n{code}\n{'`' * (marks + 1)}"


def _grid(element: Element, repeats: Iterator[int]) -> list[list[str]]:
    """The rows of a table; the text of a cell that spans several rows stands in each of them, while `repeats` last."""
    grid: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}  # by column: how many rows a cell still spans, and its text
    for row in element.iter("tr"):
        cells: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        for cell in [*row.iterchildren("td", "th"), None]:
            while len(cells) in above and next(repeats, None) is not None:
                rows, text = above.pop(len(cells))
                if rows > 1:
                    below[len(cells)] = rows - 1, text
                cells.append(text)
            if cell is not None:
                text = " ".join(_Writer().written(cell).split())
                if (rows := _span(cell, "rowspan")) > 1 and len(text) <= LONGEST_REPEATED:
                    below[len(cells)] = rows - 1, text
                cells += [text] + [""] * (min(_span(cell, "colspan"), WIDEST_SPAN) - 1)
        if any(cells):
            grid.append(cells)
        above = below
    return grid


def _span(cell: Element, name: str) -> int:
    value = cell.get(name) or "1"
    return max(1, int(value)) if value.isdecimal() and len(value) < 6 else 1
