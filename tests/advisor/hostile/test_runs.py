"""A run folder that somebody sent is data, too: it may name what it likes, and hold files of any kind."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trainers
from advisor import runfolder
from advisor.address import parse_address
from advisor.measure import receipt
from advisor.measure.receipt import About, Finalist, Given, Receipt
from advisor.runtime.built import EMBEDDER, Asked
from advisor.system import Buildable, Classifier, Context, ModelRef, System
from advisor.task import Example
from retrieval import Document, Index, load_embedder

from .traps import SECRET, Listener, Spoil, small, with_code, with_pickles, write


def sent(folder: Path, system: Buildable, parts: Mapping[str, str] | None = None, **asked: Any) -> Path:
    """A run folder of a system that somebody built; `parts` as they are here, or it is refused for those."""
    model = asked.pop("endpoint", None)
    address = parse_address(model) if model else None
    hashes = {"model": address.fingerprint} if address else {}
    plain = {
        "name": "t", "folder": str(folder.parent.parent / "task"), "description": "", "instruction": "",
        "metric": "exact_match", "labels": (), "model": "smollm2", "model_fingerprint": "", "seed": 0, "command": "",
        "versions": {}, "machine": "", "fingerprint": "",
    }  # fmt: skip
    runfolder.write(
        folder / "task.json", Asked, Asked(endpoint=address, **{**plain, **asked}, parts=hashes | dict(parts or {}))
    )
    if isinstance(system, System) and address:
        system = System(ModelRef(str(address), address.fingerprint), context=system.context)
    runfolder.write(folder / "artifact" / "system.json", Buildable, system)
    advice = {"path": "prompting"}
    (folder / "recommendation.json").write_text(json.dumps(advice))
    return folder


PLAIN, FINDS = System(ModelRef("")), System(ModelRef(""), context=Context("retrieved"))


def run_names_a_key(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, PLAIN, endpoint=f"{listener.here}/v1#m#PERSONS_KEY")


def run_wants_inputs_sent(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, PLAIN, endpoint=f"{listener.elsewhere}/v1#m")


def run_wants_vectors_sent(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, FINDS, endpoint=f"{listener.here}/v1#m", retrieval={"index": listener.elsewhere})


def run_has_an_index_elsewhere(folder: Path, trap: Any, listener: Listener) -> None:
    """The record says nothing of it, the index itself does."""
    sent(folder, FINDS, {EMBEDDER: load_embedder().fingerprint}, endpoint=f"{listener.here}/v1#m")
    Index.build([Document("d", "yes")], load_embedder()).save(folder / "artifact" / "index")
    meta = folder / "artifact" / "index" / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "vectors": listener.here}))


def run_brings_a_model(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, PLAIN, model=str(folder / "model"))
    with_code(small(folder / "model"), trap)


def run_brings_an_embedder(folder: Path, trap: Any, listener: Listener) -> None:
    system = Classifier("artifact/head.npz", "", "")
    sent(folder, system, retrieval={"embedder": str(folder / "model")})
    with_pickles(small(folder / "model"), trap)
    np.savez(folder / "artifact" / "head.npz", weights=np.zeros((1, 1)), biases=np.zeros(1), labels=np.array(["a"]))


def run_brings_a_fitted_embedder(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, FINDS, endpoint=f"{listener.here}/v1#m")
    Index.build([Document("d", "yes")], load_embedder()).save(folder / "artifact" / "index")
    with_pickles(small(folder / "artifact" / "embedder"), trap)


def run_brings_a_reranker(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, FINDS, endpoint=f"{listener.here}/v1#m", retrieval={"rerank": str(folder / "model")})
    with_pickles(small(folder / "model"), trap)


def run_brings_a_pickled_head(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, Classifier("artifact/head.npz", "", ""), {EMBEDDER: load_embedder().fingerprint})
    pickled = np.array([trap], dtype=object)
    np.savez(folder / "artifact" / "head.npz", weights=pickled, biases=pickled, labels=pickled)


def run_brings_a_pickled_adapter(folder: Path, trap: Any, listener: Listener) -> None:
    model = str(small(folder / "model"))
    own = trainers.load(model)
    sent(folder, System(ModelRef(model, own.fingerprint, "artifact/adapter")), own.parts, model=model)
    write(folder / "artifact" / "adapter", adapter_config__json={"peft_type": "LORA", "target_modules": ["q_proj"]})
    torch.save({"weights": trap}, folder / "artifact" / "adapter" / "adapter_model.bin")


def run_names_an_adapter_elsewhere(folder: Path, trap: Any, listener: Listener) -> None:
    model = str(small(folder / "model"))
    own = trainers.load(model)
    sent(folder, System(ModelRef(model, own.fingerprint, "../../../elsewhere")), own.parts, model=model)


def run_holds_links(folder: Path, trap: Any, listener: Listener) -> None:
    sent(folder, PLAIN, endpoint=f"{listener.here}/v1#m")
    (folder / "report.md").symlink_to(trap.file)


RUNS: tuple[Spoil, ...] = (
    run_names_a_key, run_wants_inputs_sent, run_wants_vectors_sent, run_has_an_index_elsewhere, run_brings_a_model,
    run_brings_an_embedder, run_brings_a_fitted_embedder, run_brings_a_reranker, run_brings_a_pickled_head,
    run_brings_a_pickled_adapter, run_names_an_adapter_elsewhere, run_holds_links,
)  # fmt: skip


@pytest.mark.parametrize("spoil", RUNS, ids=lambda f: f.__name__)
def test_no_command_runs_or_sends_what_a_run_folder_wants(call, tmp_path, trap, listener, spoil, config):
    spoil(tmp_path / "runs" / "sent", trap, listener)
    write(tmp_path, data__jsonl='{"input": "x", "output": "y"}\n')
    for command in (("predict", "runs/sent"), ("chat", "runs/sent"), ("evaluate", "runs/sent", "data.jsonl")):
        done = call(*command, input='{"input": "is it?"}\n')
        assert not trap.sprung, command
        assert listener.heard == [], command
        assert done.exit_code in (1, 2), (command, done.output)
        assert not any(said in done.output for said in ("the details are in", "has changed since")), done.output
    call("report", "runs/sent")
    assert call("verify", "runs/sent").exit_code == 1 and call("runs").exit_code == 0
    assert not trap.sprung and not any(config.iterdir())


@pytest.mark.parametrize("metric", ["score:f", "cProfile:run"])
def test_evaluating_what_somebody_sent_runs_no_metric_of_theirs(call, tmp_path, trap, listener, metric):
    sent(tmp_path / "runs" / "sent", PLAIN, endpoint=f"{listener.here}/v1#m", metric=metric)
    write(tmp_path / "task", score__py=f"{trap.source}def f(text, example): return 100\n")
    write(tmp_path, data__jsonl=json.dumps({"input": "x", "output": trap.source}),
          made__jsonl=json.dumps({"id": "1", "prediction": trap.source}))  # fmt: skip
    for what in ("runs/sent", "made.jsonl"):
        done = call("evaluate", what, "data.jsonl", "--metric", metric, "--yes")
        assert done.exit_code == 2 and not trap.sprung and listener.heard == [], done.output
    assert call("evaluate", "runs/sent", "data.jsonl", "--metric", "exact_match").exit_code == 0  # on loopback
    assert not trap.sprung and SECRET not in "".join(listener.heard)


@pytest.mark.parametrize("metric", ["score:f", "cProfile:run"])
def test_verifying_what_somebody_sent_runs_no_metric_of_theirs_and_reads_nothing_elsewhere(
    call, tmp_path, trap, listener, metric
):
    run = sent(tmp_path / "runs" / "sent", PLAIN, endpoint=f"{listener.here}/v1#m", metric=metric)
    write(tmp_path / "task", score__py=f"{trap.source}def f(text, example): return 100\n")
    about = About(metric, (), 0, {"baseline": Finalist("s", False), "test": Finalist("s", False)})
    given = (Given("x", trap.source, 100.0, (100.0, 1.0), 1),)
    receipt.write(run, Receipt(about, (Example("x", "is it?", "yes"),), {"baseline": given, "test": given}))
    done = call("verify", "runs/sent")
    assert done.exit_code == 1 and not trap.sprung and listener.heard == []
    write(tmp_path, elsewhere__jsonl=json.dumps({"id": "x", "text": SECRET}))
    named = {**runfolder.plain(About, about), "finalists": {"../../../elsewhere": {"system": "s", "abstains": False}}}
    (run / "receipt" / "receipt.json").write_text(json.dumps(named))
    done = call("verify", "runs/sent", "--json")
    assert done.exit_code == 1 and "lies elsewhere" in done.output and SECRET not in done.output
