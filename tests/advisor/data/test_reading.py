"""Reading a task's folder: what a whole task gives, and what every broken one is told, by file and line."""

import json
import os
import random
import shutil
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from advisor.data import reading
from advisor.errors import InputError, Problem
from advisor.task import Retrieval, Split, Task

ROW = '{"id": "a", "input": "one", "output": "yes"}\n{"id": "b", "input": "two", "output": "no"}\n'
TEST = '{"id": "t", "input": "three", "output": "yes"}\n'
CORPUS = '{"_id": "d1", "text": "One is one."}\n'
Files = Mapping[str, str | bytes]


def rows(outputs: Sequence[object]) -> str:
    """Rows with these outputs as JSON Lines."""
    return "".join(json.dumps({"input": f"input {i}", "output": one}) + "\n" for i, one in enumerate(outputs))


def folder(tmp_path: Path, files: Files) -> Path:
    """A task's folder with these files and, unless they say otherwise, a task.yaml and two rows."""
    home = tmp_path / "task"
    for name, content in {"task.yaml": "name: tiny\n", "train.jsonl": ROW, **files}.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return home


def task(tmp_path: Path, files: Files, **options: bool | int) -> Task:
    return reading.load_task(folder(tmp_path, files), **options)  # type: ignore[arg-type]


def problems(home: Path, **options: bool | int) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        reading.load_task(home, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return caught.value.problems


def test_a_task_is_read_with_the_files_that_lie_beside_it(tmp_path: Path) -> None:
    files = {
        "test.jsonl": TEST.replace("}", ', "gold": ["d1"]}'),
        "labels.json": '["yes", "no"]',
        "corpus.jsonl": CORPUS,
        "incumbent.jsonl": '{"id": "t", "prediction": "no"}\n',
    }
    found = task(tmp_path, files)
    assert (found.name, found.metric, found.labels) == ("tiny", "label_accuracy", ("yes", "no"))
    assert [row.id for row in found.split.test] == ["t"]
    assert {row.id for row in found.split.train} == {"a", "b"}
    assert [document.id for document in found.documents] == ["d1"]
    assert found.incumbent == {"t": "no"}


def test_every_key_of_task_yaml_is_used(tmp_path: Path) -> None:
    text = """
name: tiny
description: Says yes or no.
instruction: Answer yes or no.
metric: exact_match
examples: data/rows.csv
answers: {facts_change: often, strict_format: yes}
documents: notes.md
abstain: Not in the notes.
retrieval: {index: milvus.db, k: 2}
costs: {hour_usd: 80, mend_minutes: 0.5}
model: [one, two]
"""
    files = {"task.yaml": text, "data/rows.csv": "question,answer\nq,a\n", "notes.md": "Some notes."}
    found = task(tmp_path, files)
    assert (found.abstain, found.retrieval) == ("Not in the notes.", Retrieval(index="milvus.db", k=2))
    assert found.costs.said == {"hour_usd": 80, "mend_minutes": 0.5}
    assert (found.description, found.instruction, found.metric) == (
        "Says yes or no.",
        "Answer yes or no.",
        "exact_match",
    )
    assert [row.input for row in found.split.train] == ["q"]
    assert (found.answers["facts_change"], found.answers["strict_format"]) == ("often", "yes")
    assert found.models == ("one", "two")


def test_the_task_yaml_itself_may_be_given(tmp_path: Path) -> None:
    assert reading.load_task(folder(tmp_path, {}) / "task.yaml").name == "tiny"


@pytest.mark.parametrize(
    ("files", "metric"),
    [
        ({"labels.json": '["yes", "no"]'}, "label_accuracy"),
        ({"train.jsonl": '{"input": "a", "output": {"b": 1}}'}, "json_field_f1"),
        ({"train.jsonl": '{"input": "a", "output": {"b": 1}}', "schema.json": "{}"}, "json_field_f1"),
        ({"corpus.jsonl": CORPUS}, "token_f1"),
        ({}, "exact_match"),
        ({"train.jsonl": json.dumps({"input": "a", "output": "word " * 40})}, "rouge_l"),
        ({"train.jsonl": rows(["客户要求公司尽快安排处理并给出答复"])}, "rouge_l"),
        (
            {"train.jsonl": rows(["late, and nobody told us why", "broken on the way to the house"] * 9)},
            "label_accuracy",
        ),
        ({"train.jsonl": rows([["a", "b"], ["b"], ["c"], ["b", "a"], ["c", "a"]] * 6)}, "set_f1"),
        ({"train.jsonl": rows(["a; b", "b", "c", "b; a", "c; a"] * 6)}, "set_f1"),
        ({"train.jsonl": rows([7.5, 12, 3.25])}, "number"),
    ],
)
def test_a_metric_that_is_not_named_follows_from_the_outputs(tmp_path: Path, files: Files, metric: str) -> None:
    assert task(tmp_path, files).metric == metric


def test_a_metric_may_be_a_function_in_the_folder(tmp_path: Path) -> None:
    files = {"task.yaml": "metric: scoring:score", "scoring.py": "def score(text, example): return 100.0"}
    assert task(tmp_path, files, allow_code=True).metric == "scoring:score"
    (problem,) = problems(folder(tmp_path, {**files, "scoring.py": "def score(text, example): return 99.0"}))
    assert (problem.line, problem.field) == (1, "metric")
    assert "scoring.py (sha256 " in problem.what and "--allow-code" in problem.do


def test_a_label_metric_without_labels_takes_those_that_it_sees(tmp_path: Path) -> None:
    assert task(tmp_path, {"task.yaml": "metric: macro_f1"}).labels == ("no", "yes")


def test_labels_that_are_seen_may_be_parts_of_outputs(tmp_path: Path) -> None:
    found = task(tmp_path, {"task.yaml": "metric: set_f1", "train.jsonl": rows([["b", "a"], ["c"], []])})
    assert found.labels == ("a", "b", "c")


def test_rows_may_have_several_of_the_labels_that_are_named_and_no_others(tmp_path: Path) -> None:
    files = {"labels.json": '["food", "hot drinks", "price"]'}
    outputs = ["food; price", "price", "hot drinks;food", "price"] * 4
    found = task(tmp_path, {**files, "train.jsonl": rows(outputs)})
    assert (found.metric, found.labels) == ("set_f1", ("food", "hot drinks", "price"))
    (problem,) = problems(folder(tmp_path / "other", {**files, "train.jsonl": rows([*outputs, "price; wine"])}))
    assert problem.line == 17 and "'wine' is none of the 3 labels" in problem.what
    one_each = {**files, "task.yaml": "metric: label_accuracy", "train.jsonl": rows(outputs)}
    assert "food; price" in problems(folder(tmp_path / "single", one_each))[0].what


def test_a_number_may_be_right_within_a_tolerance(tmp_path: Path) -> None:
    assert task(tmp_path, {"task.yaml": "metric: number within 5%"}).metric == "number within 5%"
    (problem,) = problems(folder(tmp_path / "wrong", {"task.yaml": "name: t\nmetric: number within reason"}))
    assert problem.line == 2 and "number within 0.5" in problem.do


@pytest.mark.parametrize("given", [True, False], ids=["test given", "test split off"])
def test_labels_are_those_of_training_rows_and_never_of_the_sealed_test(tmp_path: Path, given: bool) -> None:
    rng = random.Random(0)
    labels = ["yes", "no"] * 60 + [f"only {i}" for i in range(40)]
    rng.shuffle(labels)
    rows = [{"input": " ".join(rng.sample(string.ascii_letters, 9)), "output": label} for label in labels]
    files = {"task.yaml": "metric: macro_f1", "train.jsonl": "\n".join(map(json.dumps, rows))}
    if given:
        files["test.jsonl"] = '{"input": "a question", "output": "sealed"}'
    made = task(tmp_path, files)
    assert set(made.labels) == {row.output for row in made.split.train}
    assert {row.output for row in made.split.test} - set(made.labels)


def test_the_labels_of_sets_are_those_of_training_rows_too(tmp_path: Path) -> None:
    sealed = "\n".join(json.dumps({"input": f"sealed {i}", "output": ["a", f"sealed {i}"]}) for i in range(5))
    made = task(tmp_path, {"train.jsonl": rows([["b", "a"], ["c"], ["a"], ["b", "c"]] * 15), "test.jsonl": sealed})
    assert (made.metric, made.labels) == ("set_f1", ("a", "b", "c"))


def test_the_metric_does_not_follow_from_the_sealed_test(tmp_path: Path) -> None:
    long = json.dumps({"input": "q", "output": "word " * 40}) + "\n"
    assert task(tmp_path, {"test.jsonl": long * 9}).metric == "exact_match"


def test_what_a_folder_has_that_can_not_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    files: Files = {
        "task.yaml": "documents: handbook",
        "handbook/leave.md": "# Leave\nThirty days.",
        "handbook/broken.md": b"caf\xe9 \x00",
        "test.jsonl": TEST.replace("}", ', "gold": ["broken.md"]}'),
    }
    found = task(tmp_path, files)
    assert [document.id for document in found.documents] == ["leave.md"]
    assert [one.file for one in found.unreadable] == ["broken.md"]
    del files["handbook/leave.md"]
    (alone,) = problems(folder(tmp_path / "alone", files))
    assert str(alone.where).endswith("handbook/broken.md")


def test_what_a_corpus_has_that_can_not_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    lines = ['{"_id": "a", "text": "x"}', '{"_id": "b", "text": ""}', '{"_id": "c", "title": "T", "text": ""}', "[1"]
    made = task(tmp_path, {"corpus.jsonl": "\n".join(lines)})
    assert [document.id for document in made.documents] == ["a", "c"]
    assert [(one.file, one.line) for one in made.unreadable] == [("corpus.jsonl", 2), ("corpus.jsonl", 4)]
    (alone,) = problems(folder(tmp_path / "alone", {"corpus.jsonl": lines[1]}))
    assert alone.line == 1


@pytest.mark.parametrize(
    "word", ["answers: {output_kind: label}", "instruction: Be brief.", "description: Short replies."]
)
def test_a_word_about_the_task_is_enough_to_go_by(tmp_path: Path, word: str) -> None:
    (tmp_path / "task.yaml").write_text(word)
    assert reading.load_task(tmp_path).split == Split()


def test_documents_alone_are_a_task(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: tiny")
    (tmp_path / "corpus.jsonl").write_text(CORPUS)
    assert len(reading.load_task(tmp_path).documents) == 1


def test_a_folder_with_nothing_to_go_by_is_told_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: tiny")
    (problem,) = problems(tmp_path)
    assert "no examples" in problem.what
    assert all(told in problem.do for told in ("16 rows", "100", "documents", "instruction"))


def test_without_rows_a_file_that_may_hold_them_is_named_whatever_else_there_is(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("instruction: Be brief.")
    (tmp_path / "data.jsonl").write_text(ROW)
    (problem,) = problems(tmp_path)
    assert "there are data.jsonl" in problem.what and "`examples: data.jsonl`" in problem.do


def test_a_metric_that_needs_labels_is_refused_where_neither_labels_nor_rows_are_there(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("instruction: Label it.\nmetric: macro_f1")
    (problem,) = problems(tmp_path)
    assert "labels" in problem.what and problem.field == "metric"


def test_rows_without_ids_get_their_line_and_differ_between_the_files(tmp_path: Path) -> None:
    files = {"train.jsonl": '{"input": "a", "output": "b"}', "test.jsonl": '{"input": "c", "output": "b"}'}
    found = task(tmp_path, files)
    assert (found.split.train[0].id, found.split.test[0].id) == ("1", "test.jsonl:1")


def test_a_system_turn_that_every_row_has_becomes_the_instruction(tmp_path: Path) -> None:
    roles = [("system", "Be brief."), ("user", "a"), ("assistant", "b")]
    row = json.dumps({"messages": [{"role": role, "content": text} for role, text in roles]})
    found = task(tmp_path, {"train.jsonl": row})
    assert found.instruction == "Be brief."
    assert found.split.train[0].turns == ()
    named = task(tmp_path, {"train.jsonl": row, "task.yaml": "instruction: Other."})
    assert named.instruction == "Other."
    assert len(named.split.train[0].turns) == 1


def test_system_turns_and_tools_that_every_row_has_become_the_instruction_in_their_order(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"}]
    tools = [{"type": "function", "function": {"name": "look"}}]
    row = json.dumps({"messages": [*turns, {"role": "assistant", "content": "b"}], "tools": tools})
    made = task(tmp_path, {"train.jsonl": row})
    assert made.instruction == 'Be brief.\n\nYou can call these tools:\n{"name":"look"}'
    assert made.split.train[0].turns == ()
    other = row.replace("look", "seek").replace('"a"', '"c"')
    mixed = task(tmp_path, {"train.jsonl": f"{row}\n{other}"})
    assert mixed.instruction == "Be brief."
    assert {len(one.turns) for one in mixed.split.train} == {1}


@pytest.mark.parametrize("name", ["train.json", "examples.csv", "Train.JSONL", "train.ndjson", "train.tsv"])
def test_rows_are_found_by_their_usual_names_with_every_ending(tmp_path: Path, name: str) -> None:
    content = "input,output\none,yes\ntwo,no\n" if name.endswith(("csv", "tsv")) else ROW
    (tmp_path / "task.yaml").write_text("name: t")
    (tmp_path / name).write_text(content)
    (tmp_path / "test.py").write_text("")
    assert {row.input for row in reading.load_task(tmp_path).split.train} == {"one", "two"}


def test_rows_of_a_kind_that_is_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: t")
    (tmp_path / "data.csv").write_text("input,output\na,b\n")
    (tmp_path / "labels.json").write_text('["b"]')
    (problem,) = problems(tmp_path)
    assert "there are data.csv" in problem.what
    assert "`examples: data.csv`" in problem.do
    (tmp_path / "train.zip").write_text("PK")
    (problem,) = problems(tmp_path)
    assert (Path(problem.where).name, "Unpack" in problem.do) == ("train.zip", True)


def test_rows_without_an_answer_want_what_is_said_where_there_is_none(tmp_path: Path) -> None:
    rows = ROW.replace('"output": "no"', '"output": ""')
    assert problems(folder(tmp_path, {"train.jsonl": rows}))[0].line == 2
    for text, said in (("abstain: true", "I don't know."), ("abstain: Not here.", "Not here.")):
        made = task(tmp_path, {"train.jsonl": rows, "task.yaml": text})
        assert {row.id: row.output for row in made.split.train} == {"a": "yes", "b": said}


def test_what_was_noticed_in_the_rows_is_kept_and_changes_no_result(tmp_path: Path) -> None:
    noticed = task(tmp_path / "a", {"train.jsonl": ROW.replace("}", ', "beside": 1}')})
    (finding,) = noticed.findings
    assert (finding.kind, finding.file, finding.rows) == ("unused_key", "train.jsonl", (1, 2))
    assert noticed.fingerprint == task(tmp_path / "b", {}).fingerprint


def test_drop_invalid_leaves_out_what_is_outside_the_labels_and_says_so(tmp_path: Path) -> None:
    home = folder(tmp_path, {"labels.json": '["yes"]'})
    (problem,) = problems(home)
    assert (problem.line, problem.field) == (2, "output")
    found = reading.load_task(home, drop_invalid=True)
    assert [row.id for row in found.split.train] == ["a"]
    assert found.left_out == ("1 row (train.jsonl 2) left out: the output is outside the labels or the schema",)


def test_allow_overlap_leaves_the_training_row_out_and_says_so(tmp_path: Path) -> None:
    home = folder(tmp_path, {"test.jsonl": '{"id": "t", "input": "ONE ", "output": "yes"}'})
    (problem,) = problems(home)
    assert "train.jsonl:1: input: the input equals that of the test row test.jsonl:1" in str(problem)
    found = reading.load_task(home, allow_overlap=True)
    assert [row.id for row in found.split.train] == ["b"]
    assert "train.jsonl 1" in found.left_out[0]


def test_instructions_to_compare_and_who_proposes_others_are_said_in_the_task(tmp_path: Path) -> None:
    yaml = "instruction: One.\ninstructions:\n  - Two.\n  - |\n    Three,\n    in lines.\nproposer: {endpoint: http://localhost/v1, name: big}"
    found = task(tmp_path, {"task.yaml": yaml})
    assert (found.instruction, found.instructions) == ("One.", ("Two.", "Three,\nin lines.\n"))
    assert str(found.proposer) == "http://localhost/v1#big"
    again = task(tmp_path / "keyed", {"task.yaml": yaml.replace("big}", "big, key_env: KEY, concurrency: 2}")})
    assert found.fingerprint == again.fingerprint  # how it is reached changes no result


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    first = task(tmp_path / "one", {"corpus.jsonl": CORPUS})
    again = task(tmp_path / "two", {"corpus.jsonl": CORPUS, "train.jsonl": ROW.replace("\n", "\n\n")})
    assert first.fingerprint == again.fingerprint
    for changed in (
        {"corpus.jsonl": CORPUS.replace("is", "was")},
        {"task.yaml": "instruction: x"},
        {"task.yaml": "instructions: [x]"},
        {"task.yaml": "proposer: x"},
        {"test.jsonl": TEST},
    ):
        assert task(tmp_path / str(changed), {"corpus.jsonl": CORPUS, **changed}).fingerprint != first.fingerprint
    priced = {"task.yaml": "name: tiny\ncosts: {hour_usd: 90}"}  # changes no result
    assert task(tmp_path / "priced", {"corpus.jsonl": CORPUS, **priced}).fingerprint == first.fingerprint


BROKEN: list[tuple[Files, str, int | None, str]] = [
    # what task.yaml says
    ({"task.yaml": ""}, "task.yaml", 1, "is empty"),
    ({"task.yaml": "- a\n- b"}, "task.yaml", 1, "a list, not keys"),
    ({"task.yaml": "just words"}, "task.yaml", 1, "text, not keys"),
    ({"task.yaml": "name: a\nmetric: b: c"}, "task.yaml", 2, "not valid YAML"),
    ({"task.yaml": "name: a\n\tmetric: b"}, "task.yaml", 2, "not valid YAML"),
    ({"task.yaml": "name: [a"}, "task.yaml", 1, "not valid YAML"),
    ({"task.yaml": "name: a\nwhen: 2024-13-45"}, "task.yaml", None, "can't be read as YAML"),
    ({"task.yaml": "a: " + "[" * 5000}, "task.yaml", None, ""),
    ({"task.yaml": "name: a\n---\nname: b"}, "task.yaml", 2, "not valid YAML"),
    ({"task.yaml": "name: a\ndescription: \x07"}, "task.yaml", 2, "control character"),
    ({"task.yaml": b"name: caf\xe9"}, "task.yaml", 1, "not UTF-8"),
    ({"task.yaml": "name: a".encode("utf-16")}, "task.yaml", 1, "UTF-16"),
    ({"task.yaml": "name: a\nname: b"}, "task.yaml", 2, "stands here again, after line 1"),
    ({"task.yaml": "name: a\nexmaples: train.jsonl"}, "task.yaml", 2, "Did you mean examples?"),
    ({"task.yaml": "name: a\nzzz: 1"}, "task.yaml", 2, "Known keys: name"),
    ({"task.yaml": "1: a"}, "task.yaml", 1, "not a key"),
    ({"task.yaml": "name: 2024"}, "task.yaml", 1, "is a number, not text"),
    ({"task.yaml": "name: ../up"}, "task.yaml", 1, "Use letters"),
    ({"task.yaml": "name: a\ntest:"}, "task.yaml", 2, "has no value"),
    ({"task.yaml": "name: a\nabstain: true"}, "task.yaml", 2, "needs documents"),
    ({"task.yaml": "name: a\nabstain: ' '"}, "task.yaml", 2, "is empty"),
    ({"task.yaml": "name: a\nabstain: 3"}, "task.yaml", 2, "is a number, not text"),
    ({"task.yaml": "retrieval: milvus"}, "task.yaml", 1, "is text, not keys with values"),
    ({"task.yaml": "retrieval:\n  index: faiss\n  kk: 3"}, "task.yaml", 3, "Did you mean k?"),
    ({"task.yaml": "retrieval:\n  index: pinecone"}, "task.yaml", 2, "Write faiss, a file for Milvus Lite"),
    ({"task.yaml": "retrieval:\n  index: ../milvus.db"}, "task.yaml", 2, "where no index can lie"),
    ({"task.yaml": "retrieval:\n  k: 0"}, "task.yaml", 2, "from 1 to 50"),
    ({"task.yaml": "retrieval:\n  rerank: 3"}, "task.yaml", 2, "is a number, not text"),
    ({"task.yaml": "retrieval: {embedder: }"}, "task.yaml", 1, "has no value"),
    ({"task.yaml": "costs: much"}, "task.yaml", 1, "is text, not keys with values"),
    ({"task.yaml": "costs:\n  hour_usd: 60\n  mend_minute: 3"}, "task.yaml", 3, "Did you mean mend_minutes?"),
    ({"task.yaml": "costs:\n  hour_usd: 0"}, "task.yaml", 2, "Give a number above 0"),
    ({"task.yaml": "costs:\n  label_minutes: -1"}, "task.yaml", 2, "Give a number from 0 up"),
    ({"task.yaml": "costs:\n  machine_hour_usd: 3 USD"}, "task.yaml", 2, "is '3 USD', not an amount"),
    ({"task.yaml": "costs:\n  label_minutes: .nan"}, "task.yaml", 2, "not an amount"),
    ({"task.yaml": "costs: {hour_usd: }"}, "task.yaml", 1, "not an amount"),
    ({"task.yaml": 'instruction: "\\ud800"'}, "task.yaml", 1, "surrogate"),
    ({"task.yaml": "instruction: [a]"}, "task.yaml", 1, "is a list, not text"),
    ({"task.yaml": "instructions: Say it."}, "task.yaml", 1, "is text, not a list of instructions"),
    ({"task.yaml": "instructions:\n  - Say it.\n  - 3"}, "task.yaml", 1, "holds what is no instruction (a number)"),
    ({"task.yaml": "instructions: [' ']"}, "task.yaml", 1, "holds what is no instruction"),
    ({"task.yaml": 'instructions: ["\\ud800"]'}, "task.yaml", 1, "surrogate"),
    ({"task.yaml": "name: a\nproposer: [a]"}, "task.yaml", 2, "not the name of a model"),
    ({"task.yaml": "labels: [a, b]"}, "task.yaml", 1, "not the name of a file"),
    ({"task.yaml": "answers: often"}, "task.yaml", 1, "not keys with values"),
    ({"task.yaml": "answers:\n  facts_change: sometimes"}, "task.yaml", 2, "answers.facts_change"),
    ({"task.yaml": "answers:\n  fact_change: often"}, "task.yaml", 2, "Did you mean facts_change?"),
    ({"task.yaml": "model: {endpoint: http://localhost}"}, "task.yaml", 1, "name: Field required"),
    ({"task.yaml": "model: {endpoint: http://me:pw@localhost, name: a}"}, "task.yaml", 1, "name the key's variable"),
    ({"task.yaml": "model: {endpoint: http://h/v1, name: a, key_env: sk-12}"}, "task.yaml", 1, "never the key"),
    ({"task.yaml": "model: [a, 3]"}, "task.yaml", 1, "not the name of a model"),
    ({"task.yaml": "metric: exactmatch"}, "task.yaml", 1, "Did you mean exact_match?"),
    ({"task.yaml": "metric: nowhere.at_all:score"}, "task.yaml", 1, "cannot be imported"),
    ({"task.yaml": "metric: m:f", "m.py": "raise SystemExit"}, "task.yaml", 1, "metric"),
    ({"task.yaml": "metric: {judge: x}"}, "task.yaml", 1, "not supported yet"),
    # files that are named
    ({"task.yaml": "examples: trian.jsonl"}, "task.yaml", 1, "Did you mean train.jsonl?"),
    ({"task.yaml": "name: a\ntest: none.jsonl"}, "task.yaml", 2, "none.jsonl is not there"),
    ({"task.yaml": "documents: docs"}, "task.yaml", 1, "docs is not there"),
    ({"task.yaml": "examples: owner/data"}, "task.yaml", 1, "not supported yet"),
    ({"task.yaml": "examples: https://x.org/a.jsonl"}, "task.yaml", 1, "not supported yet"),
    ({"task.yaml": "examples: a.parquet", "a.parquet": "x"}, "a.parquet", None, "damaged, or not what its name says"),
    ({"task.yaml": "examples: ../other/train.jsonl"}, "task.yaml", 1, "leaves the task's folder"),
    ({"task.yaml": "labels: /etc/hostname"}, "task.yaml", 1, "leaves the task's folder"),
    ({"task.yaml": 'schema: "a\\0b"'}, "task.yaml", 1, "can't be the name of a file"),
    ({"task.yaml": f"schema: {'a' * 5000}"}, "task.yaml", 1, "can't be the name of a file"),
    ({"task.yaml": "examples: ."}, "task", None, ""),
    ({"task.yaml": "examples: train.jsonl\ntest: train.jsonl"}, "task.yaml", 2, "is the file of the examples too"),
    ({"train.csv": "input,output\na,b"}, "task.yaml", None, "could be train.jsonl or train.csv"),
    ({"train.jsonl": ""}, "train.jsonl", None, "has no rows"),
    ({"train.jsonl": "\n\n"}, "train.jsonl", None, "16 rows are enough"),
    ({"test.jsonl": ""}, "test.jsonl", None, "has no rows"),
    # rows
    ({"train.jsonl": ROW + "{"}, "train.jsonl", 3, "not valid JSON"),
    ({"train.jsonl": ROW + '{"id": "c", "input": "x"}'}, "train.jsonl", 3, "output: is missing"),
    (
        {"train.jsonl": ROW + '{"id": "a", "input": "x", "output": "y"}'},
        "train.jsonl",
        3,
        "the id of train.jsonl:1 too",
    ),
    ({"test.jsonl": TEST.replace('"t"', '"b"')}, "test.jsonl", 1, "the id of train.jsonl:2 too"),
    ({"test.jsonl": TEST.replace("}", ', "gold": ["d9"]}'), "corpus.jsonl": CORPUS}, "test.jsonl", 1, "'d9'"),
    ({"test.jsonl": TEST.replace("}", ', "gold": ["d9"]}')}, "test.jsonl", 1, "Add documents"),
    ({"corpus.jsonl": "{"}, "corpus.jsonl", 1, ""),
    # labels, schema, incumbent
    ({"labels.json": "["}, "labels.json", 1, "not valid JSON"),
    ({"labels.json": ""}, "labels.json", None, "is empty"),
    ({"labels.json": "[]"}, "labels.json", None, "not a list of labels"),
    ({"labels.json": '{"yes": 1}'}, "labels.json", None, "not a list of labels"),
    ({"labels.json": '["yes", 3]'}, "labels.json", None, "label 2 is a number"),
    ({"labels.json": '["yes", "no", "yes"]'}, "labels.json", None, "label 3, 'yes', stands there twice"),
    ({"labels.json": b'["caf\xe9"]'}, "labels.json", 1, "not UTF-8"),
    ({"labels.json": '["yes"]'}, "train.jsonl", 2, "'no' is none of the 1 labels"),
    ({"schema.json": "{\n,}"}, "schema.json", 2, "not valid JSON"),
    ({"schema.json": "[1]"}, "schema.json", None, "not an object"),
    ({"schema.json": '{"type": "objekt"}'}, "schema.json", None, "is not a JSON schema"),
    ({"schema.json": '{"$ref": "#/nowhere"}'}, "schema.json", None, "can't be used"),
    ({"schema.json": '{"$ref": "http://127.0.0.1:9/x"}'}, "schema.json", None, "can't be used"),
    ({"schema.json": '{"$ref": "#"}'}, "schema.json", None, "can't be used"),
    ({"schema.json": '{"pattern": "("}'}, "schema.json", None, "schema"),
    ({"incumbent.jsonl": '{"id": "zz", "prediction": "x"}'}, "incumbent.jsonl", 1, "the id of no example"),
    ({"incumbent.jsonl": '{"id": "a"}'}, "incumbent.jsonl", 1, "no prediction"),
    ({"incumbent.jsonl": '{"id": "a", "prediction": "x"}\n' * 2}, "incumbent.jsonl", 2, "again, after line 1"),
    ({"incumbent.jsonl": "\n"}, "incumbent.jsonl", None, "has no rows"),
]


@pytest.mark.parametrize(("files", "file", "line", "fragment"), BROKEN)
def test_a_broken_task_is_told_file_line_and_what_to_do(
    tmp_path: Path, files: Files, file: str, line: int | None, fragment: str
) -> None:
    problem = problems(folder(tmp_path, files))[0]
    assert Path(problem.where).name == file
    assert problem.line == line or line is None
    assert fragment in str(problem)
    assert problem.do


@pytest.mark.parametrize(("row", "line"), [('{"a": "x"}', 1), ('"no json"', 1), ("{}", 1)])
def test_an_output_outside_the_schema_is_named_by_row(tmp_path: Path, row: str, line: int) -> None:
    schema = '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}'
    home = folder(tmp_path, {"schema.json": schema, "train.jsonl": f'{{"input": "i", "output": {row}}}'})
    (problem,) = problems(home)
    assert (problem.line, problem.field) == (line, "output")


def test_a_folder_that_is_no_task_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path, fragment in [(tmp_path, "task.yaml: is not there"), (tmp_path / "no", "is not there")]:
        assert fragment in str(problems(path)[0])
    assert "is not a task" in str(problems(tmp_path / "notes.txt")[0])


def test_links_that_leave_the_folder_or_go_in_circles_are_refused(tmp_path: Path) -> None:
    home = folder(tmp_path, {})
    (tmp_path / "outside.json").write_text('["yes", "no"]')
    (home / "labels.json").symlink_to(tmp_path / "outside.json")
    (home / "schema.json").symlink_to(home / "schema.json")
    found = [str(problem) for problem in problems(home)]
    assert "labels.json leaves the task's folder" in found[0]
    assert "schema" in found[1]


def test_something_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    home = folder(tmp_path, {})
    os.mkfifo(home / "test.jsonl")
    assert Path(problems(home)[0].where).name == "test.jsonl"


def test_all_problems_of_a_task_come_in_one_message(tmp_path: Path) -> None:
    files = {
        "task.yaml": "name: 3\nmodle: x\nmetric: accuracy\nincumbent: gone.jsonl\n",
        "train.jsonl": ROW + '{"input": "x"}\n{\n',
        "test.jsonl": TEST.replace("yes", "maybe"),
        "labels.json": '["yes", "no"]',
        "schema.json": "nonsense",
    }
    found = problems(folder(tmp_path, files))
    places = {(Path(problem.where).name, problem.line) for problem in found}
    assert places == {
        ("task.yaml", 1), ("task.yaml", 2), ("task.yaml", 3), ("task.yaml", 4),
        ("train.jsonl", 3), ("train.jsonl", 4), ("test.jsonl", 1), ("schema.json", 1),
    }  # fmt: skip


def test_of_very_many_problems_of_one_kind_the_lines_are_named(tmp_path: Path) -> None:
    rows = "".join(f'{{"input": "i{at}", "output": "odd{at}"}}\n' for at in range(500))
    found = problems(folder(tmp_path, {"train.jsonl": rows, "labels.json": '["yes"]'}))
    assert len(found) == 21
    assert "480 more like these, in lines 21-500" in found[-1].what


def test_what_is_wrong_with_a_model_joins_the_list(tmp_path: Path) -> None:
    home = folder(tmp_path, {"task.yaml": "name: a\nmodel: nothing\nzzz: 1"})
    with pytest.raises(InputError) as caught:
        reading.load_task(home, model_problem=lambda name: f"{name} is not there")
    assert [problem.line for problem in caught.value.problems] == [3, 2]


def test_a_mutated_task_is_read_or_every_problem_says_where_and_what_to_do(tmp_path: Path) -> None:
    draw = random.Random(0)
    whole: dict[str, str | bytes] = {
        "task.yaml": "name: a\nmetric: exact_match\nexamples: train.jsonl\nanswers: {facts_change: often}\nmodel: x\n",
        "train.jsonl": ROW.replace("}", ', "gold": ["d1"]}'),
        "test.jsonl": TEST,
        "labels.json": '["yes", "no"]',
        "schema.json": '{"type": "string", "enum": ["yes", "no"]}',
        "corpus.jsonl": CORPUS,
        "incumbent.jsonl": '{"id": "t", "prediction": "no"}\n',
    }
    bits = [b"", b'"', b"\xff", b"{", b"]", b"\n", b",", b"\0", b"1", b": ", b"&a ", b"*a", b"!!int ", b"\\ud800", b"#"]
    for at in range(400):
        files = dict(whole)
        for name in draw.sample(list(whole), 2):
            content = bytearray(str(whole[name]).encode())
            place = draw.randrange(len(content))
            content[place : place + draw.randint(0, 6)] = draw.choice(bits)
            files[name] = bytes(content)
        home = folder(tmp_path / str(at), files)
        try:
            task = reading.load_task(home)
        except InputError as error:
            assert str(error).encode()
            assert all(one.where and one.what and one.do for one in error.problems)
        else:
            assert task.split.train and task.split.test
        shutil.rmtree(home)


BOMB = "  a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(12)
)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("yes: x\n~: y\nname: t\n", [1, 2]),
        ('name: t\n"\\ud83d": 1\n', [2]),
        ("metric: ''\n", [1]),
        (f"name: t\nanswers:\n{BOMB}  facts_change: *m\n  num_labels: *m\n", [*range(3, 18)]),
        ("answers: {num_labels: 0x" + "F" * 6000 + "}\n", [1]),
    ],
)
def test_odd_yaml_is_told_line_by_line_in_short(tmp_path: Path, text: str, places: list[int]) -> None:
    found = problems(folder(tmp_path, {"task.yaml": text}))
    assert sorted({problem.line for problem in found if problem.line}) == places
    assert all(len(str(problem)) < 1000 and problem.do for problem in found)


@pytest.mark.parametrize(
    ("source", "fragment"),
    [
        ("def f(text): return 1", "TypeError"),
        ("def f(text, example): return 'good'", "ValueError"),
        ("def f(text, example): return 500", "not 0 to 100"),
        ("def f(text, example): return text.split()[0] == 'yes'", "IndexError"),
        ("import sys\ndef f(text, example): sys.exit()", "SystemExit"),
        ("raise BaseException('odd')", "BaseException: odd"),
    ],
)
def test_a_metric_of_ones_own_is_tried_before_the_work_begins(tmp_path: Path, source: str, fragment: str) -> None:
    (problem,) = problems(
        folder(tmp_path, {"task.yaml": "name: t\nmetric: score:f\n", "score.py": source}), allow_code=True
    )
    assert (problem.line, problem.field) == (2, "metric")
    assert fragment in str(problem)


def test_a_metric_of_ones_own_that_works_is_taken(tmp_path: Path) -> None:
    source = "def f(text, example): return 100 * (text == example.output)"
    files = {"task.yaml": "metric: score:f\n", "score.py": source}
    assert task(tmp_path, files, allow_code=True).metric == "score:f"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "anyOf": [{}, {"$ref": "#/$defs/gone"}]},
        {"properties": {"a": {"items": {"$ref": "https://example.org/s.json"}}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"$ref": "#/definitions/b"}}},
    ],
)
def test_a_reference_that_leads_nowhere_is_found_wherever_it_stands(tmp_path: Path, schema: dict[str, object]) -> None:
    (problem,) = problems(folder(tmp_path, {"schema.json": json.dumps(schema)}))
    assert Path(problem.where).name == "schema.json"
    assert "can't be used as a JSON schema" in problem.what


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"x": {"$anchor": "a", "type": "object"}}, "$ref": "#a"},
        {"$id": "https://example.org/s.json", "$defs": {"x": {"$id": "x.json"}}, "$ref": "x.json"},
        {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"$schema": "http://example.org/mine", "type": "object"},
    ],
)
def test_references_within_a_schema_are_followed(tmp_path: Path, schema: dict[str, object]) -> None:
    rows = '{"input": "i", "output": {"n": {}}}'
    assert task(tmp_path, {"schema.json": json.dumps(schema), "train.jsonl": rows}).schema == schema


@pytest.mark.parametrize(
    "files",
    [
        {"train.jsonl": b"\xef\xbb\xbf" + ROW.encode(), "task.yaml": b"\xef\xbb\xbfname: t\n"},
        {"train.jsonl": "\n\n" + ROW.replace("\n", "\r\n\r\n"), "task.yaml": "---\r\nname: t\r\n"},
        {"train.jsonl": ROW.rstrip("\n").replace('"a"', '"é–日本"')},
        {"train.jsonl": ROW.splitlines()[0]},
        {"task.yaml": "examples: d/../rows.csv\n", "d/x": "", "rows.csv": 'Frage ; Antwort\n"a; ""b""\nc";d\n'},
        {"train.jsonl": json.dumps({"input": "word " * 300_000, "output": 0})},
        {"train.jsonl": json.dumps({"input": "a\u2028b\x85c", "output": [], "accepted": None, "gold": []})},
    ],
)
def test_what_is_odd_but_right_is_read(tmp_path: Path, files: Files) -> None:
    assert task(tmp_path, files).split.train
