"""Measuring a collection, from the command line too."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval import Embedder, Index
from retrieval.__main__ import app
from retrieval.tune.evaluation import METHODS, evaluate, read_collection

FAQ = {
    "pets": ("Hotel Alder", "Dogs and cats are welcome for a small charge.", "May I bring my puppy?"),
    "parking": ("Hotel Alder", "You can leave your car in the garage next door.", "Where can I park?"),
    "breakfast": ("Hotel Alder", "The morning buffet is served from seven to ten.", "When can I eat in the morning?"),
    "code": ("Manual", "Error E4711 means that the pump is blocked.", "What is E4711?"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = [{"_id": id, "title": title, "text": text} for id, (title, text, _) in FAQ.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    queries = [{"_id": f"q-{id}", "text": question} for id, (_, _, question) in FAQ.items()]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    rows = ["query-id\tcorpus-id\tscore", *(f"q-{id}\t{id}\t1" for id in FAQ), "q-code\tgone\t1"]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(rows))
    return tmp_path


def test_what_is_not_in_the_corpus_counts_as_not_found(folder: Path, minilm: Embedder) -> None:
    collection, problems = read_collection(folder)
    assert not problems and collection.lost("test") == 1
    index = Index.build(collection.documents, minilm)
    scores = evaluate(index, collection.splits["test"], "hybrid", METHODS["hybrid"])
    assert scores.ndcgs[:3] == (1, 1, 1) and scores.ndcgs[3] == pytest.approx(1 / (1 + 0.63093), abs=1e-4)
    assert scores.recall[1] == pytest.approx(3.5 / 4) and scores.mrr == 1 and 0 < scores.p50 <= scores.p99


def test_the_command_shows_every_method(folder: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(folder), "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 0 and told["questions"] == 4 and told["right_documents_missing"] == 1
    assert [method["method"] for method in told["methods"]] == list(METHODS)
    (folder / "qrels" / "dev.tsv").write_text("q-pets\tpets\t1\n" * 5)
    shown = CliRunner().invoke(app, ["evaluate", str(folder)], env={"COLUMNS": "80"})
    assert shown.exit_code == 0 and "hybrid, tuned" in shown.stdout and "@100" in shown.stdout


def test_documents_that_can_not_be_used_are_told_and_the_rest_is_measured(folder: Path) -> None:
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write('\n{"_id": "empty", "title": "", "text": ""}\n{"_id": "bro')
    done = CliRunner().invoke(app, ["evaluate", str(folder), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["documents"], told["questions"]) == (0, 4, 4)
    assert [line.count("corpus.jsonl:5: the document 'empty' has no text") for line in told["left_out"]] == [1, 0]
    assert "corpus.jsonl:5: " in done.stderr and "corpus.jsonl:6: not valid JSON" in done.stderr
    shown = CliRunner().invoke(app, ["evaluate", str(folder)], env={"COLUMNS": "120"})
    assert shown.exit_code == 0 and "2 documents can't be read" in shown.stdout


def test_a_folder_without_a_single_document_is_refused(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text('{"_id": "empty", "text": ""}')
    done = CliRunner().invoke(app, ["evaluate", str(folder)])
    assert done.exit_code == 2 and "corpus.jsonl:1: " in done.stderr


@pytest.mark.parametrize(
    ("more", "damage", "said"),
    [
        (["--split", "dev"], "", "no questions in a split 'dev'"),
        (["--embedder", "no/such"], "", "no embedding model 'no/such'"),
        (["--split", "train"], '{"_id": "x"}', "no questions in a split 'train'"),
    ],
)
def test_wrong_input_ends_with_2_and_its_place(folder: Path, more: list[str], damage: str, said: str) -> None:
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write(f"\n{damage}")
    done = CliRunner().invoke(app, ["evaluate", str(folder), *more])
    assert done.exit_code == 2 and said in done.stderr and not done.stdout
