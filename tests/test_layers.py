"""Which room may import which, that nothing runs in circles, and what each package offers."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import advisor
import retrieval
import trainers

ROOT = Path(__file__).parent.parent
PACKAGES = {"advisor": advisor, "retrieval": retrieval, "trainers": trainers}
NOUNS = "nouns"  # the room of the files at a package's root that are not named in FLOORS

# For each room the rooms of its own package that it may import, and the other packages.
RETRIEVAL, TRAINERS = {"retrieval"}, {"trainers"}
BOTH = RETRIEVAL | TRAINERS
MEASURED = {NOUNS, "score", "rows", "data", "models", "runtime", "paths", "decide"}
FLOORS: Mapping[str, Mapping[str, set[str]]] = {
    "advisor": {
        NOUNS: {NOUNS} | BOTH,
        "score": {NOUNS, "score"} | RETRIEVAL,
        "rows": {NOUNS, "rows"} | BOTH,
        "data": {NOUNS, "score", "rows", "data"} | BOTH,
        "models": {NOUNS, "score", "models"} | TRAINERS,
        "runtime": {NOUNS, "score", "data", "models", "runtime"} | BOTH,
        "paths": {NOUNS, "score", "data", "models", "runtime", "paths"} | BOTH,
        "decide": {NOUNS, "score", "decide"},
        "measure": {*MEASURED, "measure"} | BOTH,
        "show": {*MEASURED, "measure", "show"},
        "flow": {*MEASURED, "measure", "show", "flow"} | BOTH,
        "app": {*MEASURED, "measure", "show", "flow", "app"},
        "__main__": {"app"},
    },
    "retrieval": {
        NOUNS: {NOUNS},
        "read": {NOUNS, "read"},
        "search": {NOUNS, "search"},
        "index": {NOUNS, "search", "index"},
        "tune": {NOUNS, "read", "search", "index", "tune"},
        "__main__": {NOUNS, "read", "search", "index", "tune"},
    },
    "trainers": {
        NOUNS: {NOUNS},
        "engine": {NOUNS, "engine"},
        "work": {NOUNS, "engine", "work"},
    },
    "rules": {NOUNS: {NOUNS}},
}
# Files at the root of trainers that stand above the engine.
WORK = {"faults", "forgetting", "generation", "labels", "timing", "tuning"}
# What nouns and scores of advisor may use of the other packages: their nouns, which need no model.
LIGHT = {"retrieval.documents", "retrieval.holding", "retrieval.words", "retrieval.writing", "trainers.rendering"}


def files(package: str) -> dict[str, Path]:
    """The files of a package by the dotted names of their modules."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = {name: path for package in FLOORS for name, path in files(package).items()}


def imported(path: Path) -> Iterator[str]:
    """The modules of this project that a file imports anywhere in it; of a package's own names the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def room(module: str) -> str:
    """The room that a module stands in."""
    package, *inner = module.split(".")
    if package == "trainers" and inner and inner[0] in WORK:
        return "work"
    return inner[0] if inner and inner[0] in FLOORS[package] else NOUNS


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_in_one_direction(package: str) -> None:
    for module, path in files(package).items():
        if module == package:
            continue  # what a package offers comes from all its rooms
        allowed = FLOORS[package][room(module)]
        for other in imported(path):
            theirs = other.split(".")[0]
            assert (room(other) if theirs == package else theirs) in allowed, f"{module} imports {other}"


def test_nouns_and_scores_of_advisor_need_only_what_is_light() -> None:
    for module, path in files("advisor").items():
        if room(module) in (NOUNS, "score") and module != "advisor":
            for other in imported(path):
                assert other.startswith("advisor.") or other in LIGHT, f"{module} imports {other}"


def test_nothing_imports_in_circles() -> None:
    graph = {module: set(imported(path)) - {module} for module, path in MODULES.items() if module not in PACKAGES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


@pytest.mark.parametrize("package", FLOORS)
def test_no_two_files_of_a_package_have_one_name(package: str) -> None:
    names = Counter(path.name for path in files(package).values() if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_every_name_that_a_package_exports_is_there(package) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError):
        _ = package.no_such_name


def test_importing_the_packages_loads_no_model_library() -> None:
    heavy = ("torch", "transformers", "faiss", "sklearn", "sentence_transformers")
    code = f"import sys, advisor.app.cli, retrieval, trainers; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
