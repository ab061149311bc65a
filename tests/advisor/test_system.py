import json

import pytest

from advisor import runfolder
from advisor.errors import InputError
from advisor.system import (
    Abstain,
    Buildable,
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
def test_a_system_read_back_from_json_is_the_same(tmp_path, system):
    runfolder.write(tmp_path / "system.json", Buildable, system)
    assert json.loads((tmp_path / "system.json").read_text())["kind"] == type(system).__name__.lower()
    again = runfolder.read(tmp_path / "system.json", Buildable)
    assert again == system and digest(again) == digest(system)


@pytest.mark.parametrize("text", ["{}", '{"kind": "system"}', '{"kind": "classifier", "odd": 1}'])
def test_what_is_no_system_is_refused(tmp_path, text):
    (tmp_path / "system.json").write_text(text)
    with pytest.raises(InputError, match=r"system\.json"):
        runfolder.read(tmp_path / "system.json", Buildable)


def test_a_digest_changes_with_any_part():
    assert digest(SYSTEM) != digest(System(SYSTEM.model, "Reply.", SYSTEM.shots, SYSTEM.context, SYSTEM.decoding))


def test_a_prediction_read_back_is_the_same(tmp_path):
    prediction = Prediction("text", None, ("d1",), {"a": 0.5}, Usage(3, 2, 0.1))
    runfolder.write(tmp_path / "one.json", Prediction, prediction)
    assert runfolder.read(tmp_path / "one.json", Prediction) == prediction
