"""Whether an accepted answer stands in a text; knows neither where the text comes from nor who asks.

It stands there where its words and signs do, whole and in a row, as in Karpukhin et al., "Dense Passage Retrieval for
Open-Domain Question Answering" (EMNLP 2020); but punctuation is passed over, and so is an article in front of it.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from retrieval.words import signed
from retrieval.writing import clean

KOREAN = re.compile("[\uac00-\ud7a3]")  # writes particles at the end of words
RANGE = re.compile(r"(?<=\d )[-\u2212\u2013](?=\d)")  # what stands between two numbers is no minus
ARTICLE = re.compile(r"^ (?:the|an?) (?=.)")


def holds(text: str, accepted: Sequence[str]) -> bool:
    """Whether one of the accepted answers stands in the text, whatever the case, accents and white space.

    "24" is not in "1924", "C++" not in "vitamin C", "5" not in "-5" or "3.5"; "$5" is in "for $5.", "1879" in "1879-1955".
    In scripts without spaces any character may begin or end an answer.
    """
    return holder(text)(accepted)


def holder(*texts: str) -> Callable[[Sequence[str]], bool]:
    """The same for many answers: what says whether one of the texts holds one of those accepted."""
    rows = "\n".join(map(_row, texts))

    def stands(answer: str) -> bool:
        wanted = _wanted(answer)
        if wanted.strip():
            return wanted in rows
        return any(clean(answer).strip() in clean(text) for text in texts)  # punctuation alone has no words

    return lambda accepted: any(stands(answer) for answer in accepted if clean(answer).strip())


@lru_cache(4096)  # an answer is looked for in many texts
def _wanted(answer: str) -> str:
    return ARTICLE.sub(" ", _row(answer))


def _row(text: str) -> str:
    """The words and signs of a text with spaces between and around them."""
    apart = KOREAN.sub(r" \g<0> ", RANGE.sub(" ", clean(text)))
    return f" {' '.join(signed(apart))} "
