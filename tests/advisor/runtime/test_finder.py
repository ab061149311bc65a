from collections.abc import Sequence

import pytest

from advisor.runtime.runtime import Runtime
from retrieval import Index


def test_a_query_is_searched_and_read_again_once_however_many_passages_are_wanted(
    keeper: Runtime, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    told: list[tuple[str, int, int]] = []
    whole = Index.search

    def search(self: Index, queries: Sequence[str], *rest: object, **more: object):
        asked.extend(queries)
        return whole(self, queries, *rest, **more)  # type: ignore[arg-type]

    def read(query: str, texts: Sequence[str]) -> Sequence[float]:
        return [float("otter" in text) for text in texts]

    finder = keeper.finder
    monkeypatch.setattr(Index, "search", search)
    finder.reader, finder.watch = lambda: read, lambda *one: told.append(one)
    first = finder.search(["Where sleeps the lynx?", "Where sleeps the adder?"], 2)
    again = finder.search(["Where sleeps the adder?"], 5)
    assert asked == ["Where sleeps the lynx?", "Where sleeps the adder?"]
    assert again[0][:2] == first[1] and len(again[0]) == 5 and "otter" in {p.document for p in again[0]}
    assert [one for one in told if one[0] == "read again what was found"] == [
        ("read again what was found", 1, 2),
        ("read again what was found", 2, 2),
    ]
