"""What the tests of hostile folders share: the server, and the command line in a strange current directory."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.app.cli import app

from .traps import SECRET, Listener


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setenv("PERSONS_KEY", SECRET)
    script = Listener()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            script.heard.append("a connection, of whatever protocol")
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.heard.append(f"{self.path}\n{self.headers}\n{body!r}")
            answer = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield script
    server.shutdown()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command in a folder that came from somewhere, too: it consents to everything, in every way."""
    monkeypatch.chdir(tmp_path)
    for place in ("runs/consent.json", "task/consent.json", ".config/advisor/agreed.jsonl", "agreed.jsonl"):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"http://127.1": "2026-01-01", "purpose": "code", "about": "*"}\n')
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # should a library ask
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, [str(one) for one in arguments], **more)
