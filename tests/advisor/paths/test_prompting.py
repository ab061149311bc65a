from dataclasses import replace

import pytest

from advisor.paths.prompting import rag, retrieving
from advisor.runtime.bench import Bench
from advisor.runtime.runtime import Runtime


@pytest.mark.parametrize(
    ("room", "context", "tried"), [(500, 4000, True), (20, 4000, False), (500, 100, False), (0, 4000, False)]
)
def test_all_documents_are_tried_where_budget_and_model_have_room(keeper: Runtime, bench: Bench, room, context, tried):
    keeper.model.context = context  # type: ignore[misc]
    systems = retrieving(replace(bench, purse=replace(bench.purse, room=room)))
    assert ("all documents" in systems) is tried


def test_the_best_on_examples_set_aside_for_choosing_is_built(bench: Bench):
    assert rag(bench).context.kind == "retrieved"  # the model of these tests reads the last turn only
