"""The parts of an index."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import Document, Index, Passage
from retrieval.index import segments
from retrieval.index.segments import document_key

HOTELS = [
    Document("a", "Dogs are welcome.", "Alder", metadata={"town": "Oslo"}),
    Document("b", "Parking is free.", "Birch", metadata={"town": "Bergen"}),
    Document("c", "Breakfast costs extra.", "Alder"),
]


class Alike:
    """An embedder to which all texts are the same."""

    fingerprint = "alike"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return unit vectors (n, 2)."""
        return np.tile(np.array([1, 0], np.float32), (len(texts), 1))


def test_a_key_changes_with_what_makes_the_passages_and_with_nothing_else() -> None:
    document = Document("a", "Text.", "Title", "a.pdf", 0, (0, 3), {"author": "Ada", "year": "1843"})
    same = Document("a", "Text.", "Title", "b.pdf", 7, (0, 3), {"year": "1843", "author": "Ada"})
    assert document_key(document, 160) == document_key(same, 160)
    changes = ({"id": "b"}, {"text": "Text"}, {"title": ""}, {"pages": (0, 4)}, {"metadata": {"author": "Ada"}})
    others = {document_key(replace(document, **change), 160) for change in changes}
    assert len({document_key(document, 160), document_key(document, 80), *others}) == 7


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"title": "Alder"}, "ca"),
        ({"title": "Alder", "town": "Oslo"}, "a"),
        ({"document": "b"}, "b"),
        ({"document": "d"}, "d"),
        ({"town": "Alder"}, ""),
        ({"stars": "5"}, ""),
    ],
)
def test_passages_match_by_document_title_and_metadata_in_all_segments(where: dict[str, str], expected: str) -> None:
    gone, new = Document("x", "Gone.", "Alder"), Document("d", "New.", "Dogwood", metadata={"town": "Turku"})
    index = Index.build([gone, *HOTELS], Alike()).update([new, *HOTELS[::-1]])
    mask = index.passages.matching(where)
    assert [passage.document for passage, one in zip(index.passages, mask, strict=True) if one] == list(expected)


def test_the_passages_of_a_document_come_in_their_order_from_any_segment() -> None:
    long = Document("long", " ".join(f"Sentence {n} of the text." for n in range(90)))
    index = Index.build(HOTELS, Alike(), budget=40).update([long, *HOTELS[::-1]])
    assert [p.position for p in index.passages.of("long")] == [*range(len(index.passages) - len(HOTELS))]
    assert [p.text for p in index.passages.of("b")] == [HOTELS[1].text] and index.passages.of("gone") == []


def test_facts_are_read_once_of_each_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(**fields: Any) -> Passage:
        read.append(fields["id"])
        return Passage(**fields)

    monkeypatch.setattr(segments, "Passage", noted)
    many = [Document(str(n), f"Text {n}.", metadata={"half": str(n % 2)}) for n in range(5000)]
    first = Index.build(many, Alike())
    assert first.passages.matching({"half": "1"}).sum() == 2500 and len(read) == 5000
    assert first.passages.matching({"half": "0"}).sum() == 2500 and len(read) == 5000
    second = first.update([*many, Document("new", "New.", metadata={"half": "1"})])
    assert second.passages.matching({"half": "1"}).sum() == 2501 and len(read) == 5001
