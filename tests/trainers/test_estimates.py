import time

from trainers import LanguageModel, measure


def test_a_model_is_timed_within_seconds_and_reading_is_quicker_than_writing(smollm2: LanguageModel):
    since = time.perf_counter()
    speed = measure(smollm2)
    assert time.perf_counter() - since < 20  # under 5 s alone on 2 cores
    assert speed.prefill > speed.decode > 0
    assert 0 < speed.train < speed.prefill
