from types import SimpleNamespace

import pytest

from advisor.errors import OutsideError
from advisor.models.local import LocalModel
from advisor.runtime import rerank

ASKED = [
    "When does the pool open in the morning?",
    "Who wrote the anthem of the country?",
    "How many moons does the planet have?",
]
TEXTS = ["The pool opens at seven.", "The anthem was written by Ada Brown.", "The planet has four small moons."]


def test_the_tasks_own_model_tells_which_passage_answers_a_question():
    """A real model: SmolLM2-135M."""
    model = LocalModel("smollm2")
    read = rerank.own(model)
    for at, asked in enumerate(ASKED):
        scores = read(asked, TEXTS)
        assert max(range(3), key=lambda i: scores[i]) == at
    assert all(score < 0 for score in scores)


def test_without_a_name_there_is_no_reranker_and_one_that_is_not_there_is_refused(tmp_path):
    nobody = SimpleNamespace()
    assert rerank.reranker("", nobody) is None
    with pytest.raises(OutsideError, match="no cross-encoder"):
        rerank.reranker(str(tmp_path / "none"), nobody)
