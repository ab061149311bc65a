from dataclasses import replace

from advisor.measure.proof import Result
from advisor.show import words
from advisor.show.brief import brief
from advisor.show.full import sections
from advisor.show.words import comparisons, duration, figure, finalists, valid

from .conftest import a_run


def test_what_is_no_number_is_a_dash() -> None:
    assert [figure(value) for value in (None, float("nan"), -0.01, 1234.56)] == ["–", "–", "0.0", "1,234.6"]
    told = ["0.4 s", "9.0 s", "1:00 min", "2:10 min", "1:05 h"]
    assert [duration(s) for s in (0.44, 9, 59.7, 130, 3900)] == told


def test_all_is_said_of_all_alone() -> None:
    assert valid({"json": 1.0, "schema": 0.9996}) == "100 % JSON, 99.9 % JSON by the schema"
    assert valid({"label": 0.29}) == "29 % one of the labels" and valid({}) == ""


def result(**parts: object) -> Result:
    made = a_run().result
    assert made
    return replace(made, **parts)  # type: ignore[arg-type]


def apart() -> Result:
    """A result whose best untuned system is a finalist of its own."""
    best = {"best_untuned": "rag", "best_untuned_score": 53.7, "best_untuned_verdict": "cheaper is enough"}
    unscored = {"baseline": 0, "runner_up": 0, "best_untuned": 0, "test": 0}
    return result(path="finetuning", gain_over_best_untuned=(-0.9, 0.7, 1.84), unscored=unscored, **best)


def told(of: Result) -> str:
    section = brief(of)
    assert section
    return " | ".join(getattr(block, "text", "") for block in section.blocks)


def test_the_best_untuned_is_compared_once_and_named_as_such() -> None:
    over = comparisons(apart())
    assert [one.over for one in over.values()] == ["the baseline", "prompting", "rag"]
    assert [name for name, one in over.items() if one.untuned] == ["best_untuned"]
    assert "over rag (53.7, the best untuned) +0.7 [-0.9, 1.8]: rag is enough, at most 1.8 points worse" in told(
        apart()
    )
    assert finalists(apart())["best_untuned"] == "best untuned: rag"
    same = {"best_untuned_score": 33.5, "gain_over_best_untuned": (17.2, 20.9, 24.8), "best_untuned_verdict": "better"}
    runner_up = result(best_untuned="prompting", **same)
    assert [one.untuned for one in comparisons(runner_up).values()] == [False, True]
    assert "over prompting (33.5, the best untuned) +20.9" in told(runner_up)
    baseline = result(best_untuned="baseline", runner_up=None, gain_over_runner_up=None, **same)
    assert [one.untuned for one in comparisons(baseline).values()] == [True]
    assert "gain over the best untuned +26.3" in told(baseline)
    assert "untuned" not in told(result())


def test_the_report_compares_with_the_best_untuned_too() -> None:
    pages = list(sections(replace(a_run(), result=apart())))
    proof = next(page for page in pages if page.title == "Proof on the sealed test")
    rows = [row for block in proof.blocks for row in getattr(block, "rows", ())]
    assert tuple(map(str, rows[-1][:3])) == ("finetuning over rag, the best untuned", "+0.7", "[-0.9, 1.8]")
    assert rows[-1][3] == "rag is enough, at most 1.8 points worse"


def test_clusters_are_told_where_there_are_fewer_than_rows() -> None:
    assert words.tested(result(clusters=29)) == "400 examples from 29 sources"
    part = words.tested(result(clusters=29, test_rows=900))
    assert part.startswith("400 examples from 29 sources (drawn by chance from 900")
    assert words.tested(result(clusters=400)) == "400 examples"
    run = a_run()
    assert run.diagnosis
    hanging = replace(run.diagnosis, groups={str(i): i // 10 for i in range(70)})
    section = brief(hanging)
    assert section and "96 development examples from 33 sources" in getattr(section.blocks[0], "text", "")
    ladder = next(sections(replace(run, diagnosis=hanging)))
    assert "Rows of one cluster share a source" in getattr(ladder.blocks[0], "text", "")
