"""A model in this process: what a limit cuts off, and thoughts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import trainers
from advisor.models.local import LocalModel
from advisor.system import Decoding, Prediction, Request
from trainers import Generation, Row, Turn

LONG, SHORT = "Count from 1 to 50 with commas, and nothing else.", "What is the capital of France? Answer in one word."


def asked(text: str, limit: int, **more: Any) -> Request:
    return Request((Turn("user", text),), Decoding(max_tokens=limit, **more))


def test_what_a_limit_cuts_off_is_written_up_to_a_larger_one_and_then_told_as_cut() -> None:
    """A real model: SmolLM2-135M."""
    model = LocalModel("smollm2")
    made = dict(model.generate([asked(LONG, 6), asked(SHORT, 6)]))
    assert made[0].cut and made[0].usage.generated_tokens == 12
    (twice,) = trainers.generate(model.lm, [trainers.render(model.lm, [Turn("user", LONG)])], None, 12)
    assert made[0].text == twice.text.strip()
    assert not made[1].cut and "Paris" in str(made[1].text)


def test_a_prompt_that_leaves_no_room_for_more_keeps_its_limit() -> None:
    """A real model: SmolLM2-135M."""
    lm = trainers.load("smollm2")
    tokens = trainers.render(lm, [Turn("user", LONG)]).tokens
    model = LocalModel("smollm2", replace(lm, context=tokens + 8))
    made = dict(model.generate([asked(text, 6) for text in (LONG, "word " * 99)]))
    assert made[0].cut and made[0].usage.generated_tokens == 6
    assert made[1].text is None and "do not fit" in str(made[1].error) and not made[1].cut


class Tokens:
    """A tokenizer whose tokens are characters."""

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch):
    """What a model gives that writes a text, whole or not, behind a prompt that ends so."""

    def predicted(text: str, complete: bool = True, prompt: str = "user\n") -> Prediction:
        def generate(lm: Any, rows: Sequence[Row], constraint: Any, limit: int) -> Iterator[Generation]:
            for i in range(len(rows)):
                yield Generation(i, text, len(text), complete)

        monkeypatch.setattr(trainers, "generate", generate)
        monkeypatch.setattr(trainers, "render", lambda lm, turns: Row((), tuple(map(ord, prompt))))
        lm: Any = SimpleNamespace(context=1000, tokenizer=Tokens())
        return dict(LocalModel("thinker", lm).generate([asked("2 + 2", 8)]))[0]

    return predicted


def test_a_thought_is_no_answer(writing) -> None:
    assert writing("<think>two and two</think>\n\n4").text == "4"
    assert writing("two and two\n</think>\n\n4", prompt="assistant\n<think>\n").text == "4"
    assert writing("4", prompt="assistant\n<think>\n").text == "4"  # tuned to answer at once


@pytest.mark.parametrize(("text", "prompt"), [("<think>two and", "assistant\n"), ("two and", "assistant\n<think>\n")])
def test_a_thought_that_a_limit_cut_off_gives_no_answer(writing, text: str, prompt: str) -> None:
    made = writing(text, complete=False, prompt=prompt)
    assert made.text is None and made.cut and "before it began" in made.error


def test_an_answer_that_a_limit_cut_off_stands(writing) -> None:
    made = writing("<think>two and two</think>\n\nFour is the", complete=False)
    assert (made.text, made.cut) == ("Four is the", True)
    assert (writing("  ", complete=False).text, writing("<think>a</think>").text) == ("", "")
