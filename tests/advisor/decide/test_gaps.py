"""Knowledge or behaviour, as measured and as answers let one believe."""

from typing import Any

import pytest

from advisor.answers import implied, parse
from advisor.decide.gaps import GAPS, Shown, believed_gap, kind_of, load_gaps, measured_gap


@pytest.mark.parametrize(
    ("shares", "kind"),
    [
        ({"knowledge": 0.4, "behaviour": 0.2}, "knowledge"),
        ({"knowledge": 0.1, "retrieval": 0.3, "instruction": 0.2}, "knowledge"),
        ({"knowledge": 0.3, "behaviour": 0.2}, "both"),
        ({"format": 0.2, "instruction": 0.1, "behaviour": 0.1, "knowledge": 0.2}, "behaviour"),
        ({"behaviour": 0.09}, "none"),
        ({}, "none"),
        ({"capability": 0.5, "behaviour": 0.3, "knowledge": 0.2}, "capability"),
        ({"capability": 0.4, "behaviour": 0.3, "knowledge": 0.3}, "both"),
        ({"capability": 0.3, "instruction": 0.2, "behaviour": 0.2}, "behaviour"),
    ],
)
def test_the_kind_follows_from_the_shares(shares: dict[str, float], kind: str) -> None:
    assert kind_of(shares) == kind


def test_where_most_is_not_known_the_kind_is_not_either() -> None:
    assert kind_of({"behaviour": 0.2}, unknown=0.8) == "unknown"
    assert kind_of({"behaviour": 0.8}, unknown=0.2) == "behaviour"


def test_a_measured_gap_holds_the_six_shares_and_an_example_of_each() -> None:
    shown = Shown("7", "in", "out", None)
    gap = measured_gap({"none": 0.3, "knowledge": 0.7, "unknown": 0.0}, {"knowledge": shown})
    assert (gap.kind, gap.measured, gap.examples) == ("knowledge", True, {"knowledge": shown})
    assert set(gap.shares) == set(GAPS) - {"none"} and sum(gap.shares.values()) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({}, "unknown"),
        ({"needs_private_or_fresh_facts": "yes"}, "knowledge"),
        ({"needs_private_or_fresh_facts": "yes", "output_kind": "json"}, "both"),
        ({"needs_private_or_fresh_facts": "yes", "output_kind": "long_answer", "style_matters": "yes"}, "both"),
        ({"output_kind": "style"}, "behaviour"),
        ({"output_kind": "label", "needs_private_or_fresh_facts": "no"}, "behaviour"),
        ({"base_capability": "high", "needs_private_or_fresh_facts": "no"}, "none"),
        (
            {"base_capability": "low", "needs_private_or_fresh_facts": "no", "strict_format": "no",
             "style_matters": "no", "output_kind": "short_answer"},
            "capability",
        ),
    ],
)  # fmt: skip
def test_answers_alone_let_one_believe_in_a_kind_with_reasons(raw: dict[str, Any], kind: str) -> None:
    answers = parse(raw)
    gap = believed_gap({**answers, **implied(answers)})
    assert (gap.kind, gap.measured) == (kind, False)
    assert bool(gap.reasons) is (kind != "unknown") and 0 <= sum(gap.shares.values()) <= 1.001


def test_every_argument_for_a_gap_has_a_source() -> None:
    assert all(one.gap in GAPS and one.weight > 0 and one.source for one in load_gaps())
