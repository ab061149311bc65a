"""Splits documents into passages, by structure first; knows how long a passage is only through a counter."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from retrieval.documents import Document

HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n(?=\s*(?:[-*+|>]|\d+[.)])\s)")
LEVELS = (re.compile(r"\n[ \t]*\n\s*"), SENTENCE, re.compile(r"\s+"))  # paragraphs, sentences and list items, words

Counter = Callable[[str], int]
Span = tuple[int, int]


@dataclass(frozen=True)
class Passage:
    """A piece of a document: its text as it stands there, titled with the document's title and the headings above it.

    `document` is the document's id, `position` (from 0) the place among that document's passages.
    """

    id: str
    document: str
    title: str
    text: str
    position: int


def count_words(text: str) -> int:
    """Tokens of `text`, roughly: English takes about 1.3 word pieces a word."""
    return math.ceil(1.3 * len(text.split()))


def split(
    documents: Iterable[Document], count: Counter | None = None, budget: int = 160, overlap: int = 1
) -> tuple[Passage, ...]:
    """Split documents into passages at headings, then paragraphs, then sentences; inside a sentence only at a space.

    count: tokens of a text, for instance by a model's tokenizer; by default estimated from the words.
    budget: most tokens of a passage; only one word longer than that goes over it.
    overlap: sentences at the end of a passage that the next one of the same section repeats, where they fit.
    """
    return tuple(
        passage for document in documents for passage in _passages(document, count or count_words, budget, overlap)
    )


def _passages(document: Document, count: Counter, budget: int, overlap: int) -> Iterator[Passage]:
    text = document.text.strip()
    if count(text) <= budget:
        pieces = [(document.title, text)] if text else []
    else:
        pieces = [
            (title, text[start:end])
            for title, section in _sections(document.title, text)
            for start, end in _packed(text, section, count, budget, overlap)
        ]
    for position, (title, piece) in enumerate(pieces):
        id = document.id if len(pieces) == 1 else f"{document.id}#{position}"
        yield Passage(id, document.id, title, piece, position)


def _sections(title: str, text: str) -> Iterator[tuple[str, Span]]:
    """The text between headings, titled with the document's title and the headings that it stands under."""
    above: list[tuple[int, str]] = [(0, title)] if title else []
    start = 0
    for heading in HEADING.finditer(text):
        yield _trail(above), (start, heading.start())
        level = len(heading[1])
        above = [(other, name) for other, name in above if other < level] + [(level, heading[2])]
        start = heading.end()
    yield _trail(above), (start, len(text))


def _trail(above: list[tuple[int, str]]) -> str:
    return " > ".join(dict.fromkeys(name for _, name in above))


def _packed(text: str, section: Span, count: Counter, budget: int, overlap: int) -> Iterator[Span]:
    """Fill passages with as many units as the budget allows."""
    start = end = -1
    for unit_start, unit_end in _units(text, section, count, budget):
        if start < 0:
            start = unit_start
        elif count(text[start:unit_end]) > budget:
            yield start, end
            sentences = [sentence for sentence, _ in _cut(text, (start, end), SENTENCE)]
            repeated = sentences[-overlap] if 0 < overlap < len(sentences) else unit_start
            start = repeated if count(text[repeated:unit_end]) <= budget else unit_start
        end = unit_end
    if start >= 0:
        yield start, end


def _units(text: str, span: Span, count: Counter, budget: int, level: int = 0) -> Iterator[Span]:
    """Cut `span` into the largest pieces that fit the budget."""
    for piece in _cut(text, span, LEVELS[level]):
        if count(text[slice(*piece)]) <= budget or level + 1 == len(LEVELS):
            yield piece
        else:
            yield from _units(text, piece, count, budget, level + 1)


def _cut(text: str, span: Span, at: re.Pattern[str]) -> Iterator[Span]:
    """The pieces of `span` between the places where `at` matches, without white space around them."""
    start, end = span
    for stop, following in [match.span() for match in at.finditer(text, start, end)] + [(end, end)]:
        piece = text[start:stop]
        if stripped := piece.strip():
            first = start + piece.index(stripped)
            yield first, first + len(stripped)
        start = following
