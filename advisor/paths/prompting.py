"""The paths that only write prompts: shots, passages and decoding, chosen on development examples."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from advisor.data.outputs import infer_schema, kind_of
from advisor.runtime import prompts
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.score import metrics
from advisor.score.metric import score_all
from advisor.score.statistics import interval
from advisor.system import SHOTS, Context, Decoding, ModelRef, Shot, Shots, System
from advisor.task import Example, Task

MOST = 12  # characters a token, far more than in any text: a larger corpus need not be counted
TEMPLATE = 64  # tokens that a chat template and tags may take


def baseline(task: Task, runtime: Runtime, plan: Plan) -> System:
    """The task's own instruction on the base model, no shots."""
    model = ModelRef(runtime.name, runtime.model.fingerprint)
    return System(model, task.instruction or task.description, decoding=Decoding(max_tokens=plan.max_tokens))


def constrained(task: Task, runtime: Runtime, plan: Plan) -> Decoding | None:
    """Decoding held to the task's labels or schema (or to the keys seen in its outputs); None for other tasks, and for a
    model that can't be held."""
    if "constrain" not in runtime.model.can:
        return None
    rows = task.split.train or task.split.compare
    if task.labels:
        return Decoding("constrained", labels=task.labels, max_tokens=plan.max_tokens)
    if task.schema is not None:
        return Decoding("constrained", schema=task.schema, max_tokens=plan.max_tokens)
    kind = kind_of(task, rows)
    if kind == "label":
        labels = tuple(sorted({row.output.strip() for row in rows}))
        return Decoding("constrained", labels=labels, max_tokens=plan.max_tokens)
    if kind == "json":
        return Decoding("constrained", schema=infer_schema([row.output for row in rows]), max_tokens=plan.max_tokens)
    return None


def fixed_shots(task: Task, seed: int, k: int = SHOTS) -> Shots:
    """Shots drawn from the training examples: short ones, with outputs as different as can be."""
    rows = sorted(task.split.train, key=lambda row: (len(row.input) + len(row.output), row.id))
    rows = rows[: max(k, len(rows) // 2)]  # long shots cost tokens on every request
    random.Random(seed).shuffle(rows)
    chosen: list[Example] = []
    for distinct in (True, False):
        for row in rows:
            fresh = row not in chosen and not (distinct and row.output in {c.output for c in chosen})
            if len(chosen) < k and fresh:
                chosen.append(row)
    return Shots("fixed", len(chosen), tuple(Shot(row.input, row.output) for row in chosen))


def prompted(task: Task, runtime: Runtime, plan: Plan, seed: int) -> Mapping[str, System]:
    """The systems that prompting chooses among, by what they show."""
    plain = baseline(task, runtime, plan)
    systems = {"zero-shot": plain}
    if task.split.train:
        fixed = fixed_shots(task, seed)
        similar = Shots("similar", min(2 * SHOTS, len(task.split.train)))
        systems["fixed shots"] = replace(plain, shots=fixed)
        systems["similar shots"] = replace(plain, shots=similar)
    if decoding := constrained(task, runtime, plan):
        systems["constrained"] = replace(plain, decoding=decoding)
        if task.split.train:
            systems["similar shots, constrained"] = replace(systems["similar shots"], decoding=decoding)
    return systems


def retrieving(task: Task, runtime: Runtime, plan: Plan, seed: int) -> Mapping[str, System]:
    """The systems that rag chooses among."""
    plain = replace(baseline(task, runtime, plan), context=Context("retrieved", runtime.finder.k))
    systems = {"retrieved context": plain}
    if task.retrieval.k == 0 and runtime.finder.k > 1:
        systems["one passage"] = replace(plain, context=Context("retrieved", 1))
    name, fewest = list(systems.items())[-1]
    if _all_fit(task, runtime, plan):
        systems["all documents"] = replace(plain, context=Context("all"))
    if decoding := constrained(task, runtime, plan):
        systems[f"{name}, constrained"] = replace(fewest, decoding=decoding)
    if task.split.train:
        shots = fixed_shots(task, seed, SHOTS // 2)
        systems[f"{name}, fixed shots"] = replace(fewest, shots=shots)
    return systems


def _all_fit(task: Task, runtime: Runtime, plan: Plan) -> bool:
    """Whether all documents fit the prompt beside instruction, input and answer, and the plan's room."""
    count = runtime.model.count
    inputs = [" ".join([turn.text for turn in e.turns] + [e.input]) for e in (*task.split.choose, *task.split.compare)]
    rest = count([task.instruction + prompts.NOTE])[0] + max(count(inputs)) + plan.max_tokens + TEMPLATE
    room = min(plan.room, runtime.model.context - rest)
    size = sum(len(document.text) for document in task.documents)
    return size <= MOST * room and count([prompts.fenced(runtime.finder.index.passages)])[0] <= room


def prompting(task: Task, runtime: Runtime, plan: Plan, seed: int) -> System:
    """The best prompt: shots and decoding chosen on development examples."""
    return _best(task, runtime, plan, prompted(task, runtime, plan, seed), seed)


def rag(task: Task, runtime: Runtime, plan: Plan, seed: int) -> System:
    """The best prompt with retrieved passages: how many, with or without shots, chosen on development examples."""
    return _best(task, runtime, plan, retrieving(task, runtime, plan, seed), seed)


def _best(task: Task, runtime: Runtime, plan: Plan, systems: Mapping[str, System], seed: int) -> System:
    examples = task.split.choose[: plan.choose]
    if not examples:
        return next(iter(systems.values()))
    scores = {
        name: score(task, [p.text for p in runtime.predict(system, examples, f"choose: {name}")], examples, seed)
        for name, system in systems.items()
    }
    return systems[max(scores, key=lambda name: scores[name])]  # of equal ones the first, which is the cheapest


def score(task: Task, texts: Sequence[str | None], examples: Sequence[Example], seed: int) -> float:
    """The task's metric over texts, 0..100."""
    metric = metrics.resolve(task.metric, task.labels, task.folder)
    return interval(metric, score_all(metric, texts, examples), seed).value
