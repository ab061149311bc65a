"""Fitting search to a task."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import Document, SearchSettings
from retrieval.tune.questions import Question
from retrieval.tune.tuning import judgeable, tune

THINGS = ["parking", "breakfast", "pets", "towels", "sauna", "laundry", "bicycles", "airport", "checkout", "heating"]
DOCUMENTS = [
    Document(f"{hotel}-{thing}", f"About {thing} we say yes in {hotel}, room {hotel}{thing}.", hotel.title())
    for hotel in ("alder", "birch", "cedar", "dogwood")
    for thing in THINGS
]
QUESTIONS = [Question(f"What about {d.id.split('-')[1]} at {d.title}?", {d.id: 1}) for d in DOCUMENTS]


class Blind:
    """An embedder that sees nothing in a text: the vectors are noise."""

    fingerprint = "blind"

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Give every text a direction of its own."""
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        vectors = np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_is_worth_nothing_loses_its_share() -> None:
    tuned = tune(DOCUMENTS, Blind(), QUESTIONS)
    scores = {trial.what: trial.score for trial in tuned.trials}
    assert tuned.basis == "gold" and tuned.measure == "ndcg@10" and tuned.questions == len(QUESTIONS)
    assert tuned.settings.share < 0.5 and scores["meaning alone"] < 0.5
    assert tuned.k == 1
    [chosen] = [trial for trial in tuned.trials if trial.chosen]
    assert chosen.settings == tuned.settings and chosen.score >= scores["default"]


def test_accepted_answers_in_passages_judge_where_no_documents_are_named() -> None:
    questions = [Question(q.text, {}, (f"room  {next(iter(q.right)).replace('-', '').upper()}",)) for q in QUESTIONS]
    tuned = tune(DOCUMENTS, Blind(), questions)
    assert tuned.basis == "answers" and tuned.measure == "mrr@10"
    assert max(trial.score for trial in tuned.trials) > 0.9


def test_questions_are_made_where_there_are_none() -> None:
    def ask(texts: Sequence[str]) -> list[str]:
        return [text.split()[2] + " " + text.split()[0] if "pets" not in text else " " for text in texts]

    tuned = tune(DOCUMENTS, Blind(), [], ask=ask)
    assert tuned.basis == "generated" and tuned.questions == len(DOCUMENTS) - 4
    with pytest.raises(ValueError, match="none could be made"):
        tune(DOCUMENTS, Blind(), [Question("No gold?")])


def test_a_reranker_is_used_where_it_wins_and_not_where_it_loses() -> None:
    def knows(query: str, texts: Sequence[str]) -> list[float]:
        thing, hotel = query.rstrip("?").split()[2], query.rstrip("?").split()[4]
        return [float(f"About {thing}" in text and hotel in text) for text in texts]

    def misleads(query: str, texts: Sequence[str]) -> list[float]:
        return [-score for score in knows(query, texts)]

    vague = [Question(q.text, q.right) for q in QUESTIONS]
    assert tune(DOCUMENTS, Blind(), vague, reranker=misleads).settings.reader == 0
    helped = tune(DOCUMENTS, Blind(), vague, reranker=knows)
    best = max(trial.score for trial in helped.trials)
    assert [trial.score for trial in helped.trials if trial.chosen] == [best]


def test_passage_sizes_are_tried_as_asked() -> None:
    long = [Document("a", "\n\n".join(document.text for document in DOCUMENTS), "All")]
    tuned = tune(long, Blind(), [Question("sauna in cedar", {"a": 1})] * 5, budgets=(40, 160))
    assert {trial.budget for trial in tuned.trials} == {40, 160} and tuned.budget in (40, 160)


def test_gold_documents_come_before_answers() -> None:
    questions, basis = judgeable(DOCUMENTS, [Question("a", {"x": 1}), Question("b", {"x": 0}, ("y",))])
    assert basis == "gold" and [question.text for question in questions] == ["a"]


@pytest.mark.filterwarnings("error")
def test_one_question_cannot_choose_and_judge():
    tuned = tune(DOCUMENTS, Blind(), QUESTIONS[:1])
    assert tuned.settings == SearchSettings() and tuned.questions == 1


@pytest.mark.parametrize("seed", [7, 14, 41])
def test_a_share_that_is_only_the_best_for_the_questions_that_chose_it_is_not_taken(seed: int) -> None:
    random = np.random.default_rng(seed)
    twins = [
        Document(f"{n} {hall}", f"About thing{n} we say yes in {hall}.")
        for n in range(40)
        for hall in ("amber", "birch")
    ]
    asked = [
        Question(f"What about thing{n} in amber?", {str(random.choice([f"{n} amber", f"{n} birch"])): 1})
        for n in range(40)
    ]
    told: dict[tuple[str, str], float] = {}

    def guesses(query: str, texts: Sequence[str]) -> list[float]:
        def guess(text: str) -> float:
            return told.setdefault((query, text), float(random.normal() * 10 ** random.uniform(0, 1.5)))

        return [guess(text) if f"{query.split()[2]} " in text else -100.0 for text in texts]

    tuned = tune(twins, Blind(), asked, reranker=guesses)
    scores = {trial.what: trial.score for trial in tuned.trials}
    best = max(score for what, score in scores.items() if "share" in what)
    assert (
        best > scores["not read again"] + 0.03 and best > scores["read again, tuned, on questions that did not choose"]
    )
    assert tuned.settings.reader == 0
