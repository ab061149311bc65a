"""What the package offers, and what importing it loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import retrieval

HEAVY = ["torch", "sentence_transformers", "transformers", "faiss", "pymilvus", "bm25s", "advisor", "trainers"]
NOUNS = ["documents", "structure", "boundaries", "words", "holding", "chunking", "ranking", "embedder", "watching"]


def printed(code: str) -> str:
    """What a new interpreter prints for the code."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


@pytest.mark.parametrize("module", ["retrieval", *(f"retrieval.{noun}" for noun in NOUNS)])
def test_importing_the_package_or_one_of_its_nouns_loads_nothing_heavy(module: str) -> None:
    assert printed(f"import {module}, sys; print([name for name in {HEAVY!r} if name in sys.modules])") == "[]"


@pytest.mark.parametrize("before", ["retrieval", "retrieval.read", "retrieval.read.rows", "retrieval.tune.evaluation"])
def test_read_is_the_function_whatever_was_imported_before(before: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Pets\n\nDogs are welcome.")
    code = f"""
import {before}, retrieval
from pathlib import Path
from retrieval import read
from retrieval.read import markup
documents, problems = retrieval.read(Path({str(tmp_path)!r}))
print(read is retrieval.read, [document.title for document in documents], problems)
"""
    assert printed(code) == "True ['Pets'] ()"


def test_the_names_offered_are_those_that_type_checkers_see() -> None:
    tree = ast.parse(Path(retrieval.__file__).read_text(encoding="utf-8"))
    [checked] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {name.name: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert sorted({*seen, "read"}) == sorted(retrieval.__all__)
    for name, module in seen.items():
        assert getattr(retrieval, name) is getattr(sys.modules[str(module)], name)
    assert set(retrieval.__all__) <= set(dir(retrieval))


def test_a_name_that_is_not_offered_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        retrieval.serch  # noqa: B018
