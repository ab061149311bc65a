"""Labels that are one to a person and several to a program. They are told, never merged."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.distance import OSA

from advisor.score.numbers import read_number
from advisor.texts import clean, compared, written

LONG_WORD = 4  # letters; two shorter words with one of them changed are two words
SLIP = 0.5  # of the rows of the label meant, at most; what is written as often is meant
_LAST = " .!?:,;。、"
_JOINT = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])")


@dataclass(frozen=True)
class Alike:
    """A label, and those that are the same but for something: each with what it differs in."""

    label: str
    others: Mapping[str, str]


def likeness(text: str) -> str:
    """What labels that are alike have in common: no case, nothing invisible, no sign at the end, numbers by value,
    words in one go."""
    if number := read_number(text):
        return f"{number.value.normalize() + 0:f} {number.unit}"  # + 0: no minus before a zero
    text = " ".join(compared(text).split())
    return _JOINT.sub("", text.rstrip(_LAST) or text)


def alike(counts: Mapping[str, int]) -> list[Alike]:
    """The labels that others are alike to, the commonest of each group first named; `counts` are their rows."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        groups[likeness(label)].append(label)
    times = Counter({key: sum(counts[label] for label in labels) for key, labels in groups.items()})
    meant = {key: key for key in groups}
    for one, other in combinations(times, 2):
        often, seldom = sorted((one, other), key=lambda key: -times[key])
        if times[seldom] <= SLIP * times[often] and _one_slip(groups[often][0], groups[seldom][0]):
            meant[seldom] = often
    told: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for key, labels in groups.items():
        main = groups[meant[key]][0]
        slip = "one letter" if meant[key] != key else ""
        told[main] |= {label: slip or _difference(label, main) for label in labels if label != main}
    return [Alike(label, others) for label, others in told.items() if others]


def _difference(one: str, other: str) -> str:
    if read_number(one):
        return "the way a number is written"
    one, other = clean(one), clean(other)
    if one == other:
        return "invisible characters"
    if one.casefold() == other.casefold():
        return "case"
    one, other = compared(one), compared(other)
    if one == other:
        return "how letters are written"
    return "the sign at the end" if one.rstrip(_LAST) == other.rstrip(_LAST) else "spaces or hyphens"


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter of one long word is wrong, missing, too much, or has changed places with the next."""
    ours, theirs = written(one), written(other)
    different = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    return (
        len(ours) == len(theirs)
        and len(different) == 1
        and min(map(len, different[0])) >= LONG_WORD
        and OSA.distance(*different[0], score_cutoff=1) == 1
        and not any(character.isdigit() for word in different[0] for character in word)
    )
