import json
from collections.abc import Sequence
from dataclasses import replace

import jsonschema
import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from trainers import Constraint, LanguageModel, Row, Turn, generate, generation, render
from trainers.engine import packing

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "size": {"enum": [1, 2, 3]},
        "new": {"type": "boolean"},
    },
    "required": ["name", "size", "new"],
    "additionalProperties": False,
}


def reference(lm: LanguageModel, rows: Sequence[Row], max_tokens: int) -> list[str]:
    """Each row alone through transformers' own generate, greedily."""
    texts = []
    for row in rows:
        ids = torch.tensor([row.shared + row.own])
        with torch.inference_mode():
            made = lm.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=max_tokens,
                pad_token_id=lm.tokenizer.pad_token_id, eos_token_id=lm.tokenizer.eos_token_id,
            )  # fmt: skip
        texts.append(lm.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


def texts(lm: LanguageModel, rows: Sequence[Row], **more) -> list[str]:
    return [made.text for made in sorted(generate(lm, rows, **more), key=lambda made: made.index)]


@pytest.mark.parametrize("model", ["smollm2", "neox"])
@pytest.mark.parametrize("shared", [True, False])
def test_texts_are_those_of_transformers(model: str, shared: bool, asked: list[Row], request):
    lm = request.getfixturevalue(model)
    rows = asked if shared else [Row((), row.shared + row.own) for row in asked]
    assert texts(lm, rows, max_tokens=16) == reference(lm, asked, 16)


def test_rows_with_differing_shared_parts_are_told_apart(smollm2: LanguageModel, asked: list[Row]):
    loud = render(smollm2, [Turn("system", "You are a pirate.", shared=True), Turn("user", "Who are you?")])
    rows = [asked[0], loud, asked[1]]
    assert texts(smollm2, rows, max_tokens=12) == reference(smollm2, rows, 12)


def test_rows_that_end_early_leave_the_batch_and_are_yielded_first(smollm2: LanguageModel, asked: list[Row]):
    made = list(generate(smollm2, asked, max_tokens=24))
    lengths = [m.tokens for m in made]
    assert lengths[0] < lengths[-1] == max(lengths)
    assert [m.text for m in sorted(made, key=lambda m: m.index)] == reference(smollm2, asked, 24)


def test_a_text_that_ran_into_the_limit_is_not_complete(smollm2: LanguageModel, asked: list[Row]):
    for made in generate(smollm2, asked, max_tokens=3):
        assert made.tokens <= 3
        assert made.complete == (made.tokens < 3)


def test_drafts_are_kept_only_as_far_as_they_are_what_is_written_anyway(smollm2: LanguageModel, monkeypatch):
    """A list to be said again: what comes next stands in the prompt, up to where the text turns away from it."""
    listed = "one red apple, two green pears, three blue plums, four red apples"
    rows = [render(smollm2, [Turn("user", f"Repeat word for word, twice: {listed}")])]
    passes = []
    monkeypatch.setattr("trainers.engine.batching.extend", lambda *a, **k: passes.append(1) or packing.extend(*a, **k))
    assert texts(smollm2, rows, max_tokens=48) == reference(smollm2, rows, 48)
    drafted = len(passes)
    monkeypatch.setattr(generation, "DRAFTED_ROWS", 0)
    assert texts(smollm2, rows, max_tokens=48) == reference(smollm2, rows, 48)
    assert drafted < 0.8 * (len(passes) - drafted)


def test_no_rows_give_no_texts(smollm2: LanguageModel):
    assert list(generate(smollm2, [])) == []


@pytest.mark.parametrize("model", ["smollm2", "neox"])
def test_a_text_is_one_of_the_labels(model: str, asked: list[Row], request):
    labels = ("card arrival", "card", 'say "no"', "café\\ü", "日本")
    for made in generate(request.getfixturevalue(model), asked, Constraint(labels=labels), max_tokens=16):
        assert made.text in labels and made.complete


@pytest.mark.parametrize("label", ["card", 'say "no"', "café\\ü", "日本", "two\nlines"])
def test_any_label_can_be_written(smollm2: LanguageModel, asked: list[Row], label: str):
    assert texts(smollm2, asked[:1], constraint=Constraint(labels=(label,)), max_tokens=16) == [label]


@pytest.mark.parametrize("model", ["smollm2", "neox"])
def test_a_finished_text_follows_the_schema(model: str, asked: list[Row], request):
    made = list(generate(request.getfixturevalue(model), asked, Constraint(schema=SCHEMA), max_tokens=64))
    finished = [json.loads(m.text) for m in made if m.complete]
    assert len(finished) == len(made)
    for value in finished:
        jsonschema.validate(value, SCHEMA)


def test_a_text_cut_by_the_limit_is_the_start_of_json_and_not_complete(smollm2: LanguageModel, asked: list[Row]):
    (made,) = generate(smollm2, asked[:1], Constraint(schema=SCHEMA), max_tokens=3)
    assert made.text.startswith("{") and not made.complete


def test_what_of_a_schema_cannot_be_held_to_is_left_open(smollm2: LanguageModel, asked: list[Row]):
    items = {"type": "string", "enum": ["card", "fee"]}
    schema = {"type": "array", "items": items, "uniqueItems": True, "minItems": 1, "maxItems": 2}
    for made in generate(smollm2, asked, Constraint(schema=schema), max_tokens=16):
        assert made.complete and 1 <= len(json.loads(made.text)) <= 2 and set(json.loads(made.text)) <= {"card", "fee"}


def test_a_schema_that_cannot_be_compiled_is_an_error(smollm2: LanguageModel, asked: list[Row]):
    with pytest.raises(ValueError, match="cannot be compiled"):
        list(generate(smollm2, asked, Constraint(schema={"type": "no such type"})))


def test_a_vocabulary_padded_beyond_the_tokenizer_can_be_constrained(smollm2: LanguageModel, asked: list[Row]):
    config = Qwen2Config(
        vocab_size=len(smollm2.tokenizer) + 100, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, eos_token_id=smollm2.tokenizer.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lm = replace(smollm2, model=Qwen2ForCausalLM(config).eval())
    assert set(texts(lm, asked, constraint=Constraint(labels=("yes", "no")))) <= {"yes", "no"}
