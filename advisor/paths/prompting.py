"""The paths that only write prompts: shots, passages and decoding, chosen on development examples."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from advisor.data.kinds import sort_of
from advisor.data.outputs import infer_schema
from advisor.runtime import prompts
from advisor.runtime.bench import Bench
from advisor.score import sets
from advisor.score.metric import score_all
from advisor.score.statistics import interval
from advisor.system import SHOTS, Context, Decoding, ModelRef, Shot, Shots, System
from advisor.task import Example, Task

MOST = 12  # characters a token, far more than in any text: a larger corpus need not be counted
TEMPLATE = 64  # tokens that a chat template and tags may take


def baseline(bench: Bench) -> System:
    """The task's own instruction on the base model, no shots."""
    task, model = bench.task, bench.runtime.model
    ref = ModelRef(model.name, model.fingerprint)
    return System(ref, task.instruction or task.description, decoding=Decoding(max_tokens=bench.purse.max_tokens))


def constrained(bench: Bench) -> Decoding | None:
    """Decoding held to the task's labels or schema (or to the keys seen in its outputs); None for other tasks, such as of
    several labels in a row that are no JSON, and for a model that can't be held."""
    task, most = bench.task, bench.purse.max_tokens
    if "constrain" not in bench.runtime.model.can:
        return None
    rows, sort = task.split.train or task.split.compare, sort_of(task, task.split.seen)
    labels = task.labels or (sort.labels(rows) if sort.kind == "label" else ())
    if labels and sort.between is None:
        return Decoding("constrained", labels=labels, max_tokens=most)
    schema = task.schema
    if schema is None and sort.between == sets.ARRAY:
        schema = _array_of(labels, min(len(sets.read(row.output, sort.between)) for row in rows))
    elif schema is None and sort.kind == "json":
        schema = infer_schema([row.output for row in rows])
    return Decoding("constrained", schema=schema, max_tokens=most) if schema is not None else None


def _array_of(labels: Sequence[str], fewest: int) -> Mapping[str, Any]:
    """The JSON schema of a set of labels, empty only where `fewest`, the labels of a row at the least, is 0."""
    items = {"type": "string", "enum": list(labels)}
    return {"type": "array", "items": items, "uniqueItems": True, "minItems": min(1, fewest), "maxItems": len(labels)}


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


def prompted(bench: Bench) -> Mapping[str, System]:
    """The systems that prompting chooses among, by what they show."""
    plain = baseline(bench)
    systems = {"zero-shot": plain}
    train = bench.task.split.train
    if train:
        fixed = fixed_shots(bench.task, bench.seed)
        similar = Shots("similar", min(2 * SHOTS, len(train)))
        systems["fixed shots"] = replace(plain, shots=fixed)
        systems["similar shots"] = replace(plain, shots=similar)
    if decoding := constrained(bench):
        systems["constrained"] = replace(plain, decoding=decoding)
        if train:
            systems["similar shots, constrained"] = replace(systems["similar shots"], decoding=decoding)
    return systems


def retrieving(bench: Bench) -> Mapping[str, System]:
    """The systems that rag chooses among, by what they show."""
    finder, (name, fewest) = bench.runtime.finder, _fewest(bench)
    systems = {"retrieved context": replace(fewest, context=Context("retrieved", finder.k)), name: fewest}
    if _all_fit(bench):
        systems["all documents"] = replace(fewest, context=Context("all", finder.k))
    if decoding := constrained(bench):
        systems[f"{name}, constrained"] = replace(fewest, decoding=decoding)
    if bench.task.split.train:
        systems[f"{name}, fixed shots"] = replace(fewest, shots=fixed_shots(bench.task, bench.seed, SHOTS // 2))
    return systems


def oracle(bench: Bench) -> System:
    """The system that shows a document which holds the answer, with shots where there are rows to take them from, else
    held to the form where the model can be."""
    _, system = _fewest(bench)
    if bench.task.split.train:
        system = replace(system, shots=fixed_shots(bench.task, bench.seed, SHOTS // 2))
    elif decoding := constrained(bench):
        system = replace(system, decoding=decoding)
    return replace(system, context=Context("oracle", 1))


def _fewest(bench: Bench) -> tuple[str, System]:
    """The plain system with as few passages as the task allows, and what it is called."""
    k = bench.runtime.finder.k
    name, k = ("one passage", 1) if bench.task.retrieval.k == 0 and k > 1 else ("retrieved context", k)
    return name, replace(baseline(bench), context=Context("retrieved", k))


def _all_fit(bench: Bench) -> bool:
    """Whether all documents fit the prompt beside instruction, input and answer, and the purse's room."""
    task, runtime = bench.task, bench.runtime
    count = runtime.model.count
    inputs = [" ".join([turn.text for turn in e.turns] + [e.input]) for e in (*task.split.choose, *task.split.compare)]
    rest = count([task.instruction + prompts.NOTE])[0] + max(count(inputs)) + bench.purse.max_tokens + TEMPLATE
    room = min(bench.purse.room, runtime.model.context - rest)
    size = sum(len(document.text) for document in task.documents)
    return size <= MOST * room and count([prompts.fenced(runtime.finder.index.passages)])[0] <= room


def prompting(bench: Bench) -> System:
    """The best prompt: shots and decoding chosen on development examples."""
    return _best(bench, prompted(bench), "zero-shot")


def rag(bench: Bench) -> System:
    """The best prompt with retrieved passages: how many, with or without shots, chosen on development examples."""
    return _best(bench, retrieving(bench), "retrieved context")


def _best(bench: Bench, systems: Mapping[str, System], unmeasured: str) -> System:
    """The system with the best score; the one named `unmeasured` where there is nothing to choose on."""
    examples = bench.choosing
    if not examples:
        return systems[unmeasured]
    scores = {
        name: rate(bench, [p.text for p in bench.runtime.predict(system, examples, f"choose: {name}")], examples)
        for name, system in systems.items()
    }
    return systems[max(scores, key=lambda name: scores[name])]  # of equal ones the first listed: the plainest


def rate(bench: Bench, texts: Sequence[str | None], examples: Sequence[Example]) -> float:
    """The task's metric over texts, 0..100."""
    return interval(bench.metric, score_all(bench.metric, texts, examples), bench.seed).value
