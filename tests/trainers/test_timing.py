from pathlib import Path

import pytest

from trainers import Generation, LanguageModel, Progress, Speed, measure, timing


class Machine:
    """A clock, and work that takes 1 ms for a token read, 4 for one written and 10 for one learned; reading may stutter."""

    def __init__(self, stutter: float = 0.0) -> None:
        self.now, self._stutter = 0.0, stutter

    def generate(self, lm, rows, constraint=None, max_tokens=128):
        self.now += 0.001 * sum(len(row.own) for row in rows) + 0.004 * len(rows) * (max_tokens - 1)
        self.now += self._stutter if max_tokens == 1 else 0.0
        yield from (Generation(i, "", max_tokens, False) for i in range(len(rows)))

    def tune(self, lm, rows, evaluate, settings, folder: Path, on_step) -> None:
        for step in range(3):
            self.now += 0.01 * sum(len(row.own) + len(row.target) for row in rows[: settings.batch])
            on_step(Progress(step + 1, 3, 0.0, None))


def speed(machine: Machine, lm: LanguageModel, monkeypatch) -> Speed:
    monkeypatch.setattr(timing, "generate", machine.generate)
    monkeypatch.setattr(timing, "tune", machine.tune)
    monkeypatch.setattr(timing, "clock", lambda: machine.now)
    return measure(lm)


def test_tokens_a_second_are_those_of_reading_writing_and_learning(smollm2: LanguageModel, monkeypatch):
    timed = speed(Machine(), smollm2, monkeypatch)
    assert (timed.prefill, timed.decode, timed.train) == pytest.approx((1000, 250, 100))


def test_a_hiccup_while_reading_is_not_taken_for_writing_in_no_time(smollm2: LanguageModel, monkeypatch):
    timed = speed(Machine(stutter=60.0), smollm2, monkeypatch)
    whole = 64 * 32 * 0.001 + 64 * 8 * 0.004
    assert timed.decode == pytest.approx(64 * 8 / (0.2 * whole))


def test_a_real_model_is_timed(smollm2: LanguageModel):
    timed = measure(smollm2, rows=16)
    assert min(timed.prefill, timed.decode, timed.train) > 0
