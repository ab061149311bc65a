"""The one tokenizer: a text as lower-case words without accents, and those as stems without stop words."""

import re
import unicodedata

from Stemmer import Stemmer

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
STOP = frozenset(  # Lucene's English stop words
    WORD.findall(
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
        "to was will with"
    )
)
_ENGLISH = Stemmer("english")


def tokenize(text: str) -> list[str]:
    """English stems of the words (Porter's second algorithm, snowballstem.org), without stop words."""
    return [_ENGLISH.stemWord(word) for word in words(text) if word not in STOP]


def words(text: str) -> list[str]:
    """Lower-case words without accents; a character of a script that writes no spaces stands for itself."""
    return WORD.findall(folded(text))


def folded(text: str) -> str:
    """The text in lower case, without accents."""
    text = text.lower()
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return text
