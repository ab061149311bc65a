import pytest
import torch

from trainers import LanguageModel, Row, choose, likelihoods, probabilities
from trainers.engine import packing, plain

LABELS = ("card arrival", "card", "card payment fee", "card payment", "yes", "no", "Paris", "4", 'say "no"', "日本")


def scores(lm: LanguageModel, row: Row) -> dict[str, float]:
    """The log-probability of each label with the token that ends it, one after another."""
    values = {}
    for label in LABELS:
        ids = (*lm.tokenizer(label, add_special_tokens=False).input_ids, lm.tokenizer.eos_token_id)
        values[label] = -float(plain.loss_sum(lm, [Row(row.shared, row.own, ids)]))
    return values


@pytest.mark.parametrize("model", ["smollm2", "neox"])
def test_the_likeliest_label_is_found(model: str, asked: list[Row], request):
    lm = request.getfixturevalue(model)
    best = [max(values, key=values.__getitem__) for values in (scores(lm, row) for row in asked)]
    assert choose(lm, asked, LABELS) == best


def test_few_branches_are_followed(smollm2: LanguageModel, asked: list[Row], monkeypatch):
    passes = []
    monkeypatch.setattr("trainers.engine.batching.extend", lambda *a, **k: passes.append(1) or packing.extend(*a, **k))
    choose(smollm2, asked[:1], LABELS)
    followed = len(passes)
    probabilities(smollm2, asked[:1], LABELS)
    assert 0 < followed < len(passes) - followed


@pytest.mark.parametrize("model", ["smollm2", "neox"])
def test_probabilities_are_those_of_the_labels_one_after_another(model: str, asked: list[Row], request):
    lm = request.getfixturevalue(model)
    for row, shares in zip(asked, probabilities(lm, asked, LABELS), strict=True):
        expected = torch.softmax(torch.tensor(list(scores(lm, row).values())), 0)
        assert shares.keys() == set(LABELS) and sum(shares.values()) == pytest.approx(1)
        assert [shares[label] for label in LABELS] == pytest.approx(expected.tolist(), abs=1e-4)


def test_how_likely_an_answer_is_word_for_word(smollm2: LanguageModel, asked: list[Row]):
    expected = [scores(smollm2, row)["card payment fee"] for row in asked]
    assert likelihoods(smollm2, asked, "card payment fee") == pytest.approx(expected, abs=1e-3)


def test_one_label_alone_is_certain(smollm2: LanguageModel, asked: list[Row]):
    assert choose(smollm2, asked, ["yes"]) == ["yes"] * 3
    assert probabilities(smollm2, asked[:1], ["yes"]) == [{"yes": 1.0}]


def test_a_model_that_cannot_be_packed_gives_the_same(smollm2: LanguageModel, asked: list[Row], monkeypatch):
    fast = choose(smollm2, asked, LABELS)
    monkeypatch.setattr("trainers.labels.packs", lambda lm: False)
    assert choose(smollm2, asked, LABELS) == fast
