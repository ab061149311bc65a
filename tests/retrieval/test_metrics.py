"""Retrieval metrics, against published numbers and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from retrieval import mrr, ndcg, recall_at_k


def test_recall_is_the_share_of_the_right_documents_that_were_found() -> None:
    assert recall_at_k([["a", "b", "c"], ["x"]], [{"a", "c"}, {"y"}], k=2) == 0.25
    assert recall_at_k([["a", "a", "c"]], [{"c"}], k=2) == 1  # two passages of one document count once


def test_mrr_is_that_of_the_example_in_wikipedia() -> None:
    # https://en.wikipedia.org/wiki/Mean_reciprocal_rank: ranks 3, 2 and 1 give 11/18
    found = [["catten", "cati", "cats"], ["torii", "tori", "toruses"], ["viruses", "virii", "viri"]]
    assert mrr(found, [{"cats"}, {"tori"}, {"viruses"}]) == pytest.approx(11 / 18)
    assert mrr([["a"]], [{"b"}]) == 0


def test_ndcg_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for share in np.linspace(0.1, 1, 20):
        relevant = rng.random(15) < share
        relevant[rng.integers(15)] = True
        found = [str(n) for n in range(15)]
        gold = {found[n] for n in np.flatnonzero(relevant)}
        assert ndcg([found], [gold], 10) == pytest.approx(ndcg_score([relevant], [-np.arange(15)], k=10))


def test_queries_without_right_documents_are_left_out() -> None:
    assert recall_at_k([["a"], ["b"]], [{"a"}, set()], 1) == 1
    with pytest.raises(ValueError, match="nothing to measure"):
        ndcg([["a"]], [set()])
