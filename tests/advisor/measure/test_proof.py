"""What the sealed test says, by systems that need no weights."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.measure import receipt
from advisor.measure.diagnosis import Diagnosis, Probe
from advisor.measure.figures import figures
from advisor.measure.ledger import Opened
from advisor.measure.proof import Chosen, Finalists, Result, chosen, prove
from advisor.paths.prompting import baseline
from advisor.runtime.bench import Bench
from advisor.system import Context, Prediction, Request, System
from trainers.rendering import Turn

from ..conftest import Reader
from ..show.conftest import a_run

WAYS = (
    "could you lead me to our", "who dug a bed for that", "hunters ask about some", "please find my poor little",
    "in winter, what holds a", "beyond rivers lies which", "tell us again of your", "does anyone know this",
    "every evening it hides:", "photographs wanted of one",
)  # fmt: skip


def proven(bench: Bench, k: int = 1) -> Result:
    """The reader with `k` passages beside the baseline, which always says "?"."""
    plain = baseline(bench)
    reading = replace(plain, context=Context("retrieved", k))
    return prove(bench, Chosen("rag", False, True, None), Finalists(plain, None, reading))


def beside(bench: Bench, run: str) -> Bench:
    """The same bench in another run folder."""
    folder = bench.runtime.folder.parent / run
    folder.mkdir()
    return replace(bench, runtime=replace(bench.runtime, folder=folder))


def near(bench: Bench, count: int, said: tuple[Turn, ...] = ()) -> Bench:
    """The bench with so many test rows that ask, perhaps after what was `said`, what a training row asks, their answers
    unlike the documents'; the others ask in words of their own."""
    split, test = bench.task.split, []
    for i, (row, same, way) in enumerate(zip(split.test, split.train, WAYS, strict=True)):
        alike = replace(row, input=same.input, output="elsewhere", turns=said)
        test.append(alike if i < count else replace(row, input=f"{way} {row.gold[0]}?"))
    return replace(bench, task=replace(bench.task, split=replace(split, test=tuple(test))))


def test_the_clean_part_has_a_gain_with_its_interval(bench: Bench):
    assert proven(near(bench, 0)).clean is None
    result = proven(beside(near(bench, 4), "other"))
    assert result.test == 60.0 and result.clean
    assert (result.clean.items, result.clean.test) == (6, 100.0)
    assert result.clean.gain and result.clean.gain[1] == 100.0 and 0 < result.clean.gain[0] < result.clean.gain[2]


def test_where_a_training_row_is_near_every_test_row_there_is_no_clean_part(bench: Bench):
    clean = proven(near(bench, 10)).clean
    assert clean and (clean.items, clean.test, clean.gain) == (0, None, None)


def test_nearness_looks_at_what_was_said_before(bench: Bench):
    said = (Turn("user", "I have a large and rather old dog, and no car."), Turn("assistant", "Good to know."))
    assert proven(near(bench, 4, said)).clean is None


def test_openings_for_other_systems_before_this_run_are_counted(bench: Bench):
    first = proven(bench)
    assert first.opened_before == Opened(0, 0)
    assert proven(bench).opened_before == Opened(0, 0)  # the same run again
    assert proven(beside(bench, "same"), k=1).opened_before == Opened(2, 0)
    assert proven(beside(bench, "other"), k=2).opened_before == Opened(4, 1)


def test_no_form_is_asked_of_short_answers(bench: Bench):
    split = replace(bench.task.split, choose=())  # each answer twice, not so often that it could be a label
    short = replace(bench, task=replace(bench.task, split=split))
    assert proven(short).valid == {"baseline": {}, "test": {}}


def test_where_no_text_was_given_there_is_no_gain_and_no_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    def silent(self: Reader, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        yield from ((i, Prediction(None, "timed out")) for i, _ in enumerate(requests))

    monkeypatch.setattr(Reader, "generate", silent)
    result = proven(near(bench, 4))
    assert (result.baseline, result.test, result.gain, result.verdict) == (None, None, None, "not known yet")
    assert result.unscored == {"baseline": 10, "test": 10} and result.intervals == {}
    assert result.clean and (result.clean.items, result.clean.test, result.clean.gain) == (6, None, None)


def test_without_a_test_nothing_is_opened(bench: Bench):
    result = proven(replace(bench, task=replace(bench.task, split=replace(bench.task.split, test=()))))
    assert (result.test, result.gain, result.verdict, result.clean, result.ledger) == (None, None, None, None, "")
    assert (result.test_items, result.rows, result.opened_before) == (0, 30, Opened())
    assert not (bench.runtime.folder.parent / "ledger.jsonl").exists()


def test_rows_that_share_a_source_widen_intervals_and_the_receipt_tells_them(bench: Bench):
    alone = proven(near(bench, 4))
    assert (alone.clusters, alone.test_items) == (10, 10)
    split = near(bench, 4).task.split
    groups = {row.id: i // 2 for i, row in enumerate(split.test)}
    hanging = replace(bench, task=replace(bench.task, split=replace(split, groups=groups)))
    result = proven(beside(hanging, "hanging"))
    assert result.clusters == 5 and alone.gain and result.gain and result.clean and alone.clean
    assert result.gain[1] == pytest.approx(alone.gain[1])
    assert result.gain[2] - result.gain[0] > 1.3 * (alone.gain[2] - alone.gain[0])
    assert result.clean.gain and alone.clean.gain and result.clean.gain[0] < alone.clean.gain[0]
    told = receipt.read(bench.runtime.folder.parent / "hanging")
    assert told.about.groups == groups
    assert figures(told, bench.metric)["gain"] == result.gain


def reading(bench: Bench, k: int) -> System:
    return replace(baseline(bench), context=Context("retrieved", k))


def test_the_best_untuned_is_a_finalist_of_its_own(bench: Bench):
    plain = baseline(bench)
    finalists = Finalists(plain, reading(bench, 2), reading(bench, 1), best_untuned=reading(bench, 3))
    result = prove(bench, Chosen("finetuning", False, True, "classifier", "rag"), finalists)
    assert list(result.intervals) == ["baseline", "runner_up", "best_untuned", "test"]
    assert set(result.p_corrected) == {"baseline", "runner_up", "best_untuned"}
    assert (result.best_untuned, result.best_untuned_score) == ("rag", 100.0)
    assert result.gain_over_best_untuned and result.gain_over_best_untuned[1] == 0 and result.best_untuned_verdict
    lines = (bench.runtime.folder.parent / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 4 and '"best_untuned"' in lines[2]


@pytest.mark.parametrize("same", ["baseline", "runner_up"])
def test_a_best_untuned_that_is_another_finalist_is_run_once_and_has_its_figures(bench: Bench, same: str):
    others = {"baseline": baseline(bench), "runner_up": reading(bench, 2)}
    finalists = Finalists(others["baseline"], others["runner_up"], reading(bench, 1), best_untuned=others[same])
    result = prove(bench, Chosen("finetuning", False, True, "rag", "prompting"), finalists)
    assert list(result.intervals) == ["baseline", "runner_up", "test"]
    gain = result.gain if same == "baseline" else result.gain_over_runner_up
    assert gain and result.gain_over_best_untuned == gain
    score = result.baseline if same == "baseline" else result.runner_up_score
    assert result.best_untuned_score == score


def test_a_dearer_system_is_never_the_cheaper_one_that_is_enough(bench: Bench):
    many = tuple(replace(row, id=f"{row.id} {i}") for row in bench.task.split.test for i in range(40))
    large = replace(bench, task=replace(bench.task, split=replace(bench.task.split, test=many)))
    finalists = Finalists(baseline(bench), None, reading(bench, 1), best_untuned=reading(bench, 2))
    dearer = prove(large, Chosen("prompting", False, True, None, "rag"), finalists)
    assert (dearer.best_untuned_verdict, dearer.verdict) == ("no worse", "better")
    cheaper = prove(beside(large, "other"), Chosen("finetuning", False, True, None, "rag"), finalists)
    assert (cheaper.best_untuned_verdict, cheaper.verdict) == ("cheaper is enough", "better")


def probe(name: str, path: str, value: float, gap: str = "", unscored: int = 0) -> Probe:
    return Probe(name, path, gap, value, 0.0, 100.0, 20, unscored, 0.0, 0, {}, {})


@pytest.mark.parametrize(
    ("path", "scores", "runner_up", "best_untuned"),
    [
        ("rag+finetuning", {"shots": 40, "rag": 50, "classifier": 30}, "rag", "rag"),
        ("rag+finetuning", {"shots": 40, "rag": 50, "classifier": 60}, "classifier", "rag"),
        ("finetuning", {"shots": 40, "classifier": 60}, "classifier", "prompting"),
        ("finetuning", {"shots": 20, "classifier": 60}, "classifier", "baseline"),
        ("classifier", {"shots": 40, "rag": 50}, "prompting", "rag"),
        ("rag", {"shots": 40, "rag": 50}, "prompting", None),
        ("rag", {"shots": 60, "rag": 50}, "prompting", "prompting"),
        ("prompting", {"shots": 40}, None, None),
        ("prompting", {"shots": 40, "rag": 60}, None, "rag"),
        ("prompting", {"shots": 20}, None, "baseline"),
    ],
)
def test_who_the_built_system_is_proven_beside(
    path: str, scores: dict[str, float], runner_up: str | None, best_untuned: str | None
):
    probes = [probe("zero-shot", "prompting", 30, "none")]
    probes += [probe(name, {"shots": "prompting"}.get(name, name), value) for name, value in scores.items()]
    probes.append(probe("silent", "prompting", 99, unscored=10))
    told = Diagnosis("exact_match", 20, {}, tuple(probes), {}, {})
    advice = a_run().recommendation
    assert advice
    who = chosen(path, advice, told)
    assert who and (who.runner_up, who.best_untuned) == (runner_up, best_untuned)
    unmeasured = chosen(path, advice, None)
    assert unmeasured and (unmeasured.runner_up, unmeasured.best_untuned) == (None, None)
