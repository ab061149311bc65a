"""Splits documents into passages, by structure first; knows how long a passage is only through a counter."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby, islice, takewhile
from typing import NamedTuple

from retrieval.boundaries import CHARACTER, LINE, SENTENCE, SPACELESS, WORD
from retrieval.documents import Document
from retrieval.structure import Block, blocks, paragraphs

BUDGET = 160  # tokens of a passage at most, unless another number is asked for
LONGEST_WORD_PIECE = 8  # characters, on average over a text; a long word such as an address has many pieces
TITLE = 3  # 2 to 3 measured alike; more than once gained everywhere where documents have titles
LONGEST_TOKEN = 64  # characters; more than that for every token of the budget is too long, and is not counted

Counter = Callable[[str], int]


@dataclass(frozen=True)
class Passage:
    """A piece of a document, titled with the document's title and the headings above it.

    document, position: the document's id, and the place (from 0) among that document's passages.
    start, end: its characters in the document's text. `text` is these characters; only where it goes on with the
        rows of a table does the table's header stand before them, and of a document without text it is the title.
    page: the page on which it begins, from 1; 0 where there are no pages.
    metadata: the document's.
    """

    id: str
    document: str
    title: str
    text: str
    position: int
    start: int = 0
    end: int = 0
    page: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def titled(self) -> str:
        """What an embedder and a reader see: the title says what the text is about."""
        return f"{self.title}\n{self.text}".strip()

    @property
    def worded(self) -> str:
        """What words see: the title says in few words what the text is about, so they count `TITLE` times."""
        return "\n".join([self.title] * TITLE + [self.text])

    @property
    def place(self) -> str:
        """Where a person finds it, such as "handbook.pdf, page 12, Leave > Parental"."""
        return ", ".join(part for part in (self.document, self.page and f"page {self.page}", self.title) if part)


def count_words(text: str) -> int:
    """Tokens of `text`, roughly: about 1.3 a word in English, and one a letter where words have no spaces between."""
    words, letters = SPACELESS.subn(" ", text) if not text.isascii() else (text, 0)
    return letters + math.ceil(max(1.3 * len(words.split()), len(words) / LONGEST_WORD_PIECE))


def split(
    documents: Iterable[Document], count: Counter | None = None, budget: int = BUDGET, overlap: int = 1
) -> tuple[Passage, ...]:
    """Split documents into passages at headings, then between paragraphs, sentences or rows, then words.

    A word is never cut, except in scripts that are written without spaces. A heading that has text under it stands in
    the titles of that text only. A document that has only a title is one passage, of the title.

    count: tokens of a text, for instance by a model's tokenizer; by default estimated from the words.
    budget: most tokens of a passage; only one word longer than that goes over it.
    overlap: sentences at the end of a passage that the next one of the same section repeats, where they fit.
    """
    return tuple(
        passage for document in documents for passage in _passages(document, count or count_words, budget, overlap)
    )


class _Piece(NamedTuple):
    """A stretch of text; `header` is of the table that it is a row of, `prose` says that it consists of sentences."""

    start: int
    end: int
    header: str = ""
    prose: bool = False


Fits = Callable[[_Piece], bool]


def _passages(document: Document, count: Counter, budget: int, overlap: int) -> Iterator[Passage]:
    text = document.text

    def fits(piece: _Piece) -> bool:
        short = len(piece.header) + piece.end - piece.start <= LONGEST_TOKEN * budget
        return short and count(piece.header + text[piece.start : piece.end]) <= budget

    def begin(joined: list[_Piece], following: _Piece) -> _Piece:
        longer = _begun_earlier(text, joined, following, overlap)
        return longer if fits(longer) else following

    if not text.strip():
        if document.title:  # which is then what there is to search
            yield Passage(document.id, document.id, "", document.title, 0, metadata=document.metadata)
        return
    whole = _Piece(len(text) - len(text.lstrip()), len(text.rstrip()))
    if fits(whole):
        pieces = [(document.title, whole)]
    else:
        pieces = [
            (title, piece)
            for title, section in _sections(document.title, paragraphs(text) if document.plain else blocks(text))
            for piece in _joined(_units(text, section, fits), fits, begin)
        ]
    for position, (title, piece) in enumerate(pieces):
        yield Passage(
            id=document.id if len(pieces) == 1 else f"{document.id}#{position}",
            document=document.id,
            title=title,
            text=piece.header + text[piece.start : piece.end],
            position=position,
            start=piece.start,
            end=piece.end,
            page=document.page(piece.start),
            metadata=document.metadata,
        )


def _sections(title: str, parts: Iterable[Block]) -> Iterator[tuple[str, Iterable[Block]]]:
    """The blocks between headings, titled with the document's title and the headings that they stand under.

    To be used up one after the other: the blocks of a large section are never all in memory.
    """
    above: list[tuple[int, str]] = [(0, title)] if title else []
    empty: Block | None = None  # the last heading, while nothing stands under it
    for headings, group in groupby(parts, lambda block: block.kind == "heading"):
        if not headings:
            yield _trail(above), group
            empty = None
            continue
        for heading in group:
            if empty and heading.level <= empty.level:
                yield _trail(above), [empty]  # with nothing under it, a heading is itself the text
            above = [(level, name) for level, name in above if level < heading.level] + [(heading.level, heading.name)]
            empty = heading
    if empty:
        yield _trail(above), [empty]


def _trail(above: list[tuple[int, str]]) -> str:
    return " > ".join(dict.fromkeys(name for _, name in above))


def _units(text: str, section: Iterable[Block], fits: Fits) -> Iterator[_Piece]:
    """The largest pieces of a section that fit: blocks, or what they must be cut into."""
    for block in section:
        whole = _Piece(block.start, block.end, prose=block.kind == "paragraph")
        if fits(whole):
            yield whole
        elif block.kind == "table" and block.header < block.end:
            yield from _rows(text, block, fits)
        else:
            yield from _finer(text, whole, (SENTENCE, LINE) if whole.prose else (LINE,), fits)


def _rows(text: str, table: Block, fits: Fits) -> Iterator[_Piece]:
    """The rows of a table, the first with the header before it where both fit, the others with a copy."""
    header = text[table.start : table.header] + "\n"
    rows = _cut(text, _Piece(table.header, table.end, header), LINE)
    first = next(rows)
    if fits(begin := _Piece(table.start, first.end)):
        yield begin
    else:
        yield from _finer(text, _Piece(table.start, table.header), (LINE,), fits)
        yield from _finer(text, first, (), fits)
    for row in rows:
        yield from _finer(text, row, (), fits)


def _finer(text: str, piece: _Piece, levels: tuple[re.Pattern[str], ...], fits: Fits) -> Iterator[_Piece]:
    """Cut `piece` at the first of the levels that makes pieces that fit; the last resorts are words and letters."""
    if fits(piece):
        yield piece
    elif levels:
        for part in _cut(text, piece, levels[0]):
            yield from _finer(text, part, levels[1:], fits)
    else:
        for words in _joined(_cut(text, piece, WORD), fits):
            yield from [words] if fits(words) else _joined(_cut(text, words, CHARACTER), fits)


def _cut(text: str, piece: _Piece, at: re.Pattern[str]) -> Iterator[_Piece]:
    """The parts of `piece` between the places where `at` matches, without white space around them."""
    start = piece.start
    stops = (match.span() for match in at.finditer(text, piece.start, piece.end))
    for stop, following in chain(stops, [(piece.end, piece.end)]):
        part = text[start:stop]
        if stripped := part.strip():
            first = start + part.index(stripped)
            yield piece._replace(start=first, end=first + len(stripped))
        start = following


def _joined(
    pieces: Iterator[_Piece], fits: Fits, begin: Callable[[list[_Piece], _Piece], _Piece] = lambda _, piece: piece
) -> Iterator[_Piece]:
    """Join neighbours into the longest pieces that fit, one of them at least.

    begin: given the pieces just joined and the next one, says how the next one begins.
    """
    waiting = list(islice(pieces, 1))
    many = 1

    def fit(many: int) -> bool:
        waiting.extend(islice(pieces, max(0, many - len(waiting))))
        return many <= len(waiting) and fits(waiting[0]._replace(end=waiting[many - 1].end))

    while waiting:
        if waiting[0].header and not fits(waiting[0]):
            waiting[0] = waiting[0]._replace(header="")
        many = _most(fit, many)
        yield waiting[0]._replace(end=waiting[many - 1].end)
        fit(many + 1)  # so that the next one waits
        waiting[: many + 1] = [begin(waiting[:many], piece) for piece in waiting[many : many + 1]]


def _most(fit: Callable[[int], bool], guess: int) -> int:
    """The largest number that fits, 1 if none does, with few tries where it is near the guess."""
    low, high, step = 1, max(guess, 2), 1
    while fit(high):
        low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fit(middle) else (low, middle)
    return low


def _begun_earlier(text: str, joined: list[_Piece], following: _Piece, sentences: int) -> _Piece:
    """`following` with the last sentences of what was joined before it; rows of tables and code are not repeated."""
    prose = list(takewhile(lambda piece: piece.prose, reversed(joined)))
    if not (sentences and prose and following.prose):
        return following
    starts = [sentence.start for sentence in _cut(text, _Piece(prose[-1].start, prose[0].end), SENTENCE)]
    start = starts[-min(sentences, len(starts))]
    return following._replace(start=start) if start > joined[0].start else following
