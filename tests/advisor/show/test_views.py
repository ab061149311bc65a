import io
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from advisor.show import views

_REPORT = runpy.run_path(str(Path(__file__).with_name("test_report.py")))
HOSTILE, a_run = _REPORT["HOSTILE"], _REPORT["a_run"]
VIEWS: dict[str, Callable[[Any], RenderableType]] = {
    "profile": views.profile_view,
    "retrieval": views.retrieval_view,
    "diagnosis": views.diagnosis_view,
    "recommendation": views.recommendation_view,
    "result": views.result_view,
}


def printed(value: RenderableType, width: int = 80, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    console.print(value)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert all(len(line) <= width for line in printed(VIEWS[name](a_run(HOSTILE)[name]), width).splitlines())


@pytest.mark.parametrize("name", ["profile", "diagnosis", "recommendation"])
def test_hostile_text_is_shown_and_does_nothing(name: str) -> None:
    text = printed(VIEWS[name](a_run(HOSTILE)[name]), 400, terminal=True)
    assert "[red]r[/]" in text and "<script>" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("profile", ["train 300", "5,513 documents", "97 %", "84 %", "17 (40)", "3, 4, 5", "25 more"]),
        ("diagnosis", ["28 ± 6", "81 ± 6", "already right 19 %", "knowledge 33 %", "capability 14 %", "1 unscored"]),
        ("recommendation", ["certainty 0.93", "+25.4 [21.4, 29.7]", "-31.7", "2:11 min", "fresh-facts"]),
        ("result", ["400", "28.1 → 54.4", "+26.3 [22.9, 29.6]: better", "+20.9 [17.2, 24.8]", "0.021", "397", "87.5"]),
    ],
)
def test_figures_are_those_of_the_json(name: str, figures: list[str]) -> None:
    text = printed(VIEWS[name](json.loads(json.dumps(a_run()[name]))))
    for figure in figures:
        assert figure in text, text


def test_a_longer_bar_means_a_higher_score() -> None:
    bars = [line.count("█") for line in printed(views.diagnosis_view(a_run()["diagnosis"])).splitlines() if "±" in line]
    assert bars == sorted(bars) and bars[0] < bars[-1]


def test_a_provisional_or_forced_result_says_so() -> None:
    assert "provisional" in printed(views.result_view({**a_run()["result"], "provisional": True}))
    assert "--path" in printed(views.result_view({**a_run()["result"], "forced": True}))
    advice = a_run()["recommendation"]
    assert views.headline(advice, {**a_run()["result"], "provisional": True}).startswith("Provisional")
    assert "not proven" in views.headline(advice, {**a_run()["result"], "verdict": "not known yet"})


def test_what_is_no_number_is_a_dash() -> None:
    assert [views.figure(value) for value in (None, float("nan"), True, -0.01, 1234.56)] == [
        "–",
        "–",
        "–",
        "0.0",
        "1,234.6",
    ]
    assert [views.duration(s) for s in (0.44, 9, 59.7, 130, 3900)] == [
        "0.4 s",
        "9.0 s",
        "1:00 min",
        "2:10 min",
        "1:05 h",
    ]
