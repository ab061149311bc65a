"""A person's own Python: nothing of it runs before they allowed just this content, and nothing but this content does."""

import importlib.util
import py_compile
import sys
from pathlib import Path

import pytest

from advisor.data.owncode import find_code, own_function
from advisor.errors import InputError
from advisor.task import Example

ROW = Example("1", "in", "out")


def write(folder: Path, **files: str) -> Path:
    """A folder with modules of these names; a double underscore is a folder's border."""
    for name, text in files.items():
        file = folder / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def run(path: str, folder: Path | None, *, allow: bool = True) -> object:
    return own_function(path, folder, allow=allow)("", ROW)


def refused(path: str, folder: Path | None) -> bool:
    with pytest.raises(InputError) as error:
        own_function(path, folder, ask=lambda question: False)
    return "--allow-code" in str(error.value) and error.value.exit_code == 2


def test_nothing_runs_before_it_is_allowed_and_file_and_hash_are_shown(tmp_path):
    write(tmp_path / "task", score="open('ran', 'w')\ndef f(text, example): return 1")
    asked: list[str] = []
    with pytest.raises(InputError, match=r"score\.py \(sha256 [0-9a-f]{16}\)"):
        own_function("score:f", tmp_path / "task", ask=lambda question: bool(asked.append(question)))
    assert str(tmp_path / "task" / "score.py") in asked[0] and "sha256" in asked[0]
    assert not Path("ran").exists()


def test_it_is_allowed_once_for_its_content(tmp_path):
    folder = write(tmp_path, score="def f(text, example): return 1\ndef g(text, example): return 2")
    assert run("score:f", folder) == 1
    assert run("score:f", folder, allow=False) == 1
    assert refused("score:g", folder)  # another function of the same file is another thing to do
    write(tmp_path, score="def f(text, example): return 3")
    assert refused("score:f", folder)
    assert run("score:f", folder) == 3


def test_what_it_imports_from_the_folder_counts_and_is_shown(tmp_path):
    folder = write(tmp_path, score="import helper\nfrom parts import one\nf = helper.f", helper="f = lambda t, e: 1")
    write(tmp_path, parts__one="")
    asked: list[str] = []
    own_function("score:f", folder, ask=lambda question: not asked.append(question))
    assert "helper.py" in asked[0] and "one.py" in asked[0]
    write(tmp_path, helper="f = lambda t, e: 2")
    assert refused("score:f", folder)
    assert run("score:f", folder) == 2
    write(tmp_path, parts__one="import os")
    assert refused("score:f", folder)


def test_byte_code_and_links_in_the_folder_are_never_loaded(tmp_path):
    folder = write(tmp_path / "task", score="import helper\nf = helper.f", helper="f = lambda t, e: 'shown'")
    evil = write(tmp_path / "evil", helper="f = lambda t, e: 'not shown'") / "helper.py"
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # such byte code is loaded whatever the source says
    cached = importlib.util.cache_from_source(str(folder / "helper.py"))
    py_compile.compile(str(evil), cached, invalidation_mode=unchecked)
    assert run("score:f", folder) == "shown"
    py_compile.compile(str(evil), str(folder / "helper.pyc"))
    (folder / "helper.py").unlink()
    with pytest.raises(ValueError, match="No module named 'helper'"):
        run("score:f", folder)
    (folder / "helper.py").symlink_to(evil)
    with pytest.raises(ValueError, match="No module named 'helper'"):
        run("score:f", folder)


def test_two_tasks_may_have_modules_of_the_same_names_and_leave_no_trace(tmp_path):
    before = set(sys.modules)
    for value in (1, 2):
        write(tmp_path / str(value), score="import helper\ndef f(text, example): return helper.VALUE",
              helper=f"VALUE = {value}", json="")  # fmt: skip
    functions = [own_function("score:f", tmp_path / str(value), allow=True) for value in (1, 2)]
    assert [function("", ROW) for function in functions] == [1, 2]
    assert not {"score", "helper"} & (set(sys.modules) - before)
    assert sys.modules["json"].dumps({}) == "{}"


@pytest.mark.parametrize("first", ["", "from __future__ import annotations\n"])
def test_a_module_that_defines_a_dataclass_can_be_imported(tmp_path, first):
    source = """from dataclasses import KW_ONLY, dataclass
from typing import ClassVar
@dataclass
class Weights:
    most: ClassVar[float] = 100.0
    _: KW_ONLY
    least: float = 7.0
def f(text, example): return Weights().least
"""
    assert run("score:f", write(tmp_path, score=first + source)) == 7.0


def test_a_module_in_a_package_imports_its_neighbours(tmp_path):
    folder = write(tmp_path, mine__score="from mine.common import f", mine__common="f = lambda t, e: 4")
    assert run("mine.score:f", folder) == 4
    assert run("mine.score:f", write(tmp_path, mine____init__="VALUE = 1")) == 4


@pytest.mark.parametrize("source", ["1 / 0", "raise SystemExit", "def f(:", "import no_such_module"])
def test_what_can_not_be_imported_is_told_and_leaves_nothing_behind(tmp_path, source):
    before = set(sys.modules)
    with pytest.raises(ValueError, match="'score:f' cannot be imported"):
        run("score:f", write(tmp_path, score=source))
    assert not {name for name in set(sys.modules) - before if name.startswith("_metric_")}


@pytest.mark.parametrize(
    "path", ["score:g", "score:n", "nowhere:f", "no.where.at_all:f", "..score:f", ":f", "score.f:f"]
)
def test_a_path_that_leads_nowhere_is_told(tmp_path, path):
    with pytest.raises(ValueError, match="cannot be imported"):
        run(path, write(tmp_path, score="n = 3\ndef f(text, example): return 1"))


def test_an_installed_module_needs_to_be_allowed_too_and_one_without_a_file_can_not_be(tmp_path):
    assert refused("cProfile:run", tmp_path)
    assert refused("xml.dom.minidom:parse", None)
    for path in ("builtins:eval", "sys:exit"):
        with pytest.raises(ValueError, match="no file of a module"):
            run(path, tmp_path)
    assert callable(own_function("textwrap:dedent", tmp_path, allow=True))
    assert own_function("textwrap:dedent", None, ask=lambda question: pytest.fail("asked"))
    assert refused("textwrap:indent", tmp_path)


def test_finding_an_installed_module_imports_nothing(tmp_path, monkeypatch):
    write(tmp_path, package____init__="open('ran', 'w')", package__inner="")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_code("package.inner:f", None).sources["package.inner"].file == tmp_path / "package" / "inner.py"
    assert not Path("ran").exists() and "package" not in sys.modules
