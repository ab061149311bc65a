"""Which vector store a name means; knows nothing of segments."""

from retrieval.search.vectors import VectorStore


def store(where: str = "faiss") -> VectorStore:
    """The vector store for a name.

    where: "faiss" (files in the index's folder), the path of a Milvus Lite file (`milvus.db`), or the address of a
        Milvus server (`http://host:19530`).

    Raises `MilvusUnavailable` where Milvus is asked for and cannot be had.
    """
    # only what was chosen is loaded: whoever imports `Index` for its type needs neither
    if where == "faiss":
        from retrieval.search.faissfile import Faiss

        return Faiss()
    from retrieval.search.milvus import Milvus

    return Milvus(where)


def is_file(where: str) -> bool:
    """Whether a name is the path of a file, as that of Milvus Lite is."""
    return where != "faiss" and "://" not in where
