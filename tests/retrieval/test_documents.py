"""Documents as values."""

from dataclasses import replace

from retrieval import Document


def test_a_fingerprint_changes_with_what_is_in_the_document_and_with_nothing_else() -> None:
    document = Document("a", "Text.", "Title", "a.pdf", 0, (0, 3), {"author": "Ada", "year": "1843"})
    same = Document("b", "Text.", "Title", "b.pdf", 7, (0, 3), {"year": "1843", "author": "Ada"})
    assert document.fingerprint == same.fingerprint
    changes = ({"text": "Text"}, {"title": ""}, {"pages": (0, 4)}, {"metadata": {"author": "Ada"}})
    assert len({document.fingerprint, *(replace(document, **change).fingerprint for change in changes)}) == 5


def test_a_document_can_stand_in_a_set_whatever_its_metadata() -> None:
    assert len({Document("a", "x", metadata={"k": "v"}), Document("a", "x", metadata={"k": "v"})}) == 1


def test_the_page_of_a_character_is_the_last_that_begins_before_it() -> None:
    document = Document("a", "one\n\nthree", pages=(0, 5, 5))
    assert [document.page(at) for at in (0, 4, 5, 9)] == [1, 1, 3, 3]
    assert Document("a", "text").page(2) == 0
