"""Proof: baseline, runner-up and chosen system on the sealed test, opened once for each and written down before."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import IO, Any

import trainers
from advisor.data.splitting import near_duplicates
from advisor.errors import CannotError
from advisor.runtime.runtime import Runtime
from advisor.score import metrics
from advisor.score.metric import Metric, Scored, score_all
from advisor.score.statistics import Gain, difference, holm, interval, verdict
from advisor.system import Prediction, Predictor, System, digest
from advisor.task import Example, Task
from trainers.rendering import Turn

SHOWN = 8  # examples side by side


def prove(task: Task, runtime: Runtime, finalists: Mapping[str, Predictor], seed: int) -> dict[str, Any]:
    """Run the finalists ("baseline", "test" and perhaps "runner_up") on the sealed test and compare them, paired.

    Returns the figures of `result.json`, on the scale 0 to 100. Raises CannotError when there is no test.
    """
    examples = task.split.test
    if not examples:
        raise CannotError("there are too few examples to set a sealed test aside: at least 30 are needed")
    metric = metrics.resolve(task.metric, task.labels, task.folder)
    line = ""
    texts: dict[str, list[str | None]] = {}
    scored: dict[str, tuple[Scored, ...]] = {}
    tokens: dict[str, int] = {}
    answered: dict[str, dict[str, Any]] = {}
    for name, system in finalists.items():
        line = open_test(runtime.folder, task, name, digest(system))
        predictions = runtime.predict(system, examples, f"sealed test: {name.replace('_', '-')}")
        texts[name] = [prediction.text for prediction in predictions]
        scored[name] = score_all(metric, texts[name], examples)
        used = sum(p.usage.prompt_tokens + p.usage.generated_tokens for p in predictions)
        tokens[name] = round(used / len(examples))
        if isinstance(system, System) and system.abstain:
            answered[name] = _answered(metric, scored[name], predictions, seed)
    found = {name: interval(metric, ones, seed) for name, ones in scored.items()}
    gains = {
        name: difference(metric, scored["test"], scored[name], seed)
        for name in ("baseline", "runner_up")
        if name in scored
    }
    corrected = dict(zip(gains, holm([gain.p for gain in gains.values()]), strict=True))
    verdicts = {name: verdict(replace(gain, p=corrected[name])) for name, gain in gains.items()}
    return {
        "metric": task.metric,
        "baseline": found["baseline"].value,
        "test": found["test"].value,
        "gain": _triple(gains["baseline"]),
        "verdict": verdicts["baseline"],
        "runner_up_score": found["runner_up"].value if "runner_up" in found else None,
        "gain_over_runner_up": _triple(gains["runner_up"]) if "runner_up" in gains else None,
        "runner_up_verdict": verdicts.get("runner_up"),
        "test_items": len(examples),
        "unscored": {name: one.unscored for name, one in found.items()},
        "intervals": {name: [one.lo, one.value, one.hi] for name, one in found.items()},
        "p_corrected": corrected,
        "tokens": tokens,
        "answered": answered or None,
        "clean": _clean(task, scored["test"], metric, seed),
        "forgetting": forgetting(runtime, finalists["test"]),
        "examples": _side_by_side(examples, texts, scored),
        "ledger": line,
    }


def open_test(folder: Path, task: Task, finalist: str, system: str) -> str:
    """Write in `runs/ledger.jsonl` that this run opens the task's test for a finalist; once for each.

    Every line holds the hash of the one before, so that none can be taken out unseen. Returns the line's own hash.
    """
    test = digest([(e.input, e.output, e.turns) for e in task.split.test])
    entry = {"test": test, "run": folder.name, "finalist": finalist, "system": system}
    with _locked(folder.parent / "ledger.jsonl") as file:
        lines = [line for line in file.read().splitlines() if line]
        for line in lines:
            known = json.loads(line)
            if all(known.get(key) == value for key, value in entry.items()):
                return hashlib.sha256(line.encode()).hexdigest()[:16]
        before = hashlib.sha256(lines[-1].encode()).hexdigest() if lines else ""
        line = json.dumps({**entry, "opened_before": sum(test in line for line in lines), "previous": before})
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def is_open(folder: Path) -> bool:
    """Whether a run has opened its sealed test already."""
    ledger = folder.parent / "ledger.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.is_file() else []
    return any(json.loads(line)["run"] == folder.name for line in lines if line)


def forgetting(runtime: Runtime, system: Predictor) -> dict[str, Any] | None:
    """How far tuning moved the model where it should not: KL from the base on text that the base wrote (nats per token),
    and a few general questions before and after. None for a system without an adapter."""
    if not isinstance(system, System) or not system.model.adapter:
        return None
    table = tomllib.loads(resources.files("advisor.measure").joinpath("general.toml").read_text(encoding="utf-8"))
    asked = [
        Example(f"general-{i}", one["ask"], one["answers"][0], tuple(one["answers"]))
        for i, one in enumerate(table["questions"])
    ]
    plain = System(replace(system.model, adapter="", adapter_fingerprint=""))
    plain = replace(plain, decoding=replace(plain.decoding, max_tokens=40))
    metric = metrics.resolve("contains_answer")
    scores = []
    for one in (plain, replace(plain, model=system.model)):
        made = runtime.predict(one, asked, "general questions")
        scores.append(interval(metric, score_all(metric, [p.text for p in made], asked), 0).value)
    turns = [[Turn("user", example.input)] for example in asked]
    moved = trainers.divergence(runtime.lm, runtime.folder / system.model.adapter, turns)
    return {"divergence": moved, "before": scores[0], "after": scores[1], "questions": len(asked)}


def _answered(metric: Metric, scored: Sequence[Scored], predictions: Sequence[Prediction], seed: int) -> dict[str, Any]:
    """How many examples a system that may abstain answered, and its score over those alone."""
    given = [one for one, made in zip(scored, predictions, strict=True) if not made.abstained]
    return {
        "items": len(given),
        "share": len(given) / len(scored),
        "score": interval(metric, given, seed).value if given else None,
        "right": sum((one.score or 0.0) >= metric.passing for one in given),
    }


def _clean(task: Task, scored: Sequence[Scored], metric: Metric, seed: int) -> dict[str, Any] | None:
    """The score on the test without rows that are nearly equal to a training row; None when there are none such."""
    train = [example.input for example in task.split.train]
    near = {j for _, j in near_duplicates(train, [example.input for example in task.split.test])}
    if not near:
        return None
    kept = [one for i, one in enumerate(scored) if i not in near]
    return {"items": len(kept), "test": interval(metric, kept, seed).value} if kept else None


def _side_by_side(
    examples: Sequence[Example], texts: Mapping[str, Sequence[str | None]], scored: Mapping[str, Sequence[Scored]]
) -> list[dict[str, Any]]:
    """Examples before and after: the largest gains, and the largest losses, which are as telling."""

    def change(i: int) -> float:
        return (scored["test"][i].score or 0.0) - (scored["baseline"][i].score or 0.0)

    order = sorted(range(len(examples)), key=lambda i: (-change(i), i))
    losses = [i for i in order if change(i) < 0][-SHOWN // 4 :]
    chosen = [*order[: SHOWN - len(losses)], *losses]
    return [
        {
            "id": examples[i].id,
            "input": examples[i].input,
            "wanted": examples[i].output,
            "before": texts["baseline"][i],
            "after": texts["test"][i],
            "before_score": scored["baseline"][i].score,
            "after_score": scored["test"][i].score,
        }
        for i in dict.fromkeys(chosen)
    ]


def _triple(gain: Gain) -> list[float]:
    return [gain.lo, gain.value, gain.hi]


@contextmanager
def _locked(path: Path) -> Any:
    import fcntl

    file: IO[str]
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file
