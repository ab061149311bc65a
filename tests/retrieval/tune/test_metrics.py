"""Retrieval metrics, against published numbers, scikit-learn and trec_eval."""

import numpy as np
import pytest
import pytrec_eval
from sklearn.metrics import ndcg_score

from retrieval import mrr, ndcg, recall_at_k


def test_recall_is_the_share_of_the_right_documents_that_were_found() -> None:
    assert recall_at_k([["a", "b", "c"], ["x"]], [{"a", "c"}, {"y"}], k=2) == 0.25
    assert recall_at_k([["a", "a", "c"]], [{"c"}], k=2) == 1  # two passages of one document count once


def test_mrr_is_that_of_the_example_in_wikipedia() -> None:
    # https://en.wikipedia.org/wiki/Mean_reciprocal_rank: ranks 3, 2 and 1 give 11/18
    retrieved = [["catten", "cati", "cats"], ["torii", "tori", "toruses"], ["viruses", "virii", "viri"]]
    assert mrr(retrieved, [{"cats"}, {"tori"}, {"viruses"}]) == pytest.approx(11 / 18)
    assert mrr([["a"]], [{"b"}]) == 0


def test_ndcg_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for share in np.linspace(0.1, 1, 20):
        relevant = rng.random(15) < share
        relevant[rng.integers(15)] = True
        retrieved = [str(n) for n in range(15)]
        gold = {retrieved[n] for n in np.flatnonzero(relevant)}
        assert ndcg([retrieved], [gold], 10) == pytest.approx(ndcg_score([relevant], [-np.arange(15)], k=10))


def test_queries_without_right_documents_are_left_out() -> None:
    assert recall_at_k([["a"], ["b"]], [{"a"}, set()], 1) == 1
    with pytest.raises(ValueError, match="nothing to measure"):
        ndcg([["a"]], [set()])


def test_graded_measures_agree_with_trec_eval() -> None:
    rng = np.random.default_rng(1)
    names = [f"d{n}" for n in range(30)]
    gold = [
        {id: int(rng.integers(-1, 4)) for id in rng.choice(names, 12, replace=False)} | {"d0": 2} for _ in range(40)
    ]
    retrieved = [[str(id) for id in rng.permutation(names)[: rng.integers(1, 25)]] for _ in gold]
    qrels = {f"q{n}": right for n, right in enumerate(gold)}
    run = {f"q{n}": {id: float(-rank) for rank, id in enumerate(ids)} for n, ids in enumerate(retrieved)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.5", "recip_rank"}).evaluate(run).values()

    def mean(name: str) -> float:
        return float(np.mean([query[name] for query in theirs]))

    assert ndcg(retrieved, gold, 10) == pytest.approx(mean("ndcg_cut_10"))
    assert recall_at_k(retrieved, gold, 5) == pytest.approx(mean("recall_5"))
    assert mrr(retrieved, gold) == pytest.approx(mean("recip_rank"))
