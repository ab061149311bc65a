import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.show import report

HOSTILE = "<script>alert(1)</script> a|b `code` ``` [x](javascript:alert(1)) ![i](http://evil.example/i.png) [red]r[/] \x1b[2J\n# head\n\n- item"
RANKED = [("rag", 0.93, 25.4), ("rag+finetuning", 0.61, 24.1), ("finetuning", 0.11, 7.5), ("prompting", 0.04, 2.2)]


def a_run(text: str = "plain text") -> dict[str, Any]:
    """A full run whose every text from data and models is `text`."""
    ranking = [
        {"path": p, "probability": q, "expected_gain": g, "interval": [g - 4, g + 4.3], "note": text,
         "cost": {"effort": "an index", "build_seconds": 131, "tokens_per_request": 612.0, "usd": 0.0}}
        for p, q, g in [*RANKED, ("classifier", 0.0, -31.7)]
    ]  # fmt: skip
    probe = {"path": "rag", "n": 96, "unscored": 1, "seconds": 12.5, "tokens": 40321}
    probes = [
        {"name": n, "label": n, "value": v, "lo": v - 6.1, "hi": v + 5.9, **probe}
        for n, v in (("zero-shot", 28.4), ("similar shots", 33.3), ("retrieved context", 53.7), (text, 81.2))
    ]
    finding = {"kind": "duplicate", "severity": "warning", "message": text, "file": text, "rows": list(range(3, 40))}
    example = {"id": text, "input": text, "wanted": text, "before": None, "after": text}
    case = {"id": "c", "title": text, "source": f"https://example.org/a {text}", "task": text}
    return {
        "task": {"name": text, "description": text, "instruction": text, "metric": "token_f1", "model": text, "seed": 7,
                 "command": f"advisor run {text}", "versions": {"torch": "2.13.0"}, "machine": "x86, 2 cores",
                 "fingerprint": "ab12", "left_out": [4], "flags": {"path": "rag"}},
        "profile": {"examples": {"train": 300, "test": 400}, "documents": 5513, "outputs":
                    {"kind": "short_answer", "form": text, "consistency": 0.97, "keys": []}, "answers_in_documents": 0.84,
                    "tokens": {"input": {"median": 17, "p95": 40, "max": 90, "total": 5000}}, "findings": [finding]},
        "diagnosis": {"metric": "token_f1", "examples": 96, "floors": {"copying the input": 3.4, text: 11.2},
                      "recall": [{"k": 3, "answer": 0.62, "gold": 0.71}],
                      "use": [{"system": text, "there": 0.64, "right_with": 0.83, "right_without": None, "tokens": 1234.4}],
                      "probes": probes, "notes": [text], "gaps": {"none": 0.19, "format": 0.0, "instruction": 0.05,
                      "knowledge": 0.33, "retrieval": 0.03, "behaviour": 0.26, "capability": 0.14}},
        "recommendation": {"path": "rag", "certainty": 0.93, "enough": 0.8, "provisional": None, "gain_over": "baseline",
                           "ranking": ranking, "would_change": [text], "next": text, "reasons":
                           [{"text": text, "rule": "fresh-facts", "weight": 4.0, "source": text}],
                           "cases": [{**case, "scores": {"rag": 61.5}, "won": ["rag"], "similarity": 0.87}]},
        "retrieval": {"by": text, "questions": 93, "measure": "ndcg@10", "k": 4, "settings": {},
                      "trials": [{"what": text, "score": 0.8123, "chosen": True}],
                      "embedder": {"pairs": 412, "before": 0.8123, "after": 0.8456, "kept": True, "seconds": 41.0}},
        "abstaining": {"text": text, "below": 0.417, "questions": 58, "trades": [
                       {"below": 0.417, "answered": 0.92, "wrong": 0.36, "withheld": 0.04, "refused": 0.51}]},
        "result": {"run": "runs/x", "path": "rag", "provisional": False, "forced": False, "metric": "token_f1",
                   "baseline": 28.1, "test": 54.4, "gain": [22.9, 26.3, 29.6], "verdict": "better",
                   "runner_up": "prompting", "runner_up_score": 33.5, "gain_over_runner_up": [17.2, 20.9, 24.8],
                   "runner_up_verdict": "better", "test_items": 400, "unscored": {"baseline": 3, "test": 0},
                   "intervals": {"baseline": [24.3, 28.1, 31.8], "runner_up": [29.7, 33.5, 37.1],
                                 "test": [50.2, 54.4, 58.6]},
                   "answered": {"test": {"items": 371, "share": 0.9275, "score": 57.7, "right": 231}},
                   "trained_tokens": 98765, "seconds": {"profile": 3.2, "build": 108.0}, "tokens": {"baseline": 77},
                   "clean": {"items": 397, "test": 54.1}, "ledger": "5feb12ee",
                   "forgetting": {"divergence": 0.021, "before": 90.0, "after": 87.5, "questions": 40},
                   "examples": [{**example, "before_score": None, "after_score": 100.0}]},
    }  # fmt: skip


def written(folder: Path, run: dict[str, Any]) -> dict[str, str]:
    for name, value in run.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return {path.suffix: path.read_text(encoding="utf-8") for path in report.write(folder)}


def test_every_figure_of_the_files_is_in_both_reports(tmp_path: Path) -> None:
    figures = (
        "0.93 0.61 25.4 [21.4, 29.7] -31.7 28.4 53.7 81.2 [75.1, 87.1] 40,321 3.4 33 % 14 % 28.1 54.4 +26.3 [22.9, 29.6] "
        "+20.9 [17.2, 24.8] [50.2, 58.6] 397 54.1 0.021 90.0 87.5 98,765 1:48 612 2:11 61.5 0.87 5,513 97 % 5feb12ee ab12 "
        "62 % 71 % 64 % 83 % 1,234 93 0.812 412 41 0.846 0.417 58 92 % 36 % 51 % 371 93 % 57.7 231"
    )
    for text in written(tmp_path, a_run()).values():
        for number in re.findall(r"\[.*?\]|\d+ %|\S+", figures):
            assert number in text, number
    assert not list(tmp_path.glob("*.partial"))


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


def test_tables_are_not_broken_by_blank_lines(tmp_path: Path) -> None:
    lines = written(tmp_path, a_run())[".md"].splitlines()
    for before, line in pairwise(lines):
        if line.startswith("| ---"):
            assert before.startswith("|")
        elif line.startswith("|"):
            assert before.startswith("|") or before == ""


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, a_run())[".html"]
    assert not re.search(r"""(src|srcset|data|poster)=|url\(|@import|<link|<iframe|<script""", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"https://example.org/a"}


@pytest.mark.parametrize(
    "missing", [(), ("result",), ("result", "diagnosis"), ("task", "profile", "result", "diagnosis")]
)
def test_missing_files_are_fine(tmp_path: Path, missing: tuple[str, ...]) -> None:
    for text in written(tmp_path, {k: v for k, v in a_run().items() if k not in missing}).values():
        assert "rag" in text and "{{" not in text and "Undefined" not in text


def test_answers_alone_are_reported_as_not_proven(tmp_path: Path) -> None:
    run = {"recommendation": a_run()["recommendation"], "answers": {"output_kind": "json", "train_examples": 5000.0}}
    for text in written(tmp_path, run).values():
        assert "not proven on a sealed test yet" in text and "5,000" in text


def test_insufficient_evidence_is_the_first_thing_said(tmp_path: Path) -> None:
    advice = {**a_run()["recommendation"], "path": None, "certainty": 0.55, "provisional": "prompting"}
    text = written(tmp_path, {"recommendation": advice})[".md"]
    assert "**Insufficient evidence: rag is the likeliest, with probability 0.55 where 0.80 is wanted" in text


def test_nothing_to_report_and_a_broken_file_are_the_persons_to_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to report"):
        report.load(tmp_path)
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"result\.json"):
        report.write(tmp_path)


def test_load_gives_the_files_as_they_are(tmp_path: Path) -> None:
    run = a_run()
    written(tmp_path, run)
    assert {**report.load(tmp_path), "folder": ""} == {**run, "folder": ""}
