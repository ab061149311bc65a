"""Sides of a comparison in processes of their own, one working at a time; and what the machine is."""

import contextlib
import hashlib
import importlib.metadata
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 10  # seconds for a side to end by itself


class Worker:
    """A process that runs `side(pipe, *args)`. It only works between a question and its answer."""

    def __init__(self, side: Callable[..., None], *args: Any) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(side, theirs, *args), daemon=True
        )
        self.process.start()
        theirs.close()  # so that a side that dies ends the wait for its answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pipe.close()
        self.process.join(PATIENCE if error is None else 0)
        self.process.terminate()

    def ask(self, question: Any) -> Any:
        """Send a question and wait for the answer. Raises EOFError when the side failed; its reason is on stderr."""
        self.pipe.send(question)
        return self.pipe.recv()

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Of a side that runs `serve`: what its object's method returns."""
        return self.timed(method, *args, **kwargs)[1]

    def timed(self, method: str, *args: Any, **kwargs: Any) -> tuple[float, Any]:
        """The same, with the seconds it took."""
        seconds, value = self.ask((method, args, kwargs))
        return float(seconds), value


def _run(side: Callable[..., None], pipe: Connection, *args: Any) -> None:
    sys.stdout = sys.stderr  # the table has stdout for itself
    with contextlib.suppress(EOFError):  # the other end asks nothing more
        side(pipe, *args)


def serve(pipe: Connection, build: Callable[..., Any], *args: Any) -> None:
    """Make an object and answer calls of its methods."""
    made = build(*args)
    while True:
        method, positional, named = pipe.recv()
        since = time.perf_counter()
        value = getattr(made, method)(*positional, **named)
        pipe.send((time.perf_counter() - since, value))


class Clock:
    """Lets a training side go as many steps as the other end of the pipe asks for, and answers with their seconds."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._wait()

    def step(self) -> None:
        """A step is done."""
        self.left -= 1
        if not self.left:
            synchronize()
            self.pipe.send(time.perf_counter() - self.since)
            self._wait()

    def _wait(self) -> None:
        self.left = self.pipe.recv()
        self.since = time.perf_counter()


def synchronize() -> None:
    """Wait for what a GPU still computes."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_memory() -> float:
    """The most memory that this process has had, in MB: the GPU's where there is one, else resident."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 1e6)
    return peak_resident()


def peak_resident() -> float:
    """The most resident memory that this process has had, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


def machine() -> str:
    """The processor, or the GPU, and how many cores there are."""
    import torch

    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    processor = names[0].partition(":")[2].strip() if names else platform.processor()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{processor}, {os.cpu_count()} cores{gpu}"


def versions(*packages: str) -> str:
    """Python's version and those of the packages."""
    named = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    return f"python {platform.python_version()}, {named}"


def key(*parts: Any, packages: Sequence[str] = ("trainers", "benchmarks")) -> str:
    """What a finished part of a benchmark belongs to: settings, machine and the code that was measured."""
    digest = hashlib.sha256(repr((parts, machine())).encode())
    for path in _sources(packages):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(packages: Sequence[str]) -> Iterable[Path]:
    return sorted(path for folder in packages for path in (ROOT / folder).rglob("*.*") if _code(path))


def _code(path: Path) -> bool:
    return path.suffix in (".py", ".cpp", ".h")
