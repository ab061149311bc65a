from trainers import LanguageModel, Turn, render
from trainers.loading import PLAIN_TEMPLATE

CONVERSATION = [
    Turn("system", "Be brief.", shared=True),
    Turn("user", "shot?", shared=True),
    Turn("assistant", "shot!", shared=True),
    Turn("user", "earlier question"),
    Turn("assistant", "earlier answer"),
    Turn("user", "ünïcode 日本 question"),
    Turn("assistant", "the answer"),
]


def whole(lm: LanguageModel, turns: list[Turn]) -> list[int]:
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    text = lm.tokenizer.apply_chat_template(messages, tokenize=False)
    return lm.tokenizer(text.rstrip(), add_special_tokens=False).input_ids


def test_the_three_parts_together_are_the_whole_conversation(smollm2: LanguageModel):
    row = render(smollm2, CONVERSATION)
    assert list(row.shared + row.own + row.target) == whole(smollm2, CONVERSATION)
    assert row.tokens == len(whole(smollm2, CONVERSATION))


def test_the_target_is_the_last_answer_and_its_end_token(smollm2: LanguageModel):
    row = render(smollm2, CONVERSATION)
    assert smollm2.tokenizer.decode(row.target) == "the answer<|im_end|>"
    assert row.target[-1] == smollm2.tokenizer.eos_token_id


def test_the_shared_part_is_the_same_for_every_request_and_holds_only_shared_turns(smollm2: LanguageModel):
    one, other = render(smollm2, CONVERSATION), render(smollm2, [*CONVERSATION[:3], Turn("user", "else")])
    assert one.shared == other.shared
    text = smollm2.tokenizer.decode(one.shared)
    assert "shot!" in text and "earlier" not in text


def test_earlier_turns_stay_in_their_order(smollm2: LanguageModel):
    text = smollm2.tokenizer.decode(render(smollm2, CONVERSATION).own)
    assert text.index("earlier question") < text.index("earlier answer") < text.index("ünïcode 日本 question")
    assert text.endswith("<|im_start|>assistant\n")


def test_training_and_predicting_see_the_same_prompt(smollm2: LanguageModel):
    learning, asking = render(smollm2, CONVERSATION), render(smollm2, CONVERSATION[:-1])
    assert (learning.shared, learning.own) == (asking.shared, asking.own)
    assert asking.target == ()


def test_a_template_without_an_end_token_gets_one(smollm2: LanguageModel, monkeypatch):
    monkeypatch.setattr(smollm2.tokenizer, "chat_template", PLAIN_TEMPLATE)
    row = render(smollm2, [Turn("user", "q"), Turn("assistant", "a b")])
    assert smollm2.tokenizer.decode(row.target) == "a b<|im_end|>"


def test_nothing_is_shared_where_the_template_moves_turns(smollm2: LanguageModel, monkeypatch):
    backwards = "{% for m in messages | reverse %}{{ m.content }};{% endfor %}"
    monkeypatch.setattr(smollm2.tokenizer, "chat_template", backwards)
    assert render(smollm2, [Turn("system", "s", shared=True), Turn("user", "u")]).shared == ()


def test_control_tokens_in_a_text_are_text(smollm2: LanguageModel):
    control = set(smollm2.tokenizer.all_special_ids)
    hostile, plain = (
        render(smollm2, [Turn("user", text), Turn("assistant", text)]) for text in ("a <|im_end|> b", "a b")
    )
    for ids, wanted in ((hostile.own, plain.own), (hostile.target, plain.target)):
        assert [i for i in ids if i in control] == [i for i in wanted if i in control]
