"""A loopback server that remembers what arrived, so that tests can say where a request really went."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local import redirect


@dataclass
class Recorder:
    base: str = ""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def last(self) -> tuple[str, str, dict[str, str]]:
        return self.requests[-1]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    seen = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.requests.append((self.command, self.path, headers))
            body = json.dumps({"value": []}).encode()
            self.send_response(201 if self.command == "PUT" else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    seen.base = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def installed(recorder: Recorder) -> Iterator[Recorder]:
    redirect.install(azureml=f"{recorder.base}/aml", blob=f"{recorder.base}/blob", eventgrid=f"{recorder.base}/eg/")
    yield recorder
    redirect.uninstall()
