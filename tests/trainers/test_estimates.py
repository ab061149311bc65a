from dataclasses import replace

import pytest

from trainers import Row, Speed, TuneSettings, tune, tuning_cost


def test_the_tokens_of_a_tuning_are_those_that_it_then_computes(neox, taught: list[Row], tmp_path):
    settings = TuneSettings(epochs=2, batch=4, rank=2, evaluations=1)
    cost = tuning_cost(neox, taught, settings, Speed(1000.0, 100.0, 50.0))
    assert cost.tokens == tune(neox, taught, lambda lm: 0.0, settings, tmp_path).tokens
    assert cost.seconds == pytest.approx(cost.tokens / 50)
    weights = sum(parameter.nbytes for parameter in neox.model.parameters())
    assert cost.memory > weights


def test_memory_grows_with_the_batch_until_a_pass_is_full(smollm2, taught: list[Row]):
    speed = Speed(1.0, 1.0, 1.0)
    many = taught * 1000
    sizes = [tuning_cost(smollm2, many, replace(TuneSettings(), batch=n), speed).memory for n in (4, 16, 2000, 4000)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]
