"""The path without a language model: sentence embeddings and a linear head."""

import trainers
from advisor.data.outputs import kind_of
from advisor.errors import CannotError
from advisor.runtime.bench import Bench
from advisor.system import Classifier
from advisor.task import Task


def classifier(bench: Bench, name: str = "build/classifier") -> Classifier:
    """A linear head on the embeddings of all training inputs; its strength is chosen by cross-validation."""
    rows, runtime, folder = bench.task.split.train, bench.runtime, bench.folder(name)
    if not rows:
        raise CannotError("a classifier needs training examples")
    vectors = runtime.embedder([row.input for row in rows])
    head = trainers.fit_head(vectors, [row.output.strip() for row in rows], bench.seed)
    path = runtime.folder / folder / "head.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    head.save(path)
    return Classifier(f"{folder}/head.npz", runtime.embedder.fingerprint, trainers.file_hash(path))


def has_labels(task: Task) -> bool:
    """Whether the task's outputs are labels, so that a classifier can give them."""
    return bool(task.labels) or kind_of(task, task.split.train or task.split.compare) == "label"
