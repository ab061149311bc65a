"""The one tokenizer: a text to its words, for search, metrics, duplicates and whether a text holds an answer.

Letters, digits and marks in a row are a word; punctuation separates words, the underscore too. But
- the points of abbreviations do not ("U.S." is "us"), and plus and number signs belong to the name they end ("C++", "C#");
- a number keeps its sign and its points ("-5", "3.5", "1.10.2") and loses the commas of thousands ("1,000" is "1000");
- scripts that write no spaces are read by character (Chinese, Japanese) or by cluster (Thai, Lao, Khmer, Burmese: a letter
  with what is written around it, as in Theeramunkong et al., "Character Cluster Based Thai Information Retrieval", 2000).
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import groupby, pairwise
from typing import cast

from Stemmer import Stemmer

from retrieval.writing import compared, folded

_LUCENE = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to "
    "was will with"
)
STOP = frozenset(_LUCENE.split())  # its English stop words
_ENGLISH = Stemmer("english", 0)  # its cache takes longer than stemming does

_SPACELESS = (  # letters and marks of Thai, Lao, Burmese, Khmer, Chinese and Japanese
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d\u1780-\u17d3\u17d7\u17dc"
    "\u17dd\ua9e0-\ua9ef\uaa60-\uaa7f\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_BEFORE = "\u0e40-\u0e44\u0ec0-\u0ec4"  # vowels that are written before their letter
_AFTER = "\u0e30-\u0e33\u0e45\u0e46\u0eb0-\u0eb3\u0ec6"  # vowels and signs of repetition after it that are no marks
_STACKING = "\u1039\u17d2"  # puts the next letter below
_RUN = re.compile(f"[{_SPACELESS}]+")
_BARE = re.compile("[\u0e01-\u0e2e\u0e81-\u0eae\u1000-\u1021\u1780-\u17a2]")  # ends a syllable, and is no word
_PAIRED = re.compile(f"{_RUN.pattern}|[\uac00-\ud7a3]+")

# These patterns begin with the sign that they are about, which is found fast; they look back at what stands before it.
_LETTER = r"[^\W\d_]"
_OPEN = r"\s(\[{<>=:,;/|\"'“„«*~$£€¥"  # a minus after one of these, or at the start, is a number's
_INNER_POINT = re.compile(  # of an abbreviation: between one or two letters
    rf"\.(?={_LETTER}{{1,2}}(?!\w))(?:(?<={_LETTER}\.)(?<!\w.\.)|(?<={_LETTER}{{2}}\.)(?<!\w..\.))"
)
_BARE_POINT = re.compile(r"\.(?=[0-9])(?<![\w.].)")
_THOUSANDS = re.compile(  # "0,125" is a fraction; Indian numbers have pairs of digits before the last three
    ",(?=[0-9])(?<=[0-9].)(?<!(?<![0-9])0.)(?=(?:[0-9]{2},)*[0-9]{3}(?![0-9]))"
)
_MINUS_OF_MONEY = re.compile(rf"-(?<![^{_OPEN}].)([$£€¥])(?=[0-9])")
_SWISS_THOUSANDS = re.compile("'(?=[0-9]{3}(?![0-9]))(?<=[0-9].)")
_APOSTROPHE = re.compile(rf"'(?<=\w.)(?={_LETTER})")
_SIGNS = "$£¥¢\u20a0-\u20cf°%+#"  # that change what is said


def words(text: str) -> list[str]:
    """The words without accents, as they are searched for."""
    return _split(folded(text), _pattern())


def tokenize(text: str) -> list[str]:
    """English stems of the words (Porter's second algorithm, snowballstem.org), without stop words."""
    return _stems(words(text))


def terms(text: str) -> list[str]:
    """What is counted in search by words: the stems, and in scripts without spaces the pairs of neighbours too, but no bare
    consonant of Thai, Lao, Khmer or Burmese.

    Both together do about as well as dictionaries: Nie et al., "On the Use of Words and N-grams for Chinese Information
    Retrieval" (IRAL 2000). So do the syllables of Korean words, whose ends change: Lee and Ahn, "Using n-Grams for Korean
    Text Retrieval" (SIGIR 1996).
    """
    text = folded(text)
    stems = _stems(_split(text, _pattern()))
    if text.isascii():
        return stems
    runs = [_cluster().findall(run) or run for run in _PAIRED.findall(text)]
    pairs = [one + other for run in runs for one, other in pairwise(run)]
    return [stem for stem in stems if not _BARE.fullmatch(stem)] + pairs


def signed(text: str) -> list[str]:
    """The words without accents, and between them the signs that change what is said: of money, "%", "°", "+", "#"."""
    return _split(folded(text), _pattern(more=rf"|[{_SIGNS}]"))


def written(text: str) -> list[str]:
    """The words with their accents, and symbols that are no punctuation, each for itself: "€", "°", emoji."""
    return _split(compared(text), _pattern(more=_symbols()))


def joined(text: str) -> list[str]:
    """The same, but apostrophes and the signs between digits separate nothing: "don't" is "dont", "24/7" one word."""
    return _split(_APOSTROPHE.sub("", compared(text)), _pattern(".,:/-", _symbols()))


def spaced(text: str) -> str:
    """The text with spaces around each character, or cluster, of scripts that write none."""
    return _cluster().sub(r" \g<0> ", text) if not text.isascii() and _RUN.search(text) else text


def _stems(words: list[str]) -> list[str]:
    return cast(list[str], _ENGLISH.stemWords([word for word in words if word not in STOP]))


def _split(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The words of a text in which every letter has one form."""
    text = text.replace("_", " ")
    if "." in text:
        text = _BARE_POINT.sub("0.", _INNER_POINT.sub("", text))
    if "-" in text:
        text = _MINUS_OF_MONEY.sub(r"\1-", text)
    if "'" in text:
        text = _SWISS_THOUSANDS.sub("", text)
    if "," in text:
        text = _THOUSANDS.sub("", text)
    return pattern.findall(spaced(text))


@cache
def _pattern(between: str = ".,", more: str = "") -> re.Pattern[str]:
    """A word, which `between` two digits may hold these signs; or what is found by `more`."""
    # of plain ranges only, for which `re` makes one table: with classes such as \w in it, it takes four times as long
    letters = f"a-z0-9{_ranges(lambda one: one.isalnum() or _is_mark(one))}\U00010000-\U0001efff\U00020000-\U0003ffff"
    word = rf"[{letters}]+(?:[{between}](?<=[0-9].)[0-9]+|[+#](?<={_LETTER}.)(?:\+|(?![{letters}+#])))*"
    return re.compile(rf"{word}|-(?=[0-9])(?<![^{_OPEN}].){word}{more}")


@cache
def _symbols() -> str:
    symbol = f"[{_ranges(lambda one: unicodedata.category(one)[0] == 'S')}\U0001f000-\U0001faff]"
    return f"|{symbol}(?:\u200d{symbol})*"


@cache
def _cluster() -> re.Pattern[str]:
    """A letter of a script without spaces, with what is written before, after, above and below it."""
    return re.compile(f"[{_BEFORE}]*[{_SPACELESS}](?:[{_STACKING}][{_SPACELESS}]|[{_AFTER}{_ranges(_is_mark)}])*")


def _is_mark(one: str) -> bool:
    return unicodedata.category(one)[0] == "M"


def _ranges(belongs: Callable[[str], bool]) -> str:
    """The characters from U+0080 to U+FFFF that belong, as ranges for a pattern."""
    runs = [list(run) for true, run in groupby(range(0x80, 0x10000), lambda code: belongs(chr(code))) if true]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
