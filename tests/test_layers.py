"""Which package may import which, and what each one offers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import advisor
import retrieval
import trainers

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "retrieval": {"advisor", "trainers"},
    "trainers": {"advisor", "retrieval"},
    "rules": {"advisor", "retrieval", "trainers"},
}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_import_in_one_direction(package: str):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & FORBIDDEN[package], path


@pytest.mark.parametrize("package", [advisor, retrieval, trainers])
def test_every_name_that_a_package_exports_is_there(package):
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_importing_the_packages_loads_no_model_library():
    code = "import sys, advisor, advisor.app.cli, retrieval, trainers; print([m for m in ('torch', 'transformers', 'faiss') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
