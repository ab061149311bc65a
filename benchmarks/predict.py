"""Our decoding against transformers' `generate` and llama.cpp: a set of rows, labels, a schema, one row at a time.

The workload: SmolLM2-135M tuned on snips_json (on banking77 for the labels) and merged, so that all sides have the same
bf16 weights; instruction and 4 fixed shots in every prompt; greedy. The sides take turns. Finished parts are kept in
`--folder` and skipped when this is run again; `--fresh` starts over.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from advisor.runfolder import step
from advisor.score.fields import parse_json
from benchmarks import llama
from benchmarks.flags import given
from benchmarks.predicting import Generate, Ours, Tuner
from benchmarks.workers import Worker, key, machine, serve, versions
from benchmarks.workload import MODEL, Workload, workload
from trainers import Constraint, Row

SHOTS = 4
TUNED_ON = 256  # rows
ROWS = 256
LABEL_ROWS = 128
SINGLE_ROWS = 24
ROUNDS = 2  # turns of each side; `generate` does its share of the rows in each
MAX_TOKENS = 128
BATCHES = (16, 32, 64)  # tried for `generate`, on one batch each
SLOTS = (16, 32, 64)  # tried for llama.cpp
EXACT_BATCH, EXACT_PIECE = 32, 64  # rows of the fp32 reference at once, and kept at once

Figures = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """Where the tasks are and what is finished."""

    data: Path
    folder: Path

    def part(self, name: str, work: Callable[[], Any], *settings: Any) -> Any:
        """A part of the benchmark, done once."""
        return step(self.folder, name, key(name, settings), Any, work)

    def workload(self, name: str) -> Workload:
        """A task with the shots of its prompt."""
        return workload(self.data, name, SHOTS if name == "snips_json" else 0)

    def model(self, name: str) -> str:
        """The folder of the model tuned on a task."""
        return str(self.part(f"model-{name}", lambda: self._tuned(name), TUNED_ON))

    def gguf(self, model: str) -> Path:
        """The same weights for llama.cpp."""
        return Path(self.part("gguf", lambda: self._converted(model)))

    def _tuned(self, name: str) -> str:
        work = self.workload(name)
        with Worker(serve, Tuner) as tuner:
            return str(tuner.call("tune", work.teach(work.train[:TUNED_ON]), self.folder / name))

    def _converted(self, model: str) -> str:
        target = self.folder / "model.gguf"
        llama.convert(Path(model), target)
        return str(target)


def exact(bench: Bench, model: str, rows: Sequence[Row]) -> list[str]:
    """The texts of fp32 `generate`, in pieces that are kept."""
    texts: list[str] = []
    for start in range(0, len(rows), EXACT_PIECE):
        piece = rows[start : start + EXACT_PIECE]

        def work(piece: Sequence[Row] = piece) -> Any:
            with Worker(serve, Generate, model, "float32") as worker:
                return worker.call("texts", piece, MAX_TOKENS, EXACT_BATCH)

        texts += bench.part(f"fp32-{start}", work, model)
    return texts


def rendered(model: str, work: Workload, count: int) -> tuple[list[Row], int]:
    """Test rows of a task, and the most tokens that one of its labels has (0 without labels)."""
    with Worker(serve, Ours, model) as worker:
        rows = worker.call("rows", work.ask(work.task.split.test[:count]))
        return rows, worker.call("longest", work.task.labels) if work.task.labels else 0


def best_batch(worker: Worker, rows: Sequence[Row], max_tokens: int) -> int:
    """The batch size at which `generate` is fastest, by the time of one batch of each."""
    worker.call("texts", rows[:2], 2, 2)
    seconds = {size: worker.timed("texts", rows[:size], max_tokens, size)[0] / size for size in BATCHES}
    return min(seconds, key=lambda size: seconds[size])


def best_slots(worker: Worker, rows: Sequence[Row]) -> int:
    """The number of sequences at which llama.cpp is fastest, by the time of as many rows as the most of them."""
    seconds = {slots: worker.timed("tokens", rows[: max(SLOTS)], slots, MAX_TOKENS)[0] for slots in SLOTS}
    return min(seconds, key=lambda slots: seconds[slots])


def whole_set(model: str, gguf: Path, rows: Sequence[Row]) -> Figures:
    """Seconds and texts of every side for the set."""
    with ExitStack() as stack:
        generate = stack.enter_context(Worker(serve, Generate, model, "bfloat16"))
        ours = stack.enter_context(Worker(serve, Ours, model))
        peer = stack.enter_context(Worker(serve, llama.LlamaCpp, gguf, generate.call("stops")))
        batch, slots = best_batch(generate, rows, MAX_TOKENS), best_slots(peer, rows)
        ours.call("texts", rows[:64], MAX_TOKENS)
        seconds: dict[str, list[float]] = {"ours": [], "generate": [], "llama.cpp": []}
        texts: dict[str, list[str]] = {"generate": []}
        share = len(rows) // ROUNDS
        for turn in range(ROUNDS):
            took, texts["ours"] = ours.timed("texts", rows, MAX_TOKENS)
            seconds["ours"].append(took)
            took, made = generate.timed("texts", rows[turn * share : (turn + 1) * share], MAX_TOKENS, batch)
            seconds["generate"].append(took)
            texts["generate"] += made
            took, tokens = peer.timed("tokens", rows, slots, MAX_TOKENS)
            seconds["llama.cpp"].append(took)
        texts["llama.cpp"] = ours.call("decode", tokens)
    done = {"ours": len(rows) * ROUNDS, "generate": share * ROUNDS, "llama.cpp": len(rows) * ROUNDS}
    speed = {side: done[side] / sum(took) for side, took in seconds.items()}
    return {"batch": batch, "slots": slots, "seconds": seconds, "rows/s": speed, "texts": texts}


def labels(model: str, rows: Sequence[Row], given: Sequence[str], longest: int, wanted: Sequence[str]) -> Figures:
    """Choosing among labels against `generate`, which writes them freely and stops at the longest one's length."""
    with Worker(serve, Generate, model, "bfloat16") as generate, Worker(serve, Ours, model) as ours:
        batch = best_batch(generate, rows, longest)
        ours.call("labels", rows[:16], given)
        half = len(rows) // 2
        seconds: dict[str, float] = {"ours": 0.0, "generate": 0.0}
        texts: dict[str, list[str]] = {"ours": [], "generate": []}
        for piece in (rows[:half], rows[half:]):
            for side, took in (
                ("ours", ours.timed("labels", piece, given)),
                ("generate", generate.timed("texts", piece, longest, batch)),
            ):
                seconds[side] += took[0]
                texts[side] += took[1]
    right = {side: sum(a == b for a, b in zip(made, wanted, strict=True)) / len(rows) for side, made in texts.items()}
    return {"batch": batch, "rows/s": {side: len(rows) / took for side, took in seconds.items()}, "right": right}


def constrained(model: str, rows: Sequence[Row], schema: Any) -> Figures:
    """Our decoding held to the schema against our free decoding."""
    constraint = Constraint(schema=schema)
    with Worker(serve, Ours, model) as ours:
        ours.call("made", rows[:64], MAX_TOKENS, constraint)
        free = held = 0.0
        for _ in range(ROUNDS):
            free += ours.timed("made", rows, MAX_TOKENS)[0]
            took, made = ours.timed("made", rows, MAX_TOKENS, constraint)
            held += took
    finished = [one.text for one in made if one.complete]
    valid = sum(map(fits(Draft202012Validator(schema)), finished))
    return {"free": free / ROUNDS, "held": held / ROUNDS, "finished": len(finished), "valid": valid}


def fits(validator: Draft202012Validator) -> Callable[[str], bool]:
    """Whether a text is JSON that follows the schema."""

    def fits_one(text: str) -> bool:
        try:
            return bool(validator.is_valid(parse_json(text)))
        except ValueError:
            return False

    return fits_one


def single(model: str, gguf: Path, rows: Sequence[Row]) -> Figures:
    """Rows per second of every side, one row at a time."""
    with ExitStack() as stack:
        generate = stack.enter_context(Worker(serve, Generate, model, "bfloat16"))
        ours = stack.enter_context(Worker(serve, Ours, model))
        peer = stack.enter_context(Worker(serve, llama.LlamaCpp, gguf, generate.call("stops")))
        calls: dict[str, tuple[Worker, str, tuple[int, ...]]] = {
            "ours": (ours, "singly", (MAX_TOKENS,)),
            "generate": (generate, "texts", (MAX_TOKENS, 1)),
            "llama.cpp": (peer, "tokens", (1, MAX_TOKENS)),
        }
        speed = {}
        for side, (worker, method, settings) in calls.items():
            worker.call(method, rows[:1], *settings)
            speed[side] = len(rows) / worker.timed(method, rows, *settings)[0]
    return speed


def same(texts: Sequence[str], reference: Sequence[str]) -> float:
    """The share of texts that are equal."""
    return sum(a == b for a, b in zip(texts, reference, strict=True)) / len(reference)


def measure(bench: Bench) -> tuple[Figures, Figures]:
    """Every part: the figures of the table, and of the last line."""
    model, work = bench.model("snips_json"), bench.workload("snips_json")
    rows, _ = rendered(model, work, ROWS)
    gguf = bench.gguf(model)
    found = bench.part("set", lambda: whole_set(model, gguf, rows), len(rows))
    held = bench.part("constrained", lambda: constrained(model, rows, work.task.schema))
    alone = bench.part("single", lambda: single(model, gguf, rows[:SINGLE_ROWS]))
    reference = exact(bench, model, rows)

    label_model, label_work = bench.model("banking77"), bench.workload("banking77")
    asked, longest = rendered(label_model, label_work, LABEL_ROWS)
    wanted = [example.output for example in label_work.task.split.test[:LABEL_ROWS]]
    chosen = bench.part("labels", lambda: labels(label_model, asked, label_work.task.labels, longest, wanted))

    equal = {side: same(texts, reference) for side, texts in found["texts"].items()}
    table = {"rows": rows, "set": found, "equal": equal, "constrained": held, "single": alone, "labels": chosen}
    speed, label_speed = found["rows/s"], chosen["rows/s"]
    last = {
        "ratio_to_generate": speed["ours"] / speed["generate"],
        "ratio_to_llama_cpp": speed["ours"] / speed["llama.cpp"],
        "label_ratio": label_speed["ours"] / label_speed["generate"],
        "constrained_cost": held["held"] / held["free"],
        "same_as_fp32": equal["ours"],
        "generate_same_as_fp32": equal["generate"],
    }
    return table, {name: round(value, 3) for name, value in last.items()}


def show(table: Figures) -> None:
    """Print the table."""
    rows, found, chosen, held = table["rows"], table["set"], table["labels"], table["constrained"]
    own = sum(len(row.own) for row in rows) / len(rows)
    print(f"\nset: {len(rows)} rows, {len(rows[0].shared)} tokens shared, {own:.0f} own, {ROUNDS} turns each")
    print(f"  chosen: generate in batches of {found['batch']}, llama.cpp with {found['slots']} sequences")
    print("             rows/s   seconds of each turn   texts equal to fp32")
    for side, speed in found["rows/s"].items():
        turns = " ".join(f"{seconds:7.1f}" for seconds in found["seconds"][side])
        print(f"  {side:9}  {speed:6.2f}   {turns:20}   {table['equal'][side]:.3f}")
    print(f"\nlabels: {LABEL_ROWS} rows of banking77, 77 labels, generate in batches of {chosen['batch']}")
    for side, speed in chosen["rows/s"].items():
        print(f"  {side:9}  {speed:6.2f} rows/s   {chosen['right'][side]:.3f} right")
    print(f"\nschema: {held['free']:.1f} s free, {held['held']:.1f} s held to it", end=", ")
    print(f"{held['valid']} of {held['finished']} finished texts valid")
    print(f"\none row at a time: {SINGLE_ROWS} rows")
    for side, speed in table["single"].items():
        print(f"  {side:9}  {speed:6.2f} rows/s")


def main() -> None:
    """Print the table, then one JSON line."""
    asked = given("predict", __doc__)
    print(f"Predicting with {MODEL}, tuned on {TUNED_ON} rows, greedy, at most {MAX_TOKENS} tokens")
    print(machine())
    print(versions("torch", "transformers", "llguidance", "llama_cpp_python"))
    table, last = measure(Bench(asked.data, asked.folder))
    show(table)
    print(json.dumps({"bench": "predict", **last}))


if __name__ == "__main__":
    main()
