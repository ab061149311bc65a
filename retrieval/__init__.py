"""Finds passages of documents for questions: reading, splitting, indexing, searching and measuring, alone as a library.

    from retrieval import Index, load_embedder, read

    documents, problems = read(Path("handbook/"))
    index = Index.build(documents, load_embedder())
    [hits] = index.search(["How many days of leave do I have?"], k=3)

    index, changes = Index.open(Path("index/"), documents, load_embedder(cache=Path("vectors.sqlite")))  # kept on disk

Importing it is quick: each name is loaded with its module when it is first asked for, torch and FAISS with those that
need them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from retrieval.read.reading import read  # at once: else the room of that name would stand in its place

if TYPE_CHECKING:
    from retrieval.chunking import Passage, split
    from retrieval.documents import Document, Unreadable
    from retrieval.embedder import Embedder, EmbedderUnavailable
    from retrieval.encoders import cross_encoder, load_embedder
    from retrieval.index.index import Hit, Index
    from retrieval.index.saved import IndexDamaged, IndexMismatch
    from retrieval.index.updating import Changes
    from retrieval.search.milvus import MilvusUnavailable
    from retrieval.search.searching import SearchSettings
    from retrieval.tune.metrics import mrr, ndcg, recall_at_k

__all__ = [
    "Changes",
    "Document",
    "Embedder",
    "EmbedderUnavailable",
    "Hit",
    "Index",
    "IndexDamaged",
    "IndexMismatch",
    "MilvusUnavailable",
    "Passage",
    "SearchSettings",
    "Unreadable",
    "cross_encoder",
    "load_embedder",
    "mrr",
    "ndcg",
    "read",
    "recall_at_k",
    "split",
]

_HOMES = {
    "chunking": ("Passage", "split"),
    "documents": ("Document", "Unreadable"),
    "embedder": ("Embedder", "EmbedderUnavailable"),
    "encoders": ("cross_encoder", "load_embedder"),
    "index.index": ("Hit", "Index"),
    "index.saved": ("IndexDamaged", "IndexMismatch"),
    "index.updating": ("Changes",),
    "search.milvus": ("MilvusUnavailable",),
    "search.searching": ("SearchSettings",),
    "tune.metrics": ("mrr", "ndcg", "recall_at_k"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:  # so that a name which is not there stays an error to mypy

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
