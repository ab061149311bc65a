"""Judging a ranking again, and leaving near duplicates out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from retrieval.embedder import located
from retrieval.ranking import Allowed, Ranking
from retrieval.search.rerank import cross_encoder, distinct, reranked

TEXTS = [
    "The pool opens at seven in the morning and closes at nine in the evening on all days of the week.",
    "The pool opens at seven in the morning and closes at nine in the evening, on all days of the week!",
    "The pool opens at 7 in the morning and closes at nine in the evening on all days of the week.",
    "Dogs are welcome.",
]


def in_order(queries: Sequence[str], k: int, allowed: Allowed = None) -> Ranking:
    """Find every passage, in the order of their positions, each half as likely as the one before."""
    positions = np.array([[*range(len(TEXTS)), *[-1] * (k - len(TEXTS))][:k]] * len(queries))
    return Ranking(positions, np.where(positions < 0, -np.inf, 2.0**-positions).astype(np.float32))


def about_dogs(query: str, texts: Sequence[str]) -> list[float]:
    """Find texts about dogs sixteen times as likely."""
    return [float(np.log(16)) * ("Dogs" in text) for text in texts]


def test_what_both_say_is_multiplied_by_their_shares() -> None:
    found = reranked(in_order, TEXTS.__getitem__, about_dogs, 4, 0.5)(["q"], 5)
    assert found.positions.tolist() == [[3, 0, 1, 2, -1]]
    likely = np.sqrt([16 / 8, 1, 1 / 2, 1 / 4])
    assert np.allclose(found.scores[0, :4], likely / likely.sum())
    assert reranked(in_order, TEXTS.__getitem__, about_dogs, 4, 0.1)(["q"], 2).positions.tolist() == [[0, 1]]


def test_what_is_not_read_again_counts_as_the_least_likely_that_was() -> None:
    def first_only(query: str, texts: Sequence[str]) -> list[float]:
        return [0.0, -9.0]

    assert reranked(in_order, TEXTS.__getitem__, first_only, 2, 0.5)(["q"], 4).positions.tolist() == [[0, 1, 2, 3]]
    assert reranked(in_order, TEXTS.__getitem__, lambda q, texts: [0.0, 9.0], 2, 0.5)(["q"], 4).positions.tolist() == [
        [1, 0, 2, 3]
    ]


def test_a_reader_sees_only_the_best() -> None:
    seen: list[str] = []
    reranked(in_order, TEXTS.__getitem__, lambda query, texts: seen.extend(texts) or [0] * len(texts), 2, 0.5)(["q"], 3)  # type: ignore[func-returns-value]
    assert seen == TEXTS[:2]


def test_a_cross_encoder_gives_a_score_of_any_size_for_each_text(tmp_path: Path) -> None:
    """A real one, untrained: MiniLM with a new head."""
    for labels in (1, 2):
        made = CrossEncoder(located("minilm"), num_labels=labels)
        with torch.no_grad():
            made.model.classifier.weight.mul_(100)
        made.save(str(tmp_path / str(labels)))
    scores = cross_encoder(str(tmp_path / "1"))("When does the pool open?", TEXTS)
    assert len(scores) == len(TEXTS) and max(map(abs, scores)) > 1
    assert scores[3] != scores[0]
    with pytest.raises(ValueError, match="gives 2 scores"):
        cross_encoder(str(tmp_path / "2"))


def test_a_passage_that_says_the_same_is_left_out_unless_a_number_differs() -> None:
    assert distinct(in_order, TEXTS.__getitem__)(["q"], 4).positions.tolist() == [[0, 2, 3, -1]]
    found = distinct(in_order, TEXTS.__getitem__)(["q"], 2)
    assert found.positions.tolist() == [[0, 2]] and found.scores.tolist() == [[1, 0.25]]
