"""Which rows come from one source, so that they belong on one side of a split. Knows neither sides nor their sizes."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from advisor.data.kinds import repeated
from advisor.data.nearness import Groups, Pairs, near_duplicates
from advisor.task import Example
from advisor.texts import normalised

LONG = 40, 8  # characters, or words, from which an output is more than a label or a short answer that many rows share
NAME = re.compile(r"[\w.:/-]+")  # one word as programs write it
SHARED = 0.05, 10  # share and number of rows above which what they have in common is the task's manner, not a source
APART = 0.5  # of the share of rows that have a source in common with another row: a test with less is kept apart by it

Keys = Sequence[tuple[str, ...]]  # for each row what it has in common with others of its source


def key(example: Example) -> str:
    """What the model is asked, normalised: two examples with the same key ask the same."""
    return normalised("\n".join([*(turn.text for turn in example.turns), example.input]))


def documents(rows: Sequence[Example]) -> Keys:
    """The gold documents that rows name, without one that is behind all of them: it tells none from another."""
    named = Counter(one for row in rows for one in set(row.gold))
    return [tuple(one for one in row.gold if named[one] < len(rows)) for row in rows]


def conversations(rows: Sequence[Example]) -> Keys:
    """The beginnings of each row's conversation that are all of another's, or all of it before its last input.

    System turns are no conversation, and an opening that many rows share is a greeting.
    """
    said = [_said(row) for row in rows]
    ends = (one[:length] for one in said for length in (len(one) - 1, len(one)) if length)
    names = {begun: str(at) for at, begun in enumerate(dict.fromkeys(ends))}
    begun = [[names.get(one[:length], "") for length in range(1, len(one) + 1)] for one in said]
    return _rare([tuple(filter(None, own)) for own in begun])


def _said(row: Example) -> tuple[tuple[str, str], ...]:
    """The turns from the first one of the user on, as (role, text)."""
    turns = [(turn.role, normalised(turn.text)) for turn in row.turns if turn.role != "system"]
    start = next((at for at, (role, _) in enumerate(turns) if role == "user"), len(turns))
    return (*turns[start:], ("user", normalised(row.input)))


def outputs(rows: Sequence[Example]) -> Keys:
    """The outputs that are long; none where outputs are labels, or of what many rows answer."""
    texts = [normalised(row.output) for row in rows]
    if repeated(texts):
        return [()] * len(rows)
    return _rare([(text,) if _long(text) else () for text in texts])


def _long(text: str) -> bool:
    """Whether an output is more than a label, which may be a long name of one word."""
    return len(text.split()) >= LONG[1] or (len(text) >= LONG[0] and not NAME.fullmatch(text))


def _rare(keys: Keys) -> Keys:
    """The keys without those of more rows than a source has."""
    counts = Counter(one for own in keys for one in set(own))
    most = max(SHARED[1], SHARED[0] * len(keys))
    return [tuple(one for one in own if counts[one] <= most) for own in keys]


# What tells a source beside near-equal inputs, the surest first.
KINDS: Mapping[str, Callable[[Sequence[Example]], Keys]] = {
    "conversations": conversations,
    "outputs": outputs,
    "documents": documents,
}
SEALED = "outputs"  # what of a test is not looked at


def links(rows: Sequence[Example], test: Sequence[Example] = ()) -> dict[str, Pairs]:
    """Pairs of rows that belong together, by what tells it, the surest first: that they ask the same, or nearly; and of
    `KINDS` those by which a `test` is apart from the rows."""
    texts = [key(row) for row in rows]
    known = {"equal": _together([(text,) for text in texts]), "near": near_duplicates(texts)}
    for kind, keys in KINDS.items():
        if kind == SEALED or not test or _apart(keys([*rows, *test]), len(rows)):
            known[kind] = _together(keys(rows))
    return known


def of_test(test: Sequence[Example]) -> Pairs:
    """Pairs of test rows that belong together, told without their outputs."""
    texts = [key(row) for row in test]
    open_kinds = [keys for kind, keys in KINDS.items() if kind != SEALED]
    return [*near_duplicates(texts), *(pair for keys in open_kinds for pair in _together(keys(test)))]


def _apart(keys: Keys, count: int) -> bool:
    """Whether the rows after the first `count` share keys with those far less often than those do among themselves."""
    times = Counter(one for own in keys[:count] for one in set(own))
    among = np.mean([any(times[one] > 1 for one in own) for own in keys[:count]]) if count else 0
    across = np.mean([any(times[one] for one in own) for own in keys[count:]])
    return bool(across <= APART * among)


def _together(keys: Keys) -> Pairs:
    """Links each index to the first with one of the same keys."""
    first: dict[str, int] = {}
    return [(first.setdefault(one, index), index) for index, own in enumerate(keys) for one in own]


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> Groups:
    """The connected groups of `count` indices, each in order, by their first index."""
    root = list(range(count))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = index = root[root[index]]
        return index

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        root[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(count):
        groups[find(index)].append(index)
    return list(groups.values())
