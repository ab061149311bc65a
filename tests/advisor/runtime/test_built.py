"""What a built system is asked is what it learned from."""

from dataclasses import replace

from advisor.runtime.built import Asked, Built
from advisor.runtime.runtime import Runtime
from advisor.system import ModelRef, System
from advisor.task import Example
from trainers.rendering import Turn

from ..conftest import Reader


def test_system_turns_that_became_the_instruction_are_said_once(keeper: Runtime) -> None:
    empty = dict.fromkeys(
        ("name", "folder", "description", "metric", "model", "model_fingerprint", "command", "machine"), ""
    )
    record = Asked(
        **empty, instruction="Be brief.\n\nKnow this.", labels=(), endpoint=None, seed=0, versions={}, fingerprint=""
    )
    model = keeper.model
    assert isinstance(model, Reader)
    built = Built(System(ModelRef("reader", "reader"), record.instruction), keeper, record)
    turns = tuple(Turn("system", text) for text in ("Be brief.", "Know this.", "Tools."))
    example = Example("1", "Where?", "", turns=turns)
    built.predict([example, replace(example, input="When?", turns=(Turn("system", "Be kind."),))])
    assert [request.turns[0].text for request in model.asked] == [
        "Be brief.\n\nKnow this.\n\nTools.",
        "Be brief.\n\nKnow this.\n\nBe kind.",
    ]
