import pytest

from trainers import Row, TuneSettings, schedule
from trainers.schedule import computed, decays, ended, evaluated, passes, planned, rate

ROWS = [Row((1, 2), (3,) * (1 + 7 * i % 13), (4, 5)) for i in range(50)]


def test_every_epoch_takes_every_row_once_in_an_order_of_its_own():
    settings = TuneSettings(epochs=2, batch=8)
    steps = list(planned(ROWS, settings))
    first, second = steps[:7], steps[7:]
    for epoch in (first, second):
        assert sorted(i for step in epoch for i in step) == list(range(50))
        assert max(map(len, epoch)) == 8
    assert first != second
    assert sorted(i for step in first[:4] for i in step) == list(range(32))
    assert list(planned(ROWS, settings)) == steps != list(planned(ROWS, TuneSettings(epochs=2, batch=8, seed=1)))


def test_the_rows_of_a_step_are_of_like_length():
    spreads = [[len(ROWS[i].own) for i in step] for step in planned(ROWS, TuneSettings(epochs=1, batch=8))]
    assert max(max(lengths) - min(lengths) for lengths in spreads) <= 6


def test_evaluations_are_spread_evenly_and_the_last_step_is_one():
    assert evaluated(TuneSettings(evaluations=4), 10) == {2, 5, 8, 10}
    assert evaluated(TuneSettings(evaluations=4), 2) == {1, 2}


def test_a_tuning_on_the_first_windows_of_rows_is_the_beginning_of_one_on_all():
    settings = TuneSettings(epochs=2, batch=4)
    part, whole = (list(planned(ROWS[:n], settings)) for n in (32, 50))
    assert whole[:8] == part[:8] and decays(len(part)) > 8


def test_the_learning_rate_warms_up_stays_and_falls_by_the_root():
    rates = [rate(step, 40, decays(40)) for step in range(40)]
    assert decays(40) == 32 and ended(32) == 40
    assert rates[:32] == [0.5, *[1.0] * 31]
    assert rates[32:] == pytest.approx([1 - ((i + 1) / 9) ** 0.5 for i in range(8)])
    assert [rate(step, 3, decays(3)) for step in range(3)] == pytest.approx([0.5, 1, 1 - 0.5**0.5])


def test_a_pass_shares_one_prefix_and_fits_memory(monkeypatch):
    monkeypatch.setattr(schedule, "PASS_TOKENS", 30)
    rows = [*ROWS[:10], Row((9,), (3,), (4,)), Row((9,), (3,) * 40, (4,))]
    made = list(passes(rows))
    assert sorted(map(str, rows)) == sorted(str(row) for together in made for row in together)
    for together in made:
        assert len({row.shared for row in together}) == 1
        assert computed(together) <= 30 or len(together) == 1
