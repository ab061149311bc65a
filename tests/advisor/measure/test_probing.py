from advisor.measure import probing
from advisor.runtime.bench import Bench


def test_a_diagnosis_tells_what_was_found_and_what_became_of_it(bench: Bench):
    told = probing.diagnose(bench)
    assert (told.recall[0].answer, told.recall[0].gold) == (1.0, 1.0)
    used = {one.system: one for one in told.use}
    assert used["one passage"].right_with == 1.0 and used["one passage"].right_without is None
    assert used["all documents"].there == 1.0 and used["all documents"].right_with == 0.0
    assert used["oracle context"].there == 1.0 and used["one passage"].tokens == 12
