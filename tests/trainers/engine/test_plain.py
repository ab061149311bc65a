import json

from trainers import Constraint, LanguageModel, Row, generate


def test_a_model_that_cannot_be_packed_writes_the_same(smollm2: LanguageModel, asked: list[Row], monkeypatch):
    schema = {"type": "object", "properties": {"size": {"enum": [1, 2, 3]}}, "required": ["size"]}
    for constraint in (None, Constraint(schema=schema), Constraint(regex="[0-9]{2}-[a-z]{3}")):
        monkeypatch.setattr("trainers.generation.packs", lambda lm: True)
        fast = {made.index: made for made in generate(smollm2, asked, constraint, 16)}
        monkeypatch.setattr("trainers.generation.packs", lambda lm: False)
        slow = {made.index: made for made in generate(smollm2, asked, constraint, 16)}
        assert slow == fast
        if constraint and constraint.schema:
            assert all(json.loads(made.text)["size"] in (1, 2, 3) for made in slow.values() if made.complete)
