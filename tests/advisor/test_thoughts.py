import pytest

from advisor.task import Example
from advisor.thoughts import Parted, opened, part, without

HARMONY = "<|channel|>analysis<|message|>two and two<|end|><|start|>assistant"
THINKING = {
    "<think>\ntwo and two\n</think>\n\n4": "4",
    "<THINK>two and two</Think>4": "4",
    "\n <thinking>two and two</thinking> 4": "4",
    "<reasoning>two and two</reasoning>\n4": "4",
    "<seed:think>two and two</seed:think>4": "4",
    "[THINK]two and two[/THINK]4": "4",
    "◁think▷two and two◁/think▷4": "4",
    "<|begin_of_thought|>two and two<|end_of_thought|><|begin_of_solution|>4<|end_of_solution|>": "4",
    "<|START_THINKING|>two and two<|END_THINKING|><|START_RESPONSE|>4<|END_RESPONSE|>": "4",
    f"{HARMONY}<|channel|>final<|message|>4<|return|>": "4",
    f"{HARMONY}<|channel|>commentary<|message|>still<|end|><|start|>assistant<|channel|>final<|message|>4": "4",
    "<|channel|>analysis two and two <|channel|>final 4": "4",
    "<|channel|>final<|message|>4<|return|>": "4",
    "analysisTwo and two.assistantfinal4": "4",
    "Here is my thought process: two and two. Here is my response: 4": "4",
    "two and two\n</think>\n\n4": "4",  # the template had opened it
    "two and two</think>4": "4",
    "It is two and two. </think> 4": "4",
    "<think>two</think>\n<think>and two</think>\n4": "4",
    "<think>two <think>and</think> two</think> 4": "4",
    "<think>the tag <think> must not come twice</think> 4": "4",
    '<think>the tag "</think>" ends it\n</think>\n4': "4",
    "<think>two and two</think><answer>4</answer>": "4",
    "<think>\n\n</think>\n\n4": "4",
    "<think>two and two</think>": "",
}


@pytest.mark.parametrize("text", THINKING)
def test_a_thought_before_an_answer_is_parted_from_it(text: str) -> None:
    assert part(text).answer == without(text) == THINKING[text]
    assert not part(text).endless


@pytest.mark.parametrize(
    "text",
    [
        "re.sub(r'<think>.*?</think>', '', text)",
        'return text.split("</think>")[-1]',
        "Models write <think> before and </think> behind a thought.",
        "The </think> tag ends a thought.",
        "```\na thought\n</think>\nan answer\n```",
        "Write `</think>`\nand then the answer.",
        "<answer>4</answer>",
        "<think>",
        "</think>",
        "<thinker>Rodin</thinker> is a statue",
        "analysis of variance",
        '{"tag": "<think>"}',
        "  kept as it is\n",
        "",
    ],
)
def test_an_answer_about_thoughts_is_left_as_it_is(text: str) -> None:
    assert part(text) == Parted("", text.strip())
    assert without(text) == text


def test_an_answer_about_thoughts_behind_a_thought_is_whole() -> None:
    code = "re.sub(r'<think>.*?</think>', '', text)"
    assert part(f"<think>They want to drop the <think> block.</think>\n{code}") == Parted(
        "They want to drop the <think> block.", code
    )


@pytest.mark.parametrize(
    "text", ["<think>two and", "<Thinking>two and", "<|channel|>analysis<|message|>two and", "[THINK]two and"]
)
def test_a_thought_that_was_cut_off_has_no_answer(text: str) -> None:
    parted = part(text)
    assert (parted.answer, parted.endless) == ("", True) and parted.thought.endswith("two and")


def test_thoughts_without_end_take_no_time() -> None:
    assert part("<think></think>" * 3000 + "4").answer == "4"


def test_a_prompt_may_open_the_thought() -> None:
    assert opened("<|im_start|>assistant\n<think>\n") == "<think>"
    assert opened("<|im_start|>assistant\n<think>\n\n</think>\n\n") == opened("<|im_start|>assistant\n") == ""


def test_what_is_wanted_is_compared_without_its_thought() -> None:
    row = Example("1", "2 + 2", "<think>two and two</think>\n4", accepted=("four", "<think>"))
    assert row.answers == ("4", "four", "<think>")
    assert row.output.startswith("<think>")  # learnt as it is
