import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest

from advisor import runfolder
from advisor.errors import InputError
from advisor.show import report
from advisor.show.gathered import FILES, RunFiles, gather

from .conftest import HOSTILE, a_run, untested


def written(folder: Path, run: RunFiles) -> dict[str, str]:
    """The report of a run whose files were written, by its ending."""
    for name, kind in FILES.items():
        if (value := getattr(run, name)) is not None:
            runfolder.write(folder / f"{name}.json", kind, value)
    return {path.suffix: path.read_text(encoding="utf-8") for path in report.write(folder)}


def test_every_figure_of_the_files_is_in_both_reports(tmp_path: Path) -> None:
    figures = (
        "0.93 0.61 25.4 [21.4, 29.7] -31.7 28.4 53.7 81.2 [75.1, 87.1] 40,321 3.4 33 % 14 % 28.1 54.4 +26.3 [22.9, 29.6] "
        "+20.9 [17.2, 24.8] [50.2, 58.6] 397 54.1 0.021 90.0 87.5 98,765 1:48 612 2:11 61.5 0.87 5,513 97 % 5feb12ee ab12 "
        "+25.9 12 9 62.5 50 99.9 98 87.5 62 % 71 % 64 % 83 % 1,234 93 0.812 412 41 0.846 0.417 58 92 % 36 % 51 % 371 93 % 57.7 231 5,000 41.4 35.2 "
        "26.5 8.2 7.0 0.0567 1.25 4,321 29 35 2,165 1.7 104 +2.6 77.5 0.085"
    )
    for text in written(tmp_path, a_run()).values():
        for number in re.findall(r"\[.*?\]|\d+ %|\S+", figures):
            assert number in text, number
    assert not list(tmp_path.glob("*.partial"))


def test_reasons_stand_under_what_they_speak_for(tmp_path: Path) -> None:
    run = a_run()
    assert run.recommendation
    first = run.recommendation.reasons[0]
    both = replace(run.recommendation, reasons=(first, replace(first, text="It is dear.", side="against")))
    for ending, text in written(tmp_path, replace(run, recommendation=both)).items():
        heads = [text.index(f"For {both.leading}"), text.index("Against it"), text.index("It is dear.")]
        assert heads == sorted(heads), ending


def test_hostile_text_stays_text_in_html(tmp_path: Path) -> None:
    page = written(tmp_path, a_run(HOSTILE))[".html"]
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page
    assert not re.search(r"<a [^>]*javascript", page)


def test_hostile_text_stays_text_in_markdown(tmp_path: Path) -> None:
    text = written(tmp_path, a_run(HOSTILE))[".md"]
    plain = written(tmp_path, a_run())[".md"]
    assert "<script" not in text and "\x1b" not in text
    assert not re.search(r"(?<!\\)\]\(|(?<!\\)`|(?<!\\)\[x", text)
    assert [s for s in text.splitlines() if s.startswith("## ")] == [
        s for s in plain.splitlines() if s.startswith("## ")
    ]

    def cells(page: str) -> list[int]:
        return [len(re.findall(r"(?<!\\)\|", line)) for line in page.splitlines() if line.startswith("|")]

    assert cells(text) == cells(plain)


def test_tables_are_whole_and_not_broken_by_blank_lines(tmp_path: Path) -> None:
    lines = written(tmp_path, a_run())[".md"].splitlines()
    for before, line in pairwise(lines):
        if line.startswith("| ---"):
            assert before.startswith("|") and before.count("|") == line.count("|")
        elif line.startswith("|"):
            assert before.startswith("|") or before == ""


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())[".html"]
    assert not re.search(r"""(src|srcset|data|poster)=|url\(|@import|<link|<iframe|<script""", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"https://example.org/a"}


@pytest.mark.parametrize("missing", [(), ("result",), ("result", "diagnosis"), ("task", "profile", "result", "search")])
def test_missing_files_are_fine(tmp_path: Path, missing: tuple[str, ...]) -> None:
    for text in written(tmp_path, replace(a_run(), **dict.fromkeys(missing))).values():
        assert "rag" in text and "{{" not in text and "Undefined" not in text and "None" not in text


@pytest.mark.parametrize(("measured", "title"), [(60, "Measured, not proven"), (0, "Not measured")])
def test_a_report_without_a_test_has_no_figures_of_one(tmp_path: Path, measured: int, title: str) -> None:
    given = replace(a_run(), result=untested(measured=measured))
    given = given if measured else replace(given, diagnosis=None)
    for text in written(tmp_path, given).values():
        assert title in text and "100" in text and "sealed test" not in text and "None" not in text
        assert "16 would do to measure" in text or measured
        assert "28.1" not in text and "Ledger" not in text


def test_answers_alone_are_reported_as_not_proven(tmp_path: Path) -> None:
    for text in written(tmp_path, RunFiles("", recommendation=a_run().recommendation)).values():
        assert "not proven on a sealed test yet" in text and "5,000" in text


def test_insufficient_evidence_is_said_first_after_the_kind_of_gap(tmp_path: Path) -> None:
    advice = a_run().recommendation
    assert advice
    unsure = replace(advice, path=None, verdict="insufficient evidence", certainty=0.55, provisional="prompting")
    text = written(tmp_path, RunFiles("", recommendation=unsure))[".md"]
    assert re.search(
        r"\*\*Knowledge and behaviour gap [^*]*\. Insufficient evidence: rag is the likeliest, with certainty 0.55",
        text,
    )


def test_nothing_to_report_and_a_broken_file_are_the_persons_to_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to report"):
        gather(tmp_path)
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"result\.json"):
        report.write(tmp_path)


def test_what_is_gathered_is_what_was_written(tmp_path: Path) -> None:
    run = a_run()
    written(tmp_path, run)
    gathered = gather(tmp_path)
    assert all(
        getattr(gathered, one.name) == getattr(run, one.name) for one in fields(RunFiles) if one.name != "folder"
    )
