"""Documents as values."""

from retrieval import Document


def test_a_document_can_stand_in_a_set_whatever_its_metadata() -> None:
    assert len({Document("a", "x", metadata={"k": "v"}), Document("a", "x", metadata={"k": "v"})}) == 1


def test_the_page_of_a_character_is_the_last_that_begins_before_it() -> None:
    document = Document("a", "one\n\nthree", pages=(0, 5, 5))
    assert [document.page(at) for at in (0, 4, 5, 9)] == [1, 1, 3, 3]
    assert Document("a", "text").page(2) == 0
