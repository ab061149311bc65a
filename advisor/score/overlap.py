"""Metrics of text by what it has in common with the accepted answers: words, runs of words, characters."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import LCSseq

from advisor.score.metric import Floats, Statistics, ratio
from advisor.task import Example
from advisor.texts import clean, spaced, words, written
from retrieval.holding import holds

_NUMBER = re.compile(r"-?[0-9][0-9.,:/-]*")


def same_text(text: str, answer: str) -> float:
    """Equal but for white space and what Unicode holds for equal; case and punctuation count: SQL, code and ids live in them."""
    return float(clean(text).split() == clean(answer).split())


def contains(text: str, answer: str) -> float:
    """Whether the answer stands in the text, as it stands in a document (`retrieval.holding`): words whole and in a row.

    Differs from what is published under this name where SQuAD's normalisation (Liu et al. 2023, "Lost in the Middle")
    looks for letters: there "24" is in "1924" and "35" in "3.5". No text holds an empty answer but an empty one.
    """
    return float(holds(text, [answer]) or not (text.strip() or answer.strip()))


def _f1(common: float, given: float, wanted: float) -> float:
    return 2 * common / (given + wanted) if given + wanted else 1.0


def token_f1(text: str, answer: str) -> float:
    """F1 over the bags of words (SQuAD: Rajpurkar et al. 2016; `texts.words` says where ours differ).

    As in DROP (Dua et al. 2019) a wrong number is wrong: a text whose numbers are all others than the answer's gets 0,
    though it says the right unit. SQuAD's scorer gives "91 mm" half for "9.1 mm".
    """
    given, wanted = Counter(words(text)), Counter(words(answer))
    numbers, right = ({word for word in bag if _NUMBER.fullmatch(word)} for bag in (given, wanted))
    if numbers and right and not numbers & right:
        return 0.0
    return _f1((given & wanted).total(), given.total(), wanted.total())


def rouge_l(text: str, answer: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004), no stemming.

    The words of Google's rouge-score, but for what it takes apart or drops: a number keeps its sign and points, an
    abbreviation its letters, a letter that is not ASCII counts, with its marks, and so does a symbol such as "€".
    """
    given, wanted = written(text), written(answer)
    return _f1(LCSseq.similarity(given, wanted), len(given), len(wanted))


def _chrf_counts(text: str, answer: str) -> Statistics:
    given, wanted = ("".join(clean(t).split()) for t in (text, answer))
    counts: list[float] = []
    for n in range(1, 7):
        ours, theirs = (Counter(t[i : i + n] for i in range(len(t) - n + 1)) for t in (given, wanted))
        counts += [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]
    return tuple(counts)


def chrf_of(sums: Floats) -> Floats:
    """chrF2 from summed counts (given, wanted, common) of character 1- to 6-grams, as sacrebleu 2 computes it."""
    given, wanted, common = (sums[:, i::3] for i in range(3))
    orders = ((given > 0) & (wanted > 0)).sum(1)
    precision = ratio(np.where(wanted > 0, ratio(common, given), 0).sum(1), orders)
    recall = ratio(np.where(given > 0, ratio(common, wanted), 0).sum(1), orders)
    return 100 * ratio(5 * precision * recall, 4 * precision + recall)


def chrf_best(text: str, example: Example) -> Statistics:
    """The counts against the accepted answer that is nearest by chrF."""
    candidates = [_chrf_counts(text, answer) for answer in example.answers]
    return max(candidates, key=lambda counts: float(chrf_of(np.array([counts]))[0]))


def chrf_score(text: str, example: Example) -> float:
    """chrF2 against the nearest accepted answer, 0 to 100."""
    return float(chrf_of(np.array([chrf_best(text, example)]))[0])


def _tokens_13a(text: str) -> list[str]:
    """Lower-cased tokens of mteval-v13a, the tokens in which SARI is published; where no spaces are, characters."""
    text = spaced(clean(text).lower())
    text = re.sub(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", r" \1 ", f" {text} ")
    text = re.sub(r"([^0-9])([\.,])", r"\1 \2 ", text)
    text = re.sub(r"([\.,])([^0-9])", r" \1 \2", text)
    return re.sub(r"([0-9])(-)", r"\1 \2 ", text).split()


def sari(text: str, example: Example) -> float:
    """SARI (Xu et al. 2016) of a rewriting of the input: mean of F1 of what it adds and keeps, precision of what it deletes.

    As Hugging Face `evaluate` computes it (0/0 is 1, so that the one right rewriting gets 100), but deleting nothing
    where an answer deletes something is 0, as in the paper: otherwise copying the input would score near 60. No text
    at all is 0 too, unless that is an answer.
    """
    source, given, *answers = map(_tokens_13a, (example.input, text, *example.answers))
    if not given and all(answers):
        return 0.0
    parts = [0.0, 0.0, 0.0]
    for n in range(1, 5):
        old, new, *wanted = (Counter(zip(*(t[i:] for i in range(n)), strict=False)) for t in (source, given, *answers))
        parts = [sum(pair) for pair in zip(parts, _sari_grams(old, new, wanted), strict=True)]
    return 100 * sum(parts) / 12


def _sari_grams(old: Counter[Any], new: Counter[Any], wanted: Sequence[Counter[Any]]) -> tuple[float, float, float]:
    def over(part: float, whole: float) -> float:
        return part / whole if whole else 1.0

    def mean_share(part: Counter[Any], whole: Counter[Any]) -> float:
        return over(sum(part[gram] / whole[gram] for gram in part), len(whole))

    def harmonic(p: float, r: float) -> float:
        return 2 * p * r / (p + r) if p + r else 0.0

    every = sum(wanted, Counter[Any]())
    olds, news = (Counter({gram: n * len(wanted) for gram, n in c.items()}) for c in (old, new))
    kept, keepable, deleted, deletable = olds & news, olds & every, olds - news, olds - every
    good = kept & every
    added, addable = set(new) - set(old), set(every) - set(old)
    keep = harmonic(mean_share(good, kept), over(good.total(), keepable.total()))
    delete = mean_share(deleted - every, deleted) if deleted or not deletable else 0.0
    add = harmonic(over(len(added & addable), len(added)), over(len(added & addable), len(addable)))
    return keep, delete, add
