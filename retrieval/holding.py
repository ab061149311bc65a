"""Whether an accepted answer stands in a text; knows neither where the text comes from nor who asks.

It stands there where its words and signs do, whole and in a row, as in Karpukhin et al., "Dense Passage Retrieval for
Open-Domain Question Answering" (EMNLP 2020); but punctuation is passed over, and so is an article in front of it.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from retrieval.boundaries import SPACELESS
from retrieval.words import folded

ALONE = re.compile(f"{SPACELESS.pattern}|[\uac00-\ud7a3]")  # Korean too: it writes particles at the end of words
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
PIECE = re.compile(  # words ("C++" is one), numbers ("3.5"), and signs that change what is said
    r"\w+(?:(?<=\d)\.\d+|(?<=[^\W\d])[+#]+)?|[$£¥¢\u20a0-\u20cf°%+#]"
)
ARTICLE = re.compile(r"^ (?:the|an?) (?=.)")


def holds(text: str, accepted: Sequence[str]) -> bool:
    """Whether one of the accepted answers stands in the text, whatever the case, accents and white space.

    "24" is not in "1924", "C++" not in "vitamin C", "$5" is in "for $5."; in scripts without spaces any character may
    begin or end an answer.
    """
    return holder(text)(accepted)


def holder(text: str) -> Callable[[Sequence[str]], bool]:
    """The same for many answers: what says whether the text holds one of those accepted."""
    row = _row(text)

    def stands(answer: str) -> bool:
        wanted = _wanted(answer)
        return wanted in row if wanted.strip() else answer.strip() in text  # punctuation alone has no pieces

    return lambda accepted: any(stands(answer) for answer in accepted if answer.strip())


@lru_cache(4096)  # an answer is looked for in many texts
def _wanted(answer: str) -> str:
    return ARTICLE.sub(" ", _row(answer))


def _row(text: str) -> str:
    """The pieces of a text with spaces between and around them."""
    text = folded(text)
    if not text.isascii():
        text = ALONE.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    return f" {' '.join(PIECE.findall(THOUSANDS.sub('', text)))} "
