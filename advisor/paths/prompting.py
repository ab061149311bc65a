"""The paths that only write prompts: shots, passages and decoding, chosen on development examples."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from advisor.data.kinds import sort_of
from advisor.data.outputs import infer_schema
from advisor.errors import DroppedOut
from advisor.paths.arms import scores
from advisor.runtime import prompts
from advisor.runtime.bench import Bench
from advisor.score import sets
from advisor.score.statistics import rating
from advisor.system import SHOTS, Context, Decoding, ModelRef, Shot, Shots, System
from advisor.task import Example, Task

MOST = 12  # characters a token, far more than in any text: a larger corpus need not be counted
TEMPLATE = 64  # tokens that a chat template and tags may take
Prompt = Callable[[Bench], System]


def baseline(bench: Bench) -> System:
    """The bench's instruction on the base model, no shots: on a plain bench the task's own."""
    task, model = bench.task, bench.runtime.model
    ref = ModelRef(model.name, model.fingerprint)
    return System(ref, task.own_instruction, decoding=Decoding(max_tokens=bench.purse.max_tokens))


def _plain(bench: Bench) -> System:
    return baseline(bench.plain)


def constrained(bench: Bench) -> Decoding | None:
    """Decoding held to the task's labels or schema (or to the keys seen in its outputs); None for other tasks, such as of
    several labels in a row that are no JSON, and for a model that can't be held."""
    task, most = bench.task, bench.purse.max_tokens
    if "constrain" not in bench.runtime.model.can:
        return None
    rows, sort = task.split.train or task.split.compare, sort_of(task)
    labels = task.labels or (sort.labels(rows) if sort.kind == "label" else ())
    if labels and sort.between is None:
        return Decoding("constrained", labels=labels, max_tokens=most)
    schema = task.schema
    if schema is None and sort.between == sets.ARRAY:
        schema = _array_of(labels, min(len(sets.read(row.output, sort.between)) for row in rows))
    elif schema is None and sort.kind == "json" and rows:
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


def prompted(bench: Bench) -> Mapping[str, Prompt]:
    """The arms that prompting chooses among, by what they show."""
    arms: dict[str, Prompt] = {"zero-shot": _plain}
    if bench.instructions:
        arms["chosen instruction"] = baseline
    train = bench.task.split.train
    if train:
        arms |= {"fixed shots": _with_fixed(baseline, SHOTS), "similar shots": _with_similar}
    if constrained(bench):
        arms["constrained"] = held(_plain)
        if bench.instructions:
            arms["chosen instruction, constrained"] = held(baseline)
        if train:
            arms["similar shots, constrained"] = held(_with_similar)
    return arms


def retrieving(bench: Bench) -> Mapping[str, Prompt]:
    """The arms that rag chooses among, by what they show."""
    name, few = _fewest(bench)
    arms: dict[str, Prompt] = {"retrieved context": _retrieved, name: few}
    if _all_fit(bench):
        arms["all documents"] = _everything
    if constrained(bench):
        arms[f"{name}, constrained"] = held(few)
    if bench.task.split.train:
        arms[f"{name}, fixed shots"] = _with_fixed(few, SHOTS // 2)
    return arms


def fewest(bench: Bench) -> str:
    """What the plain arm of `retrieving` with the fewest passages is called, which tuning with passages begins at."""
    return _fewest(bench)[0]


def oracle(bench: Bench) -> System:
    """The system that shows a document which holds the answer, with shots where there are rows to take them from, else
    held to the form where the model can be."""
    plain = replace(baseline(bench), context=Context("oracle", 1))
    if bench.task.split.train:
        return replace(plain, shots=fixed_shots(bench.task, bench.seed, SHOTS // 2))
    return replace(plain, decoding=constrained(bench) or plain.decoding)


def _with_fixed(arm: Prompt, k: int) -> Prompt:
    return lambda bench: replace(arm(bench), shots=fixed_shots(bench.task, bench.seed, k))


def _with_similar(bench: Bench) -> System:
    return replace(baseline(bench), shots=Shots("similar", min(2 * SHOTS, len(bench.task.split.train))))


def held(arm: Prompt) -> Prompt:
    """The arm, held to the form of the task's outputs."""

    def made(bench: Bench) -> System:
        system = arm(bench)
        return replace(system, decoding=constrained(bench) or system.decoding)

    return made


def _retrieved(bench: Bench) -> System:
    return replace(baseline(bench), context=Context("retrieved", bench.runtime.finder.k))


def _everything(bench: Bench) -> System:
    return replace(baseline(bench), context=Context("all", bench.runtime.finder.k))


def _one_passage(bench: Bench) -> System:
    return replace(baseline(bench), context=Context("retrieved", 1))


def _fewest(bench: Bench) -> tuple[str, Prompt]:
    """The plain arm with as few passages as the task allows, and what it is called."""
    one = bench.task.retrieval.k == 0 and bench.runtime.finder.k > 1
    return ("one passage", _one_passage) if one else ("retrieved context", _retrieved)


def _all_fit(bench: Bench) -> bool:
    """Whether all documents fit the prompt beside instruction, input and answer, and the purse's room."""
    task, runtime = bench.task, bench.runtime
    count = runtime.model.count
    inputs = [" ".join([turn.text for turn in e.turns] + [e.input]) for e in (*task.split.choose, *task.split.compare)]
    rest = (
        count([task.instruction + prompts.NOTE])[0] + max(count(inputs), default=0) + bench.purse.max_tokens + TEMPLATE
    )
    room = min(bench.purse.room, runtime.model.context - rest)
    size = sum(len(document.text) for document in task.documents)
    return size <= MOST * room and count([prompts.fenced(runtime.finder.index.passages)])[0] <= room


def prompting(bench: Bench) -> System:
    """The best prompt: shots and decoding chosen on development examples; unmeasured, with shots where there are rows."""
    return _best(bench, prompted(bench), "fixed shots" if bench.task.split.train else "zero-shot")


def rag(bench: Bench) -> System:
    """The best prompt with retrieved passages: how many, with or without shots, chosen on development examples."""
    return _best(bench, retrieving(bench), "retrieved context")


def _best(bench: Bench, arms: Mapping[str, Prompt], unmeasured: str) -> System:
    """The system of the arm with the best score, of those that are not out; of the one named `unmeasured` where there is nothing
    to choose on.

    An arm that can't be asked drops out. Raises DroppedOut where all do.
    """
    arms = {name: arm for name, arm in arms.items() if name not in bench.out} or arms
    if not bench.choosing or len(arms) == 1:
        return arms.get(unmeasured, next(iter(arms.values())))(bench)
    ratings: dict[str, float] = {}
    reasons: list[str] = []
    for name, arm in arms.items():
        try:
            scored, _ = scores(bench, arm, bench.choosing, f"choose: {name}")
        except DroppedOut as reason:
            reasons.append(f"{name}: {reason}")
        else:
            ratings[name] = rating(bench.metric, scored)
    if not ratings:
        raise DroppedOut("; ".join(reasons))
    return arms[max(ratings, key=lambda name: ratings[name])](bench)  # of equal ones the first listed: the plainest
