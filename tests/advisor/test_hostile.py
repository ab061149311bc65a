"""A folder that somebody sent: whatever a task or a run folder holds, no command runs code from it or sends anything.

The traps: code that writes a file where it is run, and a server on this machine that keeps whatever reaches it. By the
address 127.1 it is not known to be on this machine.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

import trainers
from advisor import runfolder
from advisor.address import parse_address
from advisor.app.cli import app
from advisor.data import reading
from advisor.errors import InputError
from advisor.runtime.built import Asked
from advisor.system import Buildable, Classifier, Context, ModelRef, System
from retrieval import Document, Index, load_embedder

SECRET = "sk-the-persons-own-key"
COUNT = 120  # rows, enough to measure and to prove
Spoil = Callable[[Path, Any, "Listener"], None]


@dataclass
class Listener:
    """What reached a server on this machine."""

    port: int = 0
    heard: list[str] = field(default_factory=list)

    @property
    def here(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def elsewhere(self) -> str:
        return f"http://127.1:{self.port}"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setenv("PERSONS_KEY", SECRET)
    script = Listener()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            script.heard.append("a connection, of whatever protocol")
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.heard.append(f"{self.path}\n{self.headers}\n{body!r}")
            answer = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield script
    server.shutdown()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command in a folder that came from somewhere, too: it consents to everything, in every way."""
    monkeypatch.chdir(tmp_path)
    for place in ("runs/consent.json", "task/consent.json", ".config/advisor/agreed.jsonl", "agreed.jsonl"):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"http://127.1": "2026-01-01", "purpose": "code", "about": "*"}\n')
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # should a library ask
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, [str(one) for one in arguments], **more)


def write(folder: Path, **files: object) -> Path:
    """Files by their names with a double underscore for the point; what is no text as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def task(folder: Path, said: str, answer: str = "yes") -> Path:
    rows = [{"input": f"is it {'odd' * (i % 7)} {i}?", "output": answer} for i in range(COUNT)]
    return write(folder, task__yaml=said, train__jsonl="\n".join(map(json.dumps, rows)))


# Tasks

ANSWERS = "answers: {data_may_leave: yes}\n"


def brings_a_metric(folder: Path, trap: Any, listener: Listener) -> None:
    write(task(folder, f"{ANSWERS}metric: score:f\n"), score__py=f"{trap.source}def f(text, example): return 100\n")


def brings_a_package_with_a_metric(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}metric: mine.score:f\n")
    write(folder / "mine", __init____py=trap.source, score__py="def f(text, example): return 100\n")


def names_a_metric_that_runs_what_it_scores(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}metric: cProfile:run\n", answer=trap.source)


def names_a_builtin_as_its_metric(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}metric: builtins:exec\n", answer=trap.source)


def names_a_key(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}model: {{endpoint: '{listener.here}/v1', name: m, key_env: PERSONS_KEY}}\n")


def names_a_key_in_one_word(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}model: '{listener.here}/v1#m#PERSONS_KEY'\n")


def wants_its_rows_sent(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}model: {{endpoint: '{listener.elsewhere}/v1', name: m}}\n")


def wants_its_vectors_sent(folder: Path, trap: Any, listener: Listener) -> None:
    said = f"model: '{listener.here}/v1#m'\nretrieval: {{index: '{listener.elsewhere}'}}\n"
    write(task(folder, ANSWERS + said), corpus__jsonl='{"_id": "d", "text": "yes"}\n')


def has_a_schema_from_elsewhere(folder: Path, trap: Any, listener: Listener) -> None:
    write(task(folder, ANSWERS), schema__json={"anyOf": [{}, {"$ref": f"{listener.here}/s.json"}]})


def has_a_schema_from_a_file(folder: Path, trap: Any, listener: Listener) -> None:
    write(task(folder, ANSWERS), schema__json={"anyOf": [{}, {"$ref": "file:///etc/passwd"}]})


def is_yaml_that_makes_objects(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}name: !!python/object/apply:builtins.exec [{json.dumps(trap.source)}]\n")


def brings_a_model(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}model: {folder / 'model'}\n")
    with_code(small(folder / "model"), trap)


def brings_an_embedder(folder: Path, trap: Any, listener: Listener) -> None:
    task(folder, f"{ANSWERS}model: {small(folder / 'model')}\nretrieval: {{embedder: {folder / 'embedder'}}}\n")
    with_pickles(small(folder / "embedder"), trap)


TASKS: tuple[Spoil, ...] = (
    brings_a_metric, brings_a_package_with_a_metric, names_a_metric_that_runs_what_it_scores,
    names_a_builtin_as_its_metric, names_a_key, names_a_key_in_one_word, wants_its_rows_sent, wants_its_vectors_sent,
    has_a_schema_from_elsewhere, has_a_schema_from_a_file, is_yaml_that_makes_objects, brings_a_model,
    brings_an_embedder,
)  # fmt: skip
COMMANDS = (
    ("diagnose", "task"),
    ("recommend", "task"),
    ("recommend", "task", "--data-may-leave", "yes"),
    ("run", "task"),
    ("run", "task", "--path", "prompting", "--json"),
    ("run", "task", "--dry-run", "--budget", "100ktok"),
    ("profile", "task"),
)


@pytest.mark.parametrize("spoil", TASKS, ids=lambda f: f.__name__)
def test_no_command_runs_or_sends_what_a_task_wants(call, tmp_path, trap, listener, spoil, config):
    spoil(tmp_path / "task", trap, listener)
    for command in COMMANDS:
        done = call(*command)
        assert not trap.sprung, command
        assert listener.heard == [], command
        if "--dry-run" not in command and command[0] != "profile":  # which send nothing, and may go on
            assert done.exit_code in (1, 2) and "Traceback" not in done.output, (command, done.output)
    assert not any(config.iterdir())  # nobody agreed to anything
    assert SECRET not in "".join(read(file) for file in tmp_path.rglob("*") if file.is_file())


def read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


def test_what_the_person_agrees_to_is_done_and_no_more(call, tmp_path, trap, listener):
    names_a_key(tmp_path / "task", trap, listener)
    call("run", "task", "--path", "prompting", "--yes", "--budget", "1ktok")
    task(tmp_path / "other", f"model: '{listener.here}/v1#m#HOME'\n")
    assert "the key in $HOME would be sent" in call("diagnose", "other").stderr
    write(tmp_path / "task", task__yaml=f"metric: score:f\nmodel: '{listener.here}/v1#m#PERSONS_KEY'\n",
          score__py=f"{trap.source}def f(text, example): return 100\n")  # fmt: skip
    assert call("profile", "task", "--yes").exit_code == 2 and not trap.sprung
    call("profile", "task", "--allow-code")
    assert trap.sprung


def test_a_task_may_forbid_what_the_person_would_allow(call, tmp_path, listener):
    task(tmp_path / "task", f"answers: {{data_may_leave: no}}\nmodel: '{listener.elsewhere}/v1#m'\n")
    for more in ((), ("--data-may-leave", "yes")):
        done = call("recommend", "task", "--yes", *more)
        assert done.exit_code == 2 and "may not leave" in done.stderr
    assert listener.heard == []


@pytest.mark.parametrize("key", ["examples", "test", "documents", "labels", "schema", "incumbent"])
@pytest.mark.parametrize("way", ["up", "whole", "link", "folder"])
def test_no_key_of_a_task_reads_a_file_outside_of_its_folder(tmp_path, key, way):
    outside = write(tmp_path, secret__jsonl='{"input": "a", "output": "secret"}', secret__json=["secret"])
    home = task(tmp_path / "task", "name: t\n")
    file = "secret.json" if key in ("labels", "schema") else "secret.jsonl"
    named = {"up": f"../{file}", "whole": str(outside / file), "link": file, "folder": f"up/{file}"}[way]
    (home / "up").symlink_to(outside)
    (home / file).symlink_to(outside / file)
    write(home, task__yaml=f"name: t\n{key}: {named}\n")
    with pytest.raises(InputError, match="leaves the task's folder") as refused:
        reading.load_task(home)
    assert [problem.field for problem in refused.value.problems] == [key]


def test_documents_that_are_links_out_of_the_folder_are_left_out_and_told(tmp_path):
    write(tmp_path / "outside", secret__md="the secret")
    home = task(tmp_path / "task", "documents: docs\n")
    write(home / "docs", whole__md="a document")
    (home / "docs" / "secret.md").symlink_to(tmp_path / "outside" / "secret.md")
    (home / "docs" / "up").symlink_to(tmp_path / "outside")
    found = reading.load_task(home)
    assert [document.text for document in found.documents] == ["a document"]
    assert {Path(one.file).name for one in found.unreadable} == {"secret.md", "up"}


def test_a_name_of_a_file_is_text_and_a_pipe_is_no_file(tmp_path):
    home = task(tmp_path / "task", "documents: docs\n")
    names = ("\x1b[2J.md", "{{ 7*7 }}.md", "<script>.md", "-rf.md", "[bold]x.md", "a\nb.md")
    write(home / "docs").joinpath("plain.md").write_text("plain")
    for name in names:
        (home / "docs" / name).write_text(f"text of {name!a}")
    os.mkfifo(home / "docs" / "pipe.md")
    assert {document.id for document in reading.load_task(home).documents} == {"plain.md", *names}
    (home / "train.jsonl").unlink()
    os.mkfifo(home / "train.jsonl")
    with pytest.raises(InputError, match=r"train\.jsonl"):
        reading.load_task(home)


# Run folders


def small(folder: Path) -> Path:
    """A model of two layers with random weights, and a tokenizer of two words."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(vocab_size=8, **sizes)).save_pretrained(folder)
    words = Tokenizer(WordLevel({"[UNK]": 0, "[END]": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="[END]").save_pretrained(folder)
    return folder


def with_code(folder: Path, trap: Any) -> None:
    """The model's own settings ask for code of its own."""
    (folder / "mine.py").write_text(f"{trap.source}from transformers import LlamaConfig as C, LlamaForCausalLM as M\n")
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M", "AutoModel": "mine.M", "AutoTokenizer": "mine.T"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mine", "auto_map": own}))


def with_pickles(folder: Path, trap: Any) -> None:
    """An embedder whose settings ask sentence-transformers for pickles that run code."""
    kinds = ["Transformer", "Pooling"]
    modules = [{"idx": i, "name": str(i), "path": f"{kind if i else ''}", "type": f"sentence_transformers.models.{kind}"}
               for i, kind in enumerate(kinds)]  # fmt: skip
    write(folder, modules__json=modules, sentence_bert_config__json={"model_args": {"weights_only": False}})
    write(folder / "Pooling", config__json={"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    config = json.loads((folder / "config.json").read_text())
    del config["dtype"]  # so that it is looked for in the weights, which is where transformers does as it is asked
    write(folder, config__json=config)
    (folder / "model.safetensors").unlink()
    torch.save({"weights": trap}, folder / "pytorch_model.bin")


def sent(folder: Path, system: Buildable, **asked: Any) -> Path:
    """A run folder of a system that somebody built."""
    model = asked.pop("endpoint", None)
    plain = {
        "name": "t", "folder": str(folder.parent.parent / "task"), "description": "", "instruction": "",
        "metric": "exact_match", "labels": (), "model": "smollm2", "model_fingerprint": "", "seed": 0, "command": "",
        "versions": {}, "machine": "", "fingerprint": "",
    }  # fmt: skip
    address = parse_address(model) if model else None
    runfolder.write(folder / "task.json", Asked, Asked(endpoint=address, **{**plain, **asked}))
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
    sent(folder, FINDS, endpoint=f"{listener.here}/v1#m")
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
    sent(folder, Classifier("artifact/head.npz", "", ""))
    pickled = np.array([trap], dtype=object)
    np.savez(folder / "artifact" / "head.npz", weights=pickled, biases=pickled, labels=pickled)


def run_brings_a_pickled_adapter(folder: Path, trap: Any, listener: Listener) -> None:
    model = str(small(folder / "model"))
    fingerprint = trainers.load(model).fingerprint
    sent(folder, System(ModelRef(model, fingerprint, "artifact/adapter")), model=model)
    write(folder / "artifact" / "adapter", adapter_config__json={"peft_type": "LORA", "target_modules": ["q_proj"]})
    torch.save({"weights": trap}, folder / "artifact" / "adapter" / "adapter_model.bin")


def run_names_an_adapter_elsewhere(folder: Path, trap: Any, listener: Listener) -> None:
    model = str(small(folder / "model"))
    fingerprint = trainers.load(model).fingerprint
    sent(folder, System(ModelRef(model, fingerprint, "../../../elsewhere")), model=model)


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
        assert done.exit_code in (1, 2) and "the details are in" not in done.output, (command, done.output)
    call("report", "runs/sent")
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


def test_a_questionnaire_and_advice_from_a_strange_folder_touch_nothing_but_their_own(call, tmp_path, trap):
    for name in ("answers.yaml", "answers.yaml.partial"):
        (tmp_path / name).symlink_to(trap.file)
    assert call("ask").exit_code == 2  # there is no terminal
    write(tmp_path, said__yaml=f"num_labels: !!python/object/apply:builtins.exec [{json.dumps(trap.source)}]\n")
    assert call("recommend", "--answers", "said.yaml").exit_code == 2
    assert not trap.sprung
