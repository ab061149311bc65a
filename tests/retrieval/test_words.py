"""The one tokenizer."""

from retrieval.words import tokenize, words


def test_words_become_stems_without_accents_and_stop_words() -> None:
    assert tokenize("The Röntgen's queries: 3 glasses, running") == ["rontgen", "s", "queri", "3", "glass", "run"]
    assert tokenize("東京 tower") == ["東", "京", "tower"]


def test_words_alone_keep_their_ends_and_the_stop_words() -> None:
    assert words("The Queries, ÉTÉ") == ["the", "queries", "ete"]
