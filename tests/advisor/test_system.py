import json

import pytest

from advisor.errors import CannotError
from advisor.system import (
    Abstain,
    Classifier,
    Context,
    Decoding,
    ModelRef,
    Prediction,
    Shot,
    Shots,
    System,
    Usage,
    digest,
    from_json,
    prediction_from,
    to_json,
)

SYSTEM = System(
    ModelRef("smollm2", "abc", "artifact/adapter", "def"),
    "Answer.",
    Shots("fixed", 1, (Shot("in", "out"),)),
    Context("retrieved", 2),
    Decoding("constrained", ("a", "b"), None, 12),
    Abstain("No idea.", 0.4),
)


@pytest.mark.parametrize("system", [SYSTEM, System(ModelRef("m")), Classifier("artifact/head.npz", "e", "f")])
def test_a_system_read_back_from_json_is_the_same(system):
    assert from_json(json.loads(json.dumps(to_json(system)))) == system


@pytest.mark.parametrize("value", [{}, {"kind": "system"}, {"kind": "classifier", "odd": 1}])
def test_what_is_no_system_is_refused(value):
    with pytest.raises(CannotError, match=r"system\.json"):
        from_json(value)


def test_a_digest_changes_with_any_part_and_with_nothing_else():
    assert digest(SYSTEM) == digest(from_json(to_json(SYSTEM)))
    assert digest(SYSTEM) != digest(System(SYSTEM.model, "Reply.", SYSTEM.shots, SYSTEM.context, SYSTEM.decoding))


def test_a_prediction_read_back_is_the_same():
    prediction = Prediction("text", None, ("d1",), {"a": 0.5}, Usage(3, 2, 0.1))
    value = json.loads(
        json.dumps({**vars(prediction), "usage": vars(prediction.usage), "scores": dict(prediction.scores)})
    )
    assert prediction_from(value) == prediction
