"""A real HTTP server on loopback that fails in every way a server can, and how it is asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from advisor import address
from advisor.address import Address
from advisor.models.endpoint import Endpoint
from advisor.models.sending import Patience
from advisor.models.spending import Meter
from advisor.system import Decoding, Request
from trainers.rendering import Turn

KEY = "sk-secret/0123456789"
USAGE = {"prompt_tokens": 12, "completion_tokens": 3}
QUICK = Patience(tries=4, pause=0.001, timeout=0.3)
PATIENT = Patience(tries=4, pause=0.001, timeout=30)  # where requests are counted, however busy the machine is
Body = dict[str, Any]


def told(text: str | None, usage: Body | None = USAGE, **more: Any) -> Body:
    """An answer as servers give it."""
    return {"choices": [{"message": {"role": "assistant", "content": text}, **more}], "usage": usage}


def echo(body: Body) -> str:
    """The last turn in capitals, in whatever form the request is held to."""
    text = body["messages"][-1]["content"]
    if "response_format" not in body:
        return text.upper()
    schema = body["response_format"]["json_schema"]["schema"]
    return json.dumps({"label": schema["properties"]["label"]["enum"][0]})


@dataclass
class Server:
    """Answers with `reply`, a body or a status with what is said, once the faults that stand for an input (its last turn) have
    been used up.

    A fault is a status, with headers and a body, or the name of a trouble below HTTP.
    """

    url: str = ""
    patience: Patience = QUICK
    reply: Callable[[Body], Body | tuple[int, str]] = lambda body: told(echo(body))
    faults: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def address(self, **more: Any) -> Address:
        return address.parse_address({"endpoint": self.url, "name": "tiny", "can": ["constrain"], **more})

    def endpoint(self, meter: Meter | None = None, **more: Any) -> Endpoint:
        """Whose person agreed to everything."""
        return Endpoint(self.address(**more), meter or Meter(), agree=lambda address: None, patience=self.patience)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script: Server = self.server.script
        asked = body["messages"][-1]["content"]
        with script.lock:
            script.asked.append(asked)
            script.bodies.append(body)
            script.keys.add(self.headers.get("Authorization", ""))
            script.at_once += 1
            script.most_at_once = max(script.most_at_once, script.at_once)
            fault = script.faults[asked].pop(0) if script.faults.get(asked) else None
        try:
            self.answer(script, body, fault)
        finally:
            with script.lock:
                script.at_once -= 1

    def answer(self, script: Server, body: Body, fault: Any) -> None:
        reply = script.reply(body)
        if isinstance(reply, tuple):
            reply, fault = {}, (reply[0], {}, reply[1])
        whole = json.dumps(reply).encode()
        if fault == "slow":
            time.sleep(2 * QUICK.timeout)
        elif fault == "cut":
            self.send(200, whole[: len(whole) // 2], {"Content-Length": str(len(whole))})
            self.close_connection = True
        elif fault == "malformed":
            self.send(200, whole[:-3])
        elif fault == "stream":
            self.send(200, b"data: {}\n\ndata: [DONE]\n\n", {"Content-Type": "text/event-stream"})
        elif fault == "no answer":
            self.send(200, b'{"error": {"message": "overloaded"}}')
        elif fault:
            status, headers, said = fault
            self.send(status, json.dumps({"error": {"message": said}}).encode(), headers)
        else:
            self.send(200, whole)

    def send(self, status: int, content: bytes, headers: Any = ()) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class Listening(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that time out hang up


@pytest.fixture
def server() -> Iterator[Server]:
    listening = Listening(("127.0.0.1", 0), Handler)
    script = Server(f"http://127.0.0.1:{listening.server_port}/v1")
    listening.script = script  # type: ignore[attr-defined]
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield script
    listening.shutdown()
    listening.server_close()


FREE = Decoding(max_tokens=8)


def requests(count: int, decoding: Decoding = FREE) -> list[Request]:
    return [Request((Turn("user", f"input {i}"),), decoding) for i in range(count)]


def texts(endpoint: Endpoint, asked: list[Request]) -> list[str | None]:
    made = dict(endpoint.generate(asked))
    assert sorted(made) == list(range(len(asked)))  # each once, none lost
    return [made[i].text for i in range(len(asked))]
