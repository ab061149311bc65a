"""The path without a language model: sentence embeddings and a linear head."""

import trainers
from advisor.errors import CannotError
from advisor.runtime.purse import Plan
from advisor.runtime.runtime import Runtime
from advisor.system import Classifier
from advisor.task import Task


def classifier(task: Task, runtime: Runtime, plan: Plan, seed: int, folder: str = "build/classifier") -> Classifier:
    """A linear head on the embeddings of all training inputs; its strength is chosen by cross-validation."""
    rows = task.split.train
    if not rows:
        raise CannotError("a classifier needs training examples")
    head = trainers.fit_head(runtime.embedder([row.input for row in rows]), [row.output.strip() for row in rows], seed)
    path = runtime.folder / folder / "head.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    head.save(path)
    return Classifier(f"{folder}/head.npz", runtime.embedder.fingerprint, trainers.file_hash(path))
