"""The parts of an index."""

from dataclasses import replace

from retrieval import Document
from retrieval.segments import key


def test_a_key_changes_with_what_makes_the_passages_and_with_nothing_else() -> None:
    document = Document("a", "Text.", "Title", "a.pdf", 0, (0, 3), {"author": "Ada", "year": "1843"})
    same = Document("a", "Text.", "Title", "b.pdf", 7, (0, 3), {"year": "1843", "author": "Ada"})
    assert key(document, 160) == key(same, 160)
    changes = ({"id": "b"}, {"text": "Text"}, {"title": ""}, {"pages": (0, 4)}, {"metadata": {"author": "Ada"}})
    others = {key(replace(document, **change), 160) for change in changes}
    assert len({key(document, 160), key(document, 80), *others}) == 7
