from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.errors import DroppedOut
from advisor.paths.prompting import prompted, prompting, rag, retrieving
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime
from advisor.system import Prediction, Request
from advisor.task import Split

from ..conftest import ANIMALS, Reader


@pytest.mark.parametrize(
    ("room", "context", "tried"), [(500, 4000, True), (20, 4000, False), (500, 100, False), (0, 4000, False)]
)
def test_all_documents_are_tried_where_budget_and_model_have_room(keeper: Runtime, bench: Bench, room, context, tried):
    keeper.model.context = context  # type: ignore[misc]
    systems = retrieving(replace(bench, purse=replace(bench.purse, room=room)))
    assert ("all documents" in systems) is tried


def test_the_best_on_examples_set_aside_for_choosing_is_built(bench: Bench):
    assert rag(bench).context.kind == "retrieved"  # the model of these tests reads the last turn only


def unanswered(name: str) -> Callable[..., Iterator[tuple[int, Prediction]]]:
    """A `generate` that gives no text to most requests that show a passage, and to others what they want."""

    def generate(model: Reader, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            shown = "[1]" in request.turns[-1].text
            text = f"burrow{ANIMALS.index(request.turns[-1].text.split()[-1].strip('?'))}"
            yield i, Prediction(None, "timed out") if shown and (i or name == "none") else Prediction(text)

    return generate


def test_a_system_that_answers_little_is_not_chosen_for_the_little_that_it_answers(bench: Bench, monkeypatch):
    monkeypatch.setattr(Reader, "generate", unanswered("first"))
    assert rag(bench).context.kind == "all"  # it answers always, the others once in ten and then right


def test_a_system_that_can_not_be_asked_drops_out_of_the_choice(bench: Bench, monkeypatch):
    monkeypatch.setattr(Reader, "generate", unanswered("none"))
    assert rag(bench).context.kind == "all"
    with pytest.raises(DroppedOut, match=r"one passage: no example got an answer.*timed out"):
        rag(replace(bench, purse=replace(bench.purse, room=0)))


def test_where_nothing_can_be_chosen_on_the_plain_system_is_built_with_shots_where_there_are_rows(bench: Bench):
    alone = replace(bench, task=replace(bench.task, split=Split(train=bench.task.split.train[:5])))
    assert prompting(alone).shots.kind == "fixed" and rag(alone).context.kind == "retrieved"
    bare = replace(bench, task=replace(bench.task, split=Split()))
    assert prompting(bare).shots.kind == "none" and rag(bare).context.kind == "retrieved"
    assert bench.runtime.model.asked == []  # type: ignore[attr-defined]


def test_what_is_built_of_few_rows_shows_and_draws_on_all_of_them(bench: Bench):
    rows = bench.task.split.train
    split = Split(rows, rows, rows, folds=(0, 1) * 5)
    few = replace(bench, task=replace(bench.task, split=split))
    for fold, part in few.parts.items():
        own = {row.input for row in rows if split.fold_of[row.id] == fold}
        assert not own & {shot.input for shot in prompted(part)["fixed shots"](part).shots.fixed}
        assert not own & {row.input for row in part.runtime.pool}
    assert few.runtime.pool == rows
