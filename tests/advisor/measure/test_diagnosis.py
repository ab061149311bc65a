from dataclasses import replace
from pathlib import Path

import numpy as np

from advisor import runfolder
from advisor.decide.gaps import BOTH
from advisor.measure.diagnosis import Diagnosis, Probe, gaps_of, shares
from advisor.measure.forecast import Rungs
from advisor.score import metrics
from advisor.score.metric import Metric
from advisor.task import Example

METRIC = metrics.resolve("exact_match")


def probe(name: str, gap: str, scores: dict[str, float | None], path: str = "prompting") -> Probe:
    known = {i: (s, 1.0) if s is not None else () for i, s in scores.items()}
    real = [s for s in scores.values() if s is not None]
    return Probe(name, path, gap, float(np.mean(real)), 0, 100, len(real), 0, 1.0, 10, scores, known)


EXAMPLES = [Example(str(i), "q", "a") for i in range(4)]
PROBES = (
    probe("zero-shot", "none", {"0": 100.0, "1": 0.0, "2": 0.0, "3": 0.0}),
    probe("fixed shots", "instruction", {"0": 0.0, "1": 100.0, "2": 0.0, "3": None}),
    probe("short tuning", "behaviour", {"0": 100.0, "1": 100.0, "2": 100.0, "3": 0.0}, "finetuning"),
)


def diagnosis() -> Diagnosis:
    gap_of = gaps_of(METRIC, PROBES, EXAMPLES)
    return Diagnosis("exact_match", 4, {}, PROBES, gap_of, shares(gap_of), {"finetuning": Rungs(30.0, 50.0, 2.0)})


def test_an_examples_gap_is_the_first_switch_that_makes_it_pass():
    assert diagnosis().gap_of == {"0": "none", "1": "instruction", "2": "behaviour", "3": "capability"}
    assert diagnosis().gaps["none"] == 0.25
    assert sum(diagnosis().gaps.values()) == 1.0


def test_no_example_is_beyond_the_model_by_answers_that_were_cut_off_or_not_there():
    cut = replace(probe("cut", "none", {"0": 0.0, "1": 0.0, "2": None, "3": 100.0}), cut=("0", "1", "2", "3"))
    whole = probe("whole", "instruction", {"0": None, "1": 0.0, "2": None, "3": None})
    gap_of = gaps_of(METRIC, (cut, whole), EXAMPLES)
    assert gap_of == {"0": "unknown", "1": "capability", "2": "unknown", "3": "none"}
    assert shares(gap_of)["unknown"] == 0.5 and sum(shares(gap_of).values()) == 1.0


def test_what_takes_more_than_an_answer_allows_is_left_out():
    slow = replace(PROBES[1], latency_ms=900.0, usd_per_1000=0.2)
    told = replace(diagnosis(), probes=(replace(PROBES[0], latency_ms=300.0), slow, PROBES[2]))
    assert told.over({}) == {} == told.too_dear({})
    assert told.over({"max_latency_ms": 500}) == {"fixed shots": "an answer takes 900 ms, more than the 500 allowed"}
    assert (
        set(told.over({"max_cost_per_1000": 0.1})) == {"fixed shots"} and told.too_dear({"max_latency_ms": 500}) == {}
    )
    assert set(told.too_dear({"max_latency_ms": 200})) == {"prompting"}
    scores = [
        told.measured(METRIC, 0, limits=limits).draws["prompting"].mean() for limits in ({}, {"max_latency_ms": 500})
    ]
    assert scores[0] != scores[1]
    assert told.gone("", {"max_latency_ms": 500}) == {"fixed shots"}
    assert told.gone("other", {"max_latency_ms": 500}) == told.gone("", {}) == frozenset()


def test_what_passes_only_with_passages_and_tuning_counts_half_for_either():
    tunings = (
        probe("zero-shot", "none", dict.fromkeys("0123", 0.0)),
        probe("short tuning", "behaviour", {"0": 100.0, "1": 0.0, "2": 0.0, "3": 0.0}, "finetuning"),
        probe("short tuning on passages", BOTH, {"0": 100.0, "1": 100.0, "2": 100.0, "3": 0.0}, "rag+finetuning"),
    )
    gap_of = gaps_of(METRIC, tunings, EXAMPLES)
    assert gap_of == {"0": "behaviour", "1": BOTH, "2": BOTH, "3": "capability"}
    told = shares(gap_of)
    assert (told["behaviour"], told["knowledge"], told["capability"]) == (0.5, 0.25, 0.25)
    assert sum(told.values()) == 1.0


def test_signals_are_the_measured_figures():
    signals = diagnosis().signals()
    assert signals["zero_shot_score"] == 25.0
    assert signals["gap_behaviour"] == 0.25
    assert "oracle_score" not in signals


def test_a_diagnosis_read_back_is_the_same(tmp_path: Path):
    runfolder.write(tmp_path / "diagnosis.json", Diagnosis, diagnosis())
    again = runfolder.read(tmp_path / "diagnosis.json", Diagnosis)
    assert again.gaps == diagnosis().gaps
    assert again.outlook == diagnosis().outlook
    assert again.signals() == diagnosis().signals()
    assert (
        again.measured(METRIC, 0).draws["prompting"].tolist()
        == diagnosis().measured(METRIC, 0).draws["prompting"].tolist()
    )


def test_choosing_among_prompts_does_not_flatter_the_path():
    random = np.random.default_rng(0)
    ids = [str(i) for i in range(200)]
    coins = [probe(f"coin {k}", "none", {i: 100.0 * random.integers(2) for i in ids}) for k in range(12)]
    coins[0] = probe("zero-shot", "none", coins[0].scores)
    measured = Diagnosis("exact_match", 200, {}, tuple(coins), {}, {}).measured(
        Metric("mean", METRIC.score, METRIC.statistics, METRIC.aggregate, 100), 0
    )
    best = max(p.value for p in coins)
    assert measured.draws["prompting"].mean() < best  # the best of twelve coins looks better than a coin
    assert abs(measured.draws["prompting"].mean() - 50) < 7


def test_what_fails_is_not_beyond_a_model_that_could_have_been_tuned_and_was_not():
    untuned = [probe for probe in PROBES if "tuning" not in probe.path]
    told, beyond = gaps_of(METRIC, untuned, EXAMPLES, tunes=True), gaps_of(METRIC, untuned, EXAMPLES)
    assert "capability" in beyond.values() and "capability" not in told.values()
    assert {i for i, gap in told.items() if gap == "unknown"} >= {i for i, gap in beyond.items() if gap == "capability"}
    tuned = gaps_of(METRIC, PROBES, EXAMPLES, tunes=True)
    assert tuned == gaps_of(METRIC, PROBES, EXAMPLES)


def test_an_arm_that_can_no_more_be_the_best_of_its_path_is_told_of_each_path():
    right = {"plain": 5, "fixed shots": 40, "similar shots": 42, "short tuning": 95}
    paths = {**dict.fromkeys(right, "prompting"), "short tuning": "finetuning"}
    ids = [str(i) for i in range(100)]
    probes = [
        replace(probe(name, "", {i: 100.0 * (int(i) < n) for i in ids}, paths[name]), model="m")
        for name, n in right.items()
    ]
    told = replace(diagnosis(), probes=tuple(probes), groups={})
    assert told.behind(METRIC, 0, "m") == {"plain"}
    other = replace(probe("plain · m2", "", {i: 100.0 * (int(i) < 80) for i in ids}), model="m2")
    assert replace(told, probes=(*probes, other)).behind(METRIC, 0, "m2") == frozenset()
