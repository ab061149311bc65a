"""`python -m retrieval evaluate FOLDER`: reads flags, measures, shows; decides nothing."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import retrieval
from retrieval.documents import Unreadable
from retrieval.embedder import Embedder, EmbedderUnavailable
from retrieval.index.index import Index
from retrieval.tune.evaluation import METHODS, Collection, MethodScores, evaluate, read_collection
from retrieval.tune.questions import Question
from retrieval.tune.tuning import tune

WRONG = 2  # exit code: what was given is wrong
TUNED_ON = ("dev", "validation", "train")  # the split that tuning takes its questions from: the first that is there

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Find passages of documents for questions, and measure how well that goes."""


@app.command(name="evaluate")
def evaluate_command(
    folder: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/*.tsv, or a task's folder")],
    split: Annotated[str, typer.Option(help="the questions that are measured")] = "test",
    embedder: Annotated[str, typer.Option(help='"minilm", a sentence-transformers folder or a hub id')] = "minilm",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON value instead of the table")] = False,
) -> None:
    """Measure nDCG@10, recall, MRR and the time a question takes: by words, by meaning, by both, and tuned.

    Tuned on the questions of another split (dev, validation or train), where there is one.
    """
    collection, problems = read_collection(folder)
    said = _told(problems)
    if not said and split not in collection.splits:
        there = ", ".join(collection.splits)
        said = [f"{folder}: no questions in a split '{split}'. Give one that is there with --split: {there}"]
    if said:
        _refuse(said)
    for left_out in _told(collection.left_out):
        print(f"left out: {left_out}", file=sys.stderr)
    try:
        model = retrieval.load_embedder(embedder)
    except EmbedderUnavailable as error:
        _refuse([str(error)])
    measured = _measure(Index.build(collection.documents, model), collection, split, model)
    _show(folder, collection, split, measured, as_json)


def _measure(index: Index, collection: Collection, split: str, model: Embedder) -> list[MethodScores]:
    questions, methods = collection.splits[split], dict(METHODS)
    if chosen := _tuned_on(collection, split):
        methods["hybrid, tuned"] = tune(collection.documents, model, chosen).settings
    return [evaluate(index, questions, name, settings) for name, settings in methods.items()]


def _tuned_on(collection: Collection, split: str) -> Sequence[Question]:
    names = [name for name in TUNED_ON if name in collection.splits and name != split]
    return collection.splits[names[0]] if names else ()


def _show(folder: Path, collection: Collection, split: str, measured: Sequence[MethodScores], as_json: bool) -> None:
    head = {
        "folder": str(folder),
        "documents": len(collection.documents),
        "left_out": _told(collection.left_out),
        "split": split,
        "questions": len(collection.splits[split]),
        "right_documents_missing": collection.lost(split),
    }
    if as_json:
        rows = [{key: value for key, value in asdict(one).items() if key != "ndcgs"} for one in measured]
        print(json.dumps({**head, "methods": rows}))
        return
    title = f"{folder}: {head['questions']:,} questions ({split}), {head['documents']:,} documents"
    heads = ("", "nDCG\n@10", *(f"recall\n@{cut}" for cut in measured[0].recall), "MRR", "ms\np50", "ms\np99")
    table = Table(*heads, title=title, box=SIMPLE_HEAD, collapse_padding=True)  # fits 80 columns
    for one in measured:
        ratios = [one.ndcg, *one.recall.values(), one.mrr]
        table.add_row(one.method, *(f"{ratio:.3f}" for ratio in ratios), f"{one.p50:.1f}", f"{one.p99:.1f}")
    console = Console()
    console.print(table)
    if collection.left_out:
        count = len(collection.left_out)
        print(f"{count:,} document{'s' if count > 1 else ''} can't be read, as said above; left out.")
    if head["right_documents_missing"]:
        print(f"Right documents that are not in corpus.jsonl count as not found: {head['right_documents_missing']:,}.")


def _told(problems: Sequence[Unreadable]) -> list[str]:
    return [f"{one.file}:{one.line}: {one.reason}. {one.do}" for one in problems]


def _refuse(said: Sequence[str]) -> NoReturn:
    print("\n".join(said), file=sys.stderr)
    raise typer.Exit(WRONG)


if __name__ == "__main__":
    app()
