"""The path without a language model: sentence embeddings and a linear head."""

import trainers
from advisor.data.kinds import sort_of
from advisor.errors import CannotError
from advisor.runtime.bench import Bench
from advisor.score import sets
from advisor.system import Classifier
from advisor.task import Task


def classifier(bench: Bench, name: str = "build/classifier") -> Classifier:
    """A linear head on the embeddings of all training inputs; its strength is chosen by cross-validation. Where a row may
    have several labels, one against the rest for each."""
    rows, runtime, folder = bench.task.split.train, bench.runtime, bench.folder(name)
    if not rows:
        raise CannotError("a classifier needs training examples")
    vectors = runtime.embedder([row.input for row in rows])
    between = sort_of(bench.task).between
    labels = [sets.read(row.output, between) for row in rows]
    if between is None:
        head = trainers.fit_head(vectors, [label for (label,) in labels], bench.seed)
    else:
        head = trainers.fit_sets(vectors, labels, bench.seed)
    path = runtime.folder / folder / "head.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    head.save(path)
    return Classifier(f"{folder}/head.npz", runtime.embedder.fingerprint, trainers.file_hash(path), between)


def has_labels(task: Task) -> bool:
    """Whether the task's outputs are labels, so that a classifier can give them."""
    return bool(task.labels) or sort_of(task).kind == "label"
