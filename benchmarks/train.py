"""Our training loop against TRL's SFTTrainer and against the plain passes of the frozen base, on three tasks.

All sides train the same rows in the same order, taking turns of a few steps. Finished tasks are kept in `--folder` and
skipped when this is run again; `--fresh` starts over.
"""

import json
import math
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import trainers
from advisor.runfolder import step
from advisor.score.metric import score_all
from advisor.score.metrics import resolve
from advisor.score.statistics import difference
from benchmarks import training
from benchmarks.flags import given
from benchmarks.training import Job
from benchmarks.workers import Worker, key, machine, versions
from benchmarks.workload import BATCH, MODEL, Conversation, Workload, rows, workload

STEPS = {"snips_json": 20, "banking77": 5, "nq_open": 20}  # timed optimizer steps
WARM_UP = 2  # steps before them
TURNS = 4  # of each side
SIDES = {"ours": training.ours, "trl": training.trl, "limit": training.limit}
SCORED = "snips_json"
LEARNED, HELD_OUT = 128, 128  # rows trained on and asked for the score
ANSWER = 96  # most tokens of an answer

Outcome = dict[str, Any]


def trained(job: Job, stretches: Sequence[int], sides: Sequence[str]) -> dict[str, Outcome]:
    """What became of each side: seconds of each stretch of steps, the loss of each step, MB, the adapter's folder."""
    with ExitStack() as stack:
        workers = {side: stack.enter_context(Worker(SIDES[side], job)) for side in sides}
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for steps in stretches:
            for side, worker in workers.items():
                seconds[side].append(worker.ask(steps))
        return {side: {"seconds": seconds[side], **worker.ask(0)} for side, worker in workers.items()}


def timed(work: Workload, steps: int) -> dict[str, Outcome]:
    """All sides on the first rows of the task."""
    examples = work.train[: BATCH * (WARM_UP + steps)]
    turn = math.ceil(steps / TURNS)
    stretches = [WARM_UP, *(min(turn, steps - done) for done in range(0, steps, turn))]
    with tempfile.TemporaryDirectory() as folder:
        return trained(Job(work.teach(examples), Path(folder)), stretches, tuple(SIDES))


def compared(work: Workload) -> list[float]:
    """Our development score minus TRL's after the same rows: low end, difference, high end."""
    job_rows = work.teach(work.train[:LEARNED])
    examples = work.development[:HELD_OUT]
    with tempfile.TemporaryDirectory() as folder:
        outcomes = trained(Job(job_rows, Path(folder)), [LEARNED // BATCH], ("ours", "trl"))
        adapters = [outcomes[side]["adapter"] for side in ("ours", "trl")]
        with Worker(answers, work.ask(examples), adapters) as worker:
            texts = worker.ask(None)
    metric = resolve(work.task.metric)
    scored = [score_all(metric, given, examples) for given in texts]
    gain = difference(metric, *scored, seed=0)
    return [gain.lo, gain.value, gain.hi]


def answers(pipe: Connection, conversations: Sequence[Conversation], adapters: Sequence[Path]) -> None:
    """The side that answers with each adapter."""
    lm = trainers.load(MODEL)
    asked = rows(lm, conversations)
    pipe.recv()
    texts = []
    for adapter in adapters:
        with trainers.adapted(lm, adapter) as tuned:
            made = {one.index: one.text for one in trainers.generate(tuned, asked, max_tokens=ANSWER)}
        texts.append([made[i] for i in range(len(asked))])
    pipe.send(texts)


def figures(outcomes: dict[str, Outcome], score: list[float] | None) -> dict[str, Any]:
    """What the last line says about a task."""
    ours, trl, limit = (sum(outcomes[side]["seconds"][1:]) for side in SIDES)
    return {
        "ratio_to_trl": round(trl / ours, 2),
        "share_of_limit": round(limit / ours, 3),
        "score_difference": score and [round(x, 2) for x in score],
        "memory_ratio": round(outcomes["ours"]["memory"] / outcomes["trl"]["memory"], 3),
    }


def show(name: str, outcomes: dict[str, Outcome], given: dict[str, Any]) -> None:
    """A task's part of the table."""
    count = BATCH * STEPS[name]
    print(f"\n{name}: {STEPS[name]} steps of {BATCH} rows, after {WARM_UP} to warm up")
    print("          rows/s   seconds of each turn              peak MB")
    for side, outcome in outcomes.items():
        turns = outcome["seconds"][1:]
        each = " ".join(f"{seconds:7.1f}" for seconds in turns)
        print(f"  {side:6}  {count / sum(turns):6.2f}   {each:32}  {outcome['memory']:7.0f}")
    pairs = list(zip(outcomes["ours"]["losses"], outcomes["trl"]["losses"], strict=True))
    for title, losses in zip(("ours", "trl"), zip(*pairs, strict=True), strict=True):
        print(f"  loss {title:5}", " ".join(f"{loss:.3f}" for loss in losses))
    print(f"  largest difference between the losses of a step: {max(abs(a - b) for a, b in pairs):.3f}")
    print("  " + ", ".join(f"{figure} {value}" for figure, value in given.items() if value is not None))


def main() -> None:
    """Print the table, then one JSON line."""
    asked = given("train", __doc__)
    print(f"Training {MODEL}, LoRA {training.SETTINGS}")
    print(machine())
    print(versions("torch", "transformers", "peft", "trl"))
    tasks = {}
    for name, steps in STEPS.items():
        work = workload(asked.data, name)
        mark = key(name, steps, work.task.fingerprint)
        outcomes = step(asked.folder, name, mark, dict[str, Outcome], lambda work=work, steps=steps: timed(work, steps))
        scored = name == SCORED
        score = (
            step(asked.folder, f"{name}-score", mark, list[float], lambda work=work: compared(work)) if scored else None
        )
        tasks[name] = figures(outcomes, score)
        show(name, outcomes, tasks[name])
    print(json.dumps({"bench": "train", "tasks": tasks}))


if __name__ == "__main__":
    main()
