import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from advisor.measure.evaluation import Evaluation, OfLabel
from advisor.show.brief import brief
from advisor.show.terminal import shown

from .conftest import HOSTILE, a_run, untested

STEPS = ("profile", "search", "diagnosis", "recommendation", "result")


def printed(value: Any, width: int = 80, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    section = brief(value)
    assert section
    console.print(shown(section))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert all(len(line) <= width for line in printed(getattr(a_run(HOSTILE), name), width).splitlines())


@pytest.mark.parametrize("name", ["profile", "diagnosis", "recommendation"])
def test_hostile_text_is_shown_and_does_nothing(name: str) -> None:
    text = printed(getattr(a_run(HOSTILE), name), 400, terminal=True)
    assert "[red]r[/]" in text and "<script>" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        (
            "profile",
            ["train 300", "5,513 documents", "97 %", "token_f1", "84 %", "17 (40)", "3, 4, 5", "25 more"],
        ),
        ("search", ["ndcg@10 on 93 questions", "0.812 (chosen)", "412 pairs: 0.812 → 0.846, kept"]),
        (
            "diagnosis",
            [
                "28 ± 6",
                "81 ± 6",
                "already right 19 %",
                "knowledge 33 %",
                "capability 14 %",
                "87.5 % valid",
                "valid: JSON",
                "3 instructions tried; the second chosen: 41 against 35",
            ],
        ),
        ("recommendation", ["certainty 0.93", "+25.4 [21.4, 29.7]", "-31.7", "2:11 min", "fresh-facts"]),
        (
            "result",
            [
                "400",
                "28.1 → 54.4",
                "+26.3 [22.9, 29.6]: better",
                "+20.9 [17.2, 24.8]",
                "0.021",
                "397",
                "87.5",
                "12 times",
                "25.9",
            ],
        ),
    ],
)
def test_figures_are_those_of_the_value(name: str, figures: list[str]) -> None:
    text = printed(getattr(a_run(), name))
    for figure in figures:
        assert figure in text, text


def test_an_evaluation_is_told_by_label_with_a_dash_where_nothing_was_scored() -> None:
    labels = {"[b]yes[/b]": OfLabel(3, 66.7), "no": OfLabel(1, None)}
    text = printed(Evaluation("label_accuracy", 50.0, (20.0, 80.0), 4, 1, 0, labels))
    assert "20.0 to 80.0" in text and "[b]yes[/b]" in text and "66.7" in text and "–" in text


def test_what_a_metric_tells_beside_the_score_stands_by_it() -> None:
    run, error = a_run(), {"mean absolute error": 1234.56, "without a number": 2.0}
    assert run.diagnosis and run.result
    probes = tuple(replace(probe, beside=error) for probe in run.diagnosis.probes)
    told = "mean absolute error 1,235 · without a number 2"
    assert printed(replace(run.diagnosis, probes=probes), 160).count(told) == len(probes)
    result = printed(replace(run.result, beside={"baseline": error, "test": {"mean absolute error": 0.01234}}), 160)
    assert f"baseline: {told}" in result and "rag: mean absolute error 0.0123" in result
    assert told in printed(Evaluation("number", 50.0, (20.0, 80.0), 4, 1, 0, {}, beside=error))


def test_what_was_cut_off_is_told() -> None:
    run = a_run()
    assert run.diagnosis and run.result
    probes = tuple(replace(probe, cut=("a", "b")) for probe in run.diagnosis.probes)
    assert "1 unscored · 2 cut" in " ".join(printed(replace(run.diagnosis, probes=probes)).split())
    told = printed(replace(run.result, cut={"baseline": 7, "test": 0}))
    assert "cut off at the limit, scored as it stands: baseline 7" in told and "test 0" not in told
    assert "3 answers were cut off" in printed(Evaluation("rouge_l", 50.0, (20.0, 80.0), 4, 0, 0, {}, cut=3))


def test_a_longer_bar_means_a_higher_score() -> None:
    bars = [line.count("█") for line in printed(a_run().diagnosis).splitlines() if "±" in line]
    assert bars == sorted(bars) and bars[0] < bars[-1]


def test_a_provisional_or_forced_result_says_so() -> None:
    result = a_run().result
    assert result
    assert "provisional" in printed(replace(result, provisional=True))
    assert "--path" in printed(replace(result, forced=True))


def test_of_what_is_no_step_nothing_is_said() -> None:
    assert brief(None) is None and brief("text") is None


def test_without_a_test_no_figure_of_one_is_told() -> None:
    text = printed(untested(measured=60), 200)
    assert "measured, not proven: 60 of 62 rows" in text and "28.1" not in text and "sealed" not in text
    assert "not measured: with 62 rows" in printed(untested(), 200)


def test_an_evaluation_of_nothing_has_a_dash_for_a_score() -> None:
    text = printed(Evaluation("exact_match", None, (0.0, 100.0), 0, 20, 0, {}))
    assert "no row got a text" in text and "100.0" not in text
    some = Evaluation("exact_match", 100.0, (9.0, 100.0), 2, 18, 0, {})
    assert "more than 5 % of the rows got no text" in printed(some) and "got no text" not in printed(
        replace(some, n=400)
    )


def test_comparisons_of_one_study_that_say_the_same_are_named_once() -> None:
    advice = a_run("plain").recommendation
    assert advice
    one = advice.cases[0]
    again = replace(advice, cases=(one, replace(one, id="other"), replace(one, won=("prompting",))))
    text = printed(again, 400)
    assert (text.count("best rag "), text.count("best prompting ")) == (1, 1)


def test_figures_are_never_cut_where_words_can_give_way() -> None:
    labels = {"SearchForAScreeningEvent": OfLabel(100.0, 5)}
    text = printed(Evaluation("label_accuracy", 80.0, (68.2, 88.2), 60, 0, 0, labels))
    assert "label_accuracy" in text and "68.2 to 88.2" in text and "unscored" in text


def test_where_no_other_instruction_did_better_the_own_one_stays_and_what_was_not_tried_is_said() -> None:
    diagnosis = a_run().diagnosis
    assert diagnosis and diagnosis.instructions
    own = replace(diagnosis.instructions, place=0, note="the proposer was not asked: rows are few")
    text = printed(replace(diagnosis, instructions=own), 200)
    assert "3 instructions tried; your own stays: 35" in text and "the proposer was not asked" in text
    alone = replace(own, tried=own.tried[:1], note="")
    assert "tried;" not in printed(replace(diagnosis, instructions=alone), 200)


@pytest.mark.parametrize(
    ("count", "which"), [(0, "no instruction"), (1, "your own instruction"), (3, "3 instructions")]
)
def test_where_tuning_beat_a_prompt_it_is_said_of_which_prompts(count: int, which: str) -> None:
    result = a_run().result
    assert result
    tuned = replace(result, path="finetuning", instructions=count)
    assert f"of the prompts that were tried: {which}, with and without examples" in printed(tuned, 200)
    assert "that were tried" not in printed(replace(tuned, runner_up_verdict="not known yet"), 200)
    assert "that were tried" not in printed(replace(tuned, path="rag"), 200)
