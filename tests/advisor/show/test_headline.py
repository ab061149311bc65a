from dataclasses import replace

from advisor.decide.recommendation import UNMEASURED, Recommendation
from advisor.measure.figures import Clean
from advisor.measure.forgetting import Forgetting
from advisor.measure.ledger import Opened
from advisor.measure.proof import Result
from advisor.show.headline import headline, tone
from advisor.show.proven import beside
from advisor.show.words import gap_line

from .conftest import a_run, untested


def sentence(advice: Recommendation | None, result: Result | None) -> str:
    """What follows the kind of gap, which always comes first."""
    assert advice
    told, first = headline(advice, result), gap_line(advice.gap)
    assert told.startswith(first)
    return told.removeprefix(first).lstrip()


def test_the_kind_of_gap_is_the_first_thing_said() -> None:
    advice = a_run().recommendation
    assert advice
    told = headline(advice, None)
    assert told.startswith("Knowledge and behaviour gap (instruction 5 %, knowledge 33 %")
    nothing = replace(advice, verdict="nothing", path=None)
    assert "Nothing is recommended" in sentence(nothing, None)


def test_a_provisional_or_unproven_result_is_no_simple_take() -> None:
    run = a_run()
    assert run.result
    assert sentence(run.recommendation, run.result).startswith("Take rag (certainty 0.93)")
    assert sentence(run.recommendation, replace(run.result, provisional=True)).startswith("Provisional")
    assert sentence(run.recommendation, replace(run.result, forced=True)).startswith("You asked for rag")
    assert "not proven" in sentence(run.recommendation, replace(run.result, verdict="not known yet"))


def test_without_a_test_it_is_measured_and_not_proven() -> None:
    told = sentence(a_run().recommendation, untested(measured=60))
    assert told.startswith("Take rag (certainty 0.93): measured, not proven, +25.4 points over baseline [21.4, 29.7]")
    assert "60 of 62 rows were measured on, and 100 would do to set a test aside" in told
    assert tone(a_run().recommendation, untested(measured=60)) == "open"


def test_where_every_path_is_ruled_out_the_reason_is_said_and_no_likeliest() -> None:
    advice = a_run().recommendation
    assert advice
    out = replace(advice.ranking[0], probability=0.0, note="it gave no text")
    told = sentence(replace(advice, path=None, certainty=0.0, provisional="rag", ranking=(out,)), None)
    assert told == "Insufficient evidence: no path is left to recommend (rag: it gave no text); provisionally rag."


def test_a_path_that_no_probe_tried_is_not_called_measured() -> None:
    advice = a_run().recommendation
    assert advice
    first, *others = advice.ranking
    told = sentence(replace(advice, ranking=(replace(first, note=UNMEASURED), *others)), untested(measured=60))
    assert "neither measured itself nor proven, +25.4 points over baseline" in told


def test_what_was_not_measured_says_so_and_how_many_rows_would_do() -> None:
    told = sentence(a_run().recommendation, replace(untested(), rows=1))
    assert told == (
        "Take rag (certainty 0.93): built, not measured: with 1 row, answers and data alone decide; 16 would do to measure, "
        "100 to set a test aside."
    )


def test_too_many_missing_answers_on_the_test_are_the_end_of_the_sentence() -> None:
    run = a_run()
    assert run.result
    first = replace(run.result, opened_before=Opened())
    assert sentence(run.recommendation, replace(first, unscored={"test": 21})).endswith(
        "it gave no text for 21 of them, too many to use it."
    )
    assert "too many" not in sentence(run.recommendation, replace(first, unscored={"test": 20}))
    silent = replace(first, baseline=None, test=None, gain=None, verdict="not known yet", unscored={"test": 400})
    assert "on the 400 sealed test examples there was no text to score" in sentence(run.recommendation, silent)


def said(result: Result) -> str:
    return " ".join(text.text for text in beside(result))


def test_how_often_the_test_was_opened_before_stands_beside_its_figures_with_what_that_does() -> None:
    run = a_run()
    assert run.result
    told = "The sealed test had been opened 12 times before this run, for 9 other systems."
    assert told in sentence(run.recommendation, run.result)
    assert told in said(run.result) and "looks best owes a part of that to luck" in said(run.result)
    once = replace(run.result, opened_before=Opened(1, 1))
    assert "opened once before this run, for another system." in said(once)
    again = replace(run.result, opened_before=Opened(3, 0))
    assert "changes no figure" in said(again) and "luck" not in said(again)
    first = replace(run.result, opened_before=Opened(0, 0))
    assert "opened" not in said(first) and "had been opened" not in sentence(run.recommendation, first)


def test_that_tuning_left_nothing_else_is_said_in_words() -> None:
    run = a_run()
    assert run.result and "Tuning left" not in sentence(run.recommendation, run.result)
    gone = replace(run.result, forgetting=Forgetting(3.1, 75.0, 0.0, 12))
    told = "Tuning left little but this task: of 12 general questions it answers 0, before it answered 9."
    assert told in sentence(run.recommendation, gone) and told in said(gone)
    for before, after in ((75.0, 41.7), (41.7, 0.0), (100.0, 58.3)):
        assert "Tuning left" not in said(replace(run.result, forgetting=Forgetting(3.1, before, after, 12)))


def test_a_test_without_a_clean_part_says_so() -> None:
    result = a_run().result
    assert result and "scores 54.1, +25.9 [21.7, 30.1] over the baseline" in said(result)
    assert "learned by heart" in said(replace(result, clean=Clean(0, None, None)))
    assert "training row" not in said(replace(result, clean=None))


def test_that_a_cheaper_system_is_enough_follows_what_was_built() -> None:
    run = a_run()
    assert run.result and "enough" not in sentence(run.recommendation, run.result)
    level = replace(run.result, gain_over_runner_up=(-1.2, 0.3, 1.64), runner_up_verdict="cheaper is enough")
    told = sentence(run.recommendation, level)
    assert told.startswith("Take rag (certainty 0.93): 28.1 → 54.4")
    assert "it is better. A cheaper system is enough: prompting, at most 1.6 points worse." in told
    less = replace(level, gain=(-9.0, -4.0, -0.5), verdict="cheaper is enough")
    told = sentence(run.recommendation, less)
    assert "A cheaper system is enough: the baseline, at most 0.0 points worse; prompting, at most 1.6 points" in told


def test_that_rows_share_a_source_is_said_with_their_number() -> None:
    run = a_run()
    assert run.result
    told = sentence(run.recommendation, replace(run.result, clusters=29))
    assert "over the baseline on 400 sealed test examples from 29 sources: it is better" in told
    for clusters in (400, 0):  # every row has its own; a run of before
        assert "cluster" not in sentence(run.recommendation, replace(run.result, clusters=clusters))
