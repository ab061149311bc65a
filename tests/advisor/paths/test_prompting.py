from dataclasses import replace

import pytest

from advisor.measure import diagnosis
from advisor.paths.prompting import rag, retrieving
from advisor.runtime.runtime import Runtime
from advisor.task import Task


@pytest.mark.parametrize(
    ("room", "context", "tried"), [(500, 4000, True), (20, 4000, False), (500, 100, False), (0, 4000, False)]
)
def test_all_documents_are_tried_where_budget_and_model_have_room(
    zoo: Task, keeper: Runtime, plan, room, context, tried
):
    keeper.model.context = context  # type: ignore[misc]
    systems = retrieving(zoo, keeper, replace(plan, room=room), 0)
    assert ("all documents" in systems) is tried


def test_the_best_on_examples_set_aside_for_choosing_is_built(zoo: Task, keeper: Runtime, plan):
    assert rag(zoo, keeper, plan, 0).context.kind == "retrieved"  # the model of these tests reads the last turn only


def test_a_diagnosis_tells_what_was_found_and_what_became_of_it(zoo: Task, keeper: Runtime, plan):
    found = diagnosis.diagnose(zoo, keeper, plan, 0)
    assert (found.recall[0].answer, found.recall[0].gold) == (1.0, 1.0)
    used = {one.system: one for one in found.use}
    assert used["one passage"].right_with == 1.0 and used["one passage"].right_without is None
    assert used["all documents"].there == 1.0 and used["all documents"].right_with == 0.0
    assert used["oracle context"].there == 1.0 and used["one passage"].tokens == 12
    assert diagnosis.from_json(found.to_json()).use == found.use
