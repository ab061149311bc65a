"""A task folder that somebody sent: whatever it holds, no command runs code from it or sends anything.

The traps: code that writes a file where it is run, and a server on this machine that keeps whatever reaches it. By the
address 127.1 it is not known to be on this machine.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from advisor.data import reading
from advisor.errors import InputError

from .traps import SECRET, Listener, Spoil, small, task, with_code, with_pickles, write

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
    task(tmp_path / "other", f"model: '{listener.elsewhere}/v1#m'\n")
    done = call("recommend", "other", "--yes", "--data-may-leave", "no")
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


def test_a_questionnaire_and_advice_from_a_strange_folder_touch_nothing_but_their_own(call, tmp_path, trap):
    for name in ("answers.yaml", "answers.yaml.partial"):
        (tmp_path / name).symlink_to(trap.file)
    assert call("ask").exit_code == 2  # there is no terminal
    write(tmp_path, said__yaml=f"num_labels: !!python/object/apply:builtins.exec [{json.dumps(trap.source)}]\n")
    assert call("recommend", "--answers", "said.yaml").exit_code == 2
    assert not trap.sprung
