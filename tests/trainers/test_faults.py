import copy
from dataclasses import replace

from trainers import LanguageModel, Row, preflight, template_fault


def test_rows_that_can_be_learned_from_have_no_fault(smollm2: LanguageModel, taught: list[Row]):
    assert preflight(smollm2, taught) == {}


def test_each_fault_is_told_with_its_row(neox: LanguageModel, taught: list[Row]):
    end = neox.tokenizer.eos_token_id
    rows = [taught[0], replace(taught[0], target=(end,)), replace(taught[0], own=(5,) * 246, target=(7, 8, end))]
    faults = preflight(neox, rows)
    assert set(faults) == {1, 2}
    assert "no token to learn" in faults[1]
    assert f"{rows[2].tokens} tokens do not fit the model's context of 256: 2 of the output's 3" in faults[2]


def test_a_chat_template_of_another_model_is_told(smollm2: LanguageModel):
    assert template_fault(smollm2) == ""
    tokenizer = copy.deepcopy(smollm2.tokenizer)
    lm = replace(smollm2, tokenizer=tokenizer)
    tokenizer.chat_template = tokenizer.chat_template.replace("<|im_start|>", "<|start_header_id|>")
    assert "splits <|start_header_id|>" in template_fault(lm)
