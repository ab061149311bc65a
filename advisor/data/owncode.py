"""A person's own Python, which a task names as `module:function`: found, shown, allowed once for its content, and loaded.

A task is data, and code in it is run only after the person allowed it. What they allow is a hash of all that the code can
import from the task's folder, which is loaded from the very text that was hashed: no byte code, no library beside it.
"""

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from advisor import agreed
from advisor.agreed import Ask, Matter
from advisor.errors import InputError, Problem
from advisor.task import Example

MOST_NAMED = 8  # files, where somebody is asked
Function = Callable[[str, Example], Any]


@dataclass(frozen=True)
class Source:
    """The text of a module, and its file; of a package without `__init__.py` none, and its folder."""

    file: Path
    text: bytes

    @property
    def hash(self) -> str:
        """As `sha256sum` gives it, the first 16 digits."""
        return hashlib.sha256(self.text).hexdigest()[:16]


@dataclass(frozen=True)
class Code:
    """What `path`, a `module:function`, names: its `module`, and all that this can import of the task's `folder`, by
    names. The module is one of those, or one that is `installed`."""

    path: str
    module: str
    sources: Mapping[str, Source]
    installed: bool

    @property
    def hash(self) -> str:
        """A hash of the path and of all sources."""
        listed = {name: hashlib.sha256(source.text).hexdigest() for name, source in self.sources.items()}
        return hashlib.sha256(json.dumps([self.path, listed], sort_keys=True).encode()).hexdigest()


def own_function(path: str, folder: Path | None, *, allow: bool = False, ask: Ask | None = None) -> Function:
    """The function that `module:function` names: of a file in `folder`, else of an installed module.

    allow: the person allows it by a flag. ask: as in `agreed.agrees`.
    Raises ValueError where it can't be imported, InputError where the person did not allow it; then nothing was run.
    """
    code = find_code(path, folder)
    name = path.partition(":")[2]
    main = code.sources[code.module]
    files = [f"{one.file} (sha256 {one.hash})" for one in code.sources.values() if one.file.suffix and one is not main]
    named = ", ".join(files[:MOST_NAMED]) + (f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else "")
    shown = f"{main.file} (sha256 {main.hash})" + (f", which can import {named}" if files else "")
    question = f"The metric {path} is Python that this task brings: {shown}. It can do all that you can. Run it?"
    if not agreed.agrees([Matter("code", code.hash)], question, yes=allow, ask=ask):
        what = f"is Python that you did not allow, or not as it is now: {shown}"
        raise InputError(Problem(what, field="metric", do="Read it, then allow it with --allow-code"))
    try:
        module = importlib.import_module(code.module) if code.installed else _run(code)
        function = getattr(module, name)
        if not callable(function):
            raise TypeError(f"{name} is not a function")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a person's module may raise anything, and end the program
        raise ValueError(f"the metric {path!r} cannot be imported: {type(error).__name__}: {error}") from error
    return function  # type: ignore[no-any-return]


def find_code(path: str, folder: Path | None) -> Code:
    """What a path names; nothing is imported. Raises ValueError where there is no such module."""
    module = path.partition(":")[0]
    sources = _sources(folder) if folder else {}
    if module in sources:
        return Code(path, module, sources, installed=False)
    if file := _installed(module):
        return Code(path, module, {module: Source(file, file.read_bytes())}, installed=True)
    raise ValueError(f"the metric {path!r} cannot be imported: there is no file of a module {module!r}")


def _sources(folder: Path) -> dict[str, Source]:
    """All modules in a folder and the folders in it, by the names by which they are imported from there."""
    sources: dict[str, Source] = {}
    home = folder.resolve()
    for file in sorted(folder.rglob("*.py")):
        inner = file.relative_to(folder).with_suffix("").parts
        names = inner[:-1] if inner[-1] == "__init__" else inner
        if names and all(map(str.isidentifier, names)) and file.is_file() and file.resolve().is_relative_to(home):
            for depth in range(1, len(names)):
                sources.setdefault(".".join(names[:depth]), Source(folder.joinpath(*names[:depth]), b""))
            sources[".".join(names)] = Source(file, file.read_bytes())
    return sources


def _installed(module: str) -> Path | None:
    """The file of an installed module. Looked for without importing the packages that it stands in."""
    top, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for depth in range(len(inner)):
            places = spec.submodule_search_locations if spec else None
            spec = PathFinder.find_spec(".".join([top, *inner[: depth + 1]]), places) if places else None
    except (ImportError, ValueError):  # of names that no module can have
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


class _Importer(MetaPathFinder, ExecutionLoader):
    """Imports modules from texts that are in memory."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """None for what is not among the sources. A package has no places of its own to look for more in."""
        if fullname not in self._sources:
            return None
        file = self._sources[fullname].file
        package = file.name == "__init__.py" or not file.suffix
        spec = ModuleSpec(fullname, self, origin=str(file), is_package=package)
        spec.has_location = True
        return spec

    def get_filename(self, fullname: str) -> str:
        """Where a module's text came from."""
        return str(self._sources[fullname].file)

    def get_source(self, fullname: str) -> str:
        """A module's text."""
        return importlib.util.decode_source(self._sources[fullname].text)


def _run(code: Code) -> ModuleType:
    """The module, run under a name of its own (two tasks may both have a `scoring`), by which dataclasses find it."""
    name = f"_metric_{code.hash[:16]}"
    importer = _Importer({**code.sources, name: code.sources[code.module]})
    spec = importer.find_spec(name)
    assert spec
    module = importlib.util.module_from_spec(spec)
    with _importing(importer, code.sources):
        sys.modules[name] = module
        try:
            importer.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return module


@contextmanager
def _importing(importer: _Importer, names: Mapping[str, Source]) -> Iterator[None]:
    """Modules of these names come from the importer; afterwards they are what they were before."""
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.meta_path.insert(0, importer)
    try:
        yield
    finally:
        sys.meta_path.remove(importer)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)
