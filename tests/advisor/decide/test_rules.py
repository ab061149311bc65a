"""Rules as data: what fires, and what a rules file may not hold."""

from pathlib import Path

import pytest

from advisor.answers import parse
from advisor.decide.rules import SIGNALS, Condition, fired, load_rules
from advisor.errors import InputError
from advisor.system import PATH_NAMES

GOOD = {
    "id": '"a"',
    "path": '"rag"',
    "weight": "5",
    "when": "{ facts_change = 'often' }",
    "reason": '"r"',
    "source": '"s"',
}


def written(folder: Path, **changed: str | None) -> Path:
    fields = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    (folder / "r.toml").write_text("# first\n[[rule]]\n" + "\n".join(f"{k} = {v}" for k, v in fields.items()))
    return folder


def test_the_shipped_rules_load_and_speak_of_every_path() -> None:
    rules = load_rules()
    assert {rule.path for rule in rules} == set(PATH_NAMES)
    assert len({rule.id for rule in rules}) == len(rules) >= 20
    assert all(rule.reason.endswith(".") and rule.source for rule in rules)


def test_every_rule_can_fire() -> None:
    for rule in load_rules():
        signals: dict[str, object] = {}
        for condition in rule.when:
            value = condition.value[0] if isinstance(condition.value, tuple) else condition.value
            signals[condition.signal] = value - 1 if condition.operator == "below" else value  # type: ignore[operator]
            if condition.operator == "below" and len([c for c in rule.when if c.signal == condition.signal]) > 1:
                signals[condition.signal] = next(c.value for c in rule.when if c.operator == "at_least")
        assert rule.fires(signals), rule.id


@pytest.mark.parametrize(
    ("operator", "value", "signal", "holds"),
    [
        ("is", "often", "often", True),
        ("is", "often", "never", False),
        ("not", "often", "never", True),
        ("not", "often", "unknown", False),
        ("not", "often", None, False),
        ("in", ("never", "often"), "often", True),
        ("in", ("never",), "often", False),
        ("at_least", 5, 5.0, True),
        ("at_least", 5, 4.9, False),
        ("below", 5, 5, False),
        ("below", 5, 4.9, True),
        ("below", 5, "unknown", False),
    ],
)
def test_conditions_compare_and_the_unknown_never_satisfies_one(
    operator: str, value: str | float, signal: object, holds: bool
) -> None:
    assert Condition("x", operator, value).holds({"x": signal}) is holds


def test_nothing_fires_where_nothing_is_known() -> None:
    assert fired(load_rules(), parse({})) == ()


def test_all_conditions_of_a_rule_must_hold(tmp_path: Path) -> None:
    rules = load_rules(
        written(tmp_path, when="{ facts_change = 'often', train_examples = { at_least = 5, below = 9 } }")
    )
    assert fired(rules, {"facts_change": "often", "train_examples": 8}) == rules
    assert fired(rules, {"facts_change": "often", "train_examples": 9}) == ()
    assert fired(rules, {"facts_change": "never", "train_examples": 8}) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"colour": '"red"'}, "unknown field colour"),
        ({"reason": None}, "reason is missing"),
        ({"path": '"magic"'}, "unknown path"),
        ({"weight": "400"}, "weight 400"),
        ({"weight": "0"}, "weight 0"),
        ({"weight": "true"}, "weight True"),
        ({"weight": "nan"}, "weight nan"),
        ({"source": '" "'}, "source is empty"),
        ({"when": "{}"}, "no conditions"),
        ({"when": "{ mood = 'good' }"}, "unknown signal mood"),
        ({"when": "{ facts_change = 'daily' }"}, "no value of facts_change"),
        ({"when": "{ facts_change = { at_least = 3 } }"}, "needs a number"),
        ({"when": "{ num_labels = { near = 3 } }"}, "unknown operator near"),
        ({"when": "{ num_labels = 'three' }"}, "not a number"),
        ({"when": "{ facts_change = { in = 'often' } }"}, "needs a list"),
        ({"when": "{ facts_change = ['often'] }"}, "needs one value"),
    ],
)
def test_a_bad_rule_is_refused_with_its_file_line_and_id(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_rules(written(tmp_path, **changed))
    (problem,) = caught.value.problems
    assert said in problem.what
    assert (problem.line, problem.field) == (2, "rule a")


def test_all_bad_rules_are_reported_at_once(tmp_path: Path) -> None:
    written(tmp_path, path='"magic"', weight="400")
    (tmp_path / "s.toml").write_text("rule = 3")
    (tmp_path / "t.toml").write_text("[[rule]\n")
    (tmp_path / "u.toml").write_text("[other]\na = 1")
    with pytest.raises(InputError) as caught:
        load_rules(tmp_path)
    assert len(caught.value.problems) == 5


def test_an_id_may_be_used_once(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "s.toml").write_text((tmp_path / "r.toml").read_text())
    with pytest.raises(InputError, match="taken"):
        load_rules(tmp_path)


def test_every_signal_is_described() -> None:
    assert all(SIGNALS.values())
