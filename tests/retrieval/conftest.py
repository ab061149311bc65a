"""What several tests of this room need: the real embedder, loaded once."""

import pytest

from retrieval import Embedder, load_embedder


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    """The embedded all-MiniLM-L6-v2."""
    return load_embedder()
