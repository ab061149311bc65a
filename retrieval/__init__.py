"""Finds passages of documents for questions: reading, splitting, indexing, searching and measuring, alone as a library.

    from retrieval import Index, load_embedder, read

    documents, problems = read(Path("handbook/"))
    index = Index.build(documents, load_embedder())
    [hits] = index.search(["How many days of leave do I have?"], k=3)

    index, changes = Index.open(Path("index/"), documents, load_embedder(cache=Path("vectors.sqlite")))  # kept on disk

Importing it is quick: torch and FAISS are imported where they are first needed.
"""

from retrieval.chunking import Passage, split
from retrieval.documents import Document, Unreadable
from retrieval.embedder import Embedder, EmbedderUnavailable
from retrieval.embedder import load as load_embedder
from retrieval.index.index import Hit, Index
from retrieval.index.saved import IndexDamaged, IndexMismatch
from retrieval.index.updating import Changes
from retrieval.read.reading import read
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
    "load_embedder",
    "mrr",
    "ndcg",
    "read",
    "recall_at_k",
    "split",
]
