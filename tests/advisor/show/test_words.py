from dataclasses import replace

from advisor.show.words import duration, figure, headline, tone

from .conftest import a_run, untested


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


def test_without_a_test_it_is_measured_and_not_proven() -> None:
    told = headline(a_run().recommendation, untested(measured=60))
    assert told.startswith("Take rag (certainty 0.93): measured, not proven, +25.4 points over baseline [21.4, 29.7]")
    assert "60 of 62 rows were measured on, and 100 would do to set a test aside" in told
    assert tone(a_run().recommendation, untested(measured=60)) == "open"


def test_what_was_not_measured_says_so_and_how_many_rows_would_do() -> None:
    told = headline(a_run().recommendation, replace(untested(), rows=1))
    assert told == (
        "Take rag (certainty 0.93): built, not measured: with 1 row answers and data alone decide; 16 would do to measure, "
        "100 to set a test aside."
    )


def test_too_many_missing_answers_on_the_test_are_the_end_of_the_sentence() -> None:
    run = a_run()
    assert run.result
    assert headline(run.recommendation, replace(run.result, unscored={"test": 21})).endswith(
        "it gave no text for 21 of them, too many to use it."
    )
    assert "too many" not in headline(run.recommendation, replace(run.result, unscored={"test": 20}))
    silent = replace(run.result, baseline=None, test=None, gain=None, verdict="not known yet", unscored={"test": 400})
    assert "on the 400 sealed test examples there was no text to score" in headline(run.recommendation, silent)
