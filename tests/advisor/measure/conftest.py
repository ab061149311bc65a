"""What tests that look back at runs need: whole runs on small tasks, without any weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.app.cli import app

from ..test_few_rows import a_task, stand_in

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command line in an empty folder: its exit code and its JSON."""
    stand_in(tmp_path, monkeypatch)

    def run(*arguments: object) -> tuple[int, Any]:
        done = CliRunner().invoke(app, [*map(str, arguments), "--json", "--quiet"])
        assert "Traceback" not in done.output and "the work failed" not in done.output, done.output
        return done.exit_code, json.loads(done.stdout)

    return run


def finished(call: Call, count: int = 24, kind: str = "labels", *more: str, test: bool = True, **task: bool) -> Path:
    """The run folder of a whole run on a small task."""
    return Path(call("run", a_task(count, kind, test=test, **task), *more)[1]["run"])
