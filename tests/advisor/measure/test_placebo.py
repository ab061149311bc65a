"""What becomes of an arm when what it shows is taken out, by models that do nothing but read or copy that."""

from dataclasses import replace

from advisor.measure import placebo, probing
from advisor.measure.diagnosis import Diagnosis
from advisor.runtime.bench import Bench
from advisor.show.diagnosed import placebo as told
from advisor.system import Context
from advisor.task import Split

from .test_probing import few  # noqa: F401


def placebos(diagnosis: Diagnosis) -> dict[tuple[str, str], tuple[float, float]]:
    return {(one.of, one.what): (one.probe.value, one.gain[0] if one.gain else 0.0) for one in diagnosis.placebos}


def test_a_model_that_reads_its_passages_gains_nothing_from_those_of_other_questions(bench: Bench) -> None:
    found = placebos(probing.diagnose(bench))
    value, gained = found["retrieved context", placebo.PASSAGES]
    assert value < 50 and gained > 0
    diagnosis = probing.diagnose(bench)
    [one] = [one for one in diagnosis.placebos if one.what == placebo.PASSAGES]
    assert "so the gain comes from it" in told(one)


def test_a_model_that_copies_shots_gains_nothing_from_those_whose_outputs_are_shuffled(few: Bench) -> None:  # noqa: F811
    rows = few.task.split.train
    apart = replace(few, task=replace(few.task, split=Split(rows, rows, rows)))
    value, gained = placebos(probing.diagnose(apart))["similar shots", placebo.SHOTS]
    assert value < 60 and gained > 0


def test_without_time_left_or_a_gain_to_explain_there_is_none(bench: Bench, few: Bench) -> None:  # noqa: F811
    assert (
        probing.diagnose(few).placebos == ()
    )  # each kind is answered without its like: no arm is better than the plain one
    slow = replace(bench, purse=replace(bench.purse, racing=-1.0))
    assert probing.diagnose(slow).placebos == ()


def test_a_finder_gone_astray_shows_what_was_found_for_another(bench: Bench) -> None:
    finder, asked = bench.runtime.finder, bench.comparing
    shown = replace(finder, astray=True).passages(Context("retrieved", 1), asked)
    right = finder.passages(Context("retrieved", 1), asked)
    half = len(asked) // 2
    assert shown == right[half:] + right[:half] != right
