from dataclasses import replace

from advisor.show.words import duration, figure, headline

from .conftest import a_run


def test_a_provisional_or_unproven_result_is_no_simple_take() -> None:
    run = a_run()
    assert run.result
    assert headline(run.recommendation, run.result).startswith("Take rag (certainty 0.93)")
    assert headline(run.recommendation, replace(run.result, provisional=True)).startswith("Provisional")
    assert headline(run.recommendation, replace(run.result, forced=True)).startswith("You asked for rag")
    assert "not proven" in headline(run.recommendation, replace(run.result, verdict="not known yet"))


def test_what_is_no_number_is_a_dash() -> None:
    assert [figure(value) for value in (None, float("nan"), -0.01, 1234.56)] == ["–", "–", "0.0", "1,234.6"]
    told = ["0.4 s", "9.0 s", "1:00 min", "2:10 min", "1:05 h"]
    assert [duration(s) for s in (0.44, 9, 59.7, 130, 3900)] == told
