"""What costs are called, in the terminal and the report."""

from dataclasses import replace

from advisor.decide.flips import Change
from advisor.decide.recommendation import Recommendation
from advisor.decide.worth import BreakEven, MoreExamples, Stop
from advisor.show.priced import change, costs, section, worth

from .conftest import a_run


def advice(**other: object) -> Recommendation:
    given = a_run().recommendation
    assert given
    return replace(given, **other)  # type: ignore[arg-type]


def told(given: Recommendation) -> str:
    return " | ".join(text.text for text in worth(given))


def test_the_table_has_a_row_for_each_path_that_can_be_taken_and_a_column_for_what_is_known() -> None:
    table = costs(advice())
    assert [column.name for column in table.columns] == ["path", "build", "hours", "USD per 1,000", "upkeep a year"]
    assert table.rows[0] == ("rag", "2:11 min", "26.5", "0.0567", "13 h") and len(table.rows) == 5
    first, *others = advice().ranking
    bare = replace(first, cost=replace(first.cost, build_seconds=None, per_1000=None))
    alone = costs(advice(ranking=(bare, *(replace(one, possible=False) for one in others))))
    assert [column.name for column in alone.columns] == ["path", "hours", "upkeep a year"] and len(alone.rows) == 1


def test_when_a_path_is_earned_back_is_said_or_that_it_never_is() -> None:
    assert "rag is earned back over prompting after 4,321 requests (29 days at 150 a day), at +17.9" in told(advice())
    never = advice(break_even=BreakEven("finetuning", "rag", -1.5, 100.0))
    assert "finetuning is not earned back over rag, at -1.5 points expected" in told(never)


def test_the_stop_rule_names_the_most_that_finding_out_is_worth() -> None:
    assert "at most 35 hours of somebody's work (2,165 USD) in a year; spend no more" in told(advice())
    assert "at most 1 hour of somebody's work" in told(advice(stop=Stop(0.1, 1.4, 86.0)))
    assert "stop finding out" in told(advice(stop=Stop(0.01, 0.2, 12.0)))


def test_what_more_examples_save_is_said_of_the_path_to_be_built_alone() -> None:
    other = told(advice())
    assert "100 more examples (1.7 hours to label, 104 USD) are expected to give finetuning +2.6 [0.4, 5.8]" in other
    assert "rag learns from none" in other and "mending" not in other
    gains = {"finetuning": (0.4, 2.0, 5.8), "rag": (0.0, 1.0, 2.0)}
    assert "for rag 12 hours of mending less in a year" in told(
        advice(more_examples=MoreExamples(100, 1.7, 104.0, gains, 12.17))
    )
    hardly = MoreExamples(100, 1.7, 104.0, {"finetuning": (-0.3, 0.1, 0.4)}, 12.17)
    assert "would hardly raise any path" in told(advice(more_examples=hardly))


def test_the_report_names_every_figure_with_where_it_is_from() -> None:
    cells = [cell for block in section(advice()).blocks for row in getattr(block, "rows", ()) for cell in row]
    assert {"8.2", "7.0", "26.5", "612", "1.25 s", "0.0567", "measured", "77.5", "said"} <= set(cells)
    assert any("Amazon EC2" in cell and cell.endswith("2024") for cell in cells)


def test_a_change_is_told_beside_what_is_so() -> None:
    given = advice()

    def said(**when: str | float) -> str:
        return change(Change(when, "rag", 0.71), given)

    assert said(facts_change="often") == "rag (probability 0.71) if facts_change were often"
    assert said(train_examples=40.0).endswith("if train_examples were 40, not 5,000")
    assert said(hour_usd=150.0).endswith("if hour_usd were 150, not 77.50")
    assert said(finetuning_score=44.2).endswith("if finetuning scored 6 points less than measured")
    assert said(**{"rag+finetuning_score": 53.2}).endswith("if rag+finetuning scored 3 points more than measured")
