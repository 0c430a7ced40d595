"""An HTTP endpoint for events: answers handshakes, remembers deliveries, fails when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    headers: dict[str, str]
    body: Any

    @property
    def event(self) -> dict[str, Any]:
        """The one event of the request: in an array in the Event Grid schema, bare as a CloudEvent."""
        if isinstance(self.body, list):
            [event] = self.body
            return dict(event)
        return dict(self.body)


@dataclass
class Subscriber:
    """`answer` decides the status of each delivery; `handshake` what comes back for a validation code."""

    answer: Callable[[Received], int] = lambda received: 200
    handshake: Callable[[str], str] = lambda code: code
    allowed_origin: str = "eventgrid.azure.net"
    received: list[Received] = field(default_factory=list)
    handshakes: list[dict[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?code=very-secret"

    @property
    def ids(self) -> list[str]:
        return [item.event["id"] for item in list(self.received)]

    @contextmanager
    def listening(self) -> Iterator[Subscriber]:
        """On the port of the last time, if there was one."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("aeg-event-type") == "SubscriptionValidation":
                    subscriber.handshakes.append(headers)
                    subscriber.links.append(body[0]["data"]["validationUrl"])
                    code = subscriber.handshake(body[0]["data"]["validationCode"])
                    self._send(200, json.dumps({"validationResponse": code}).encode())
                    return
                received = Received(headers, body)
                status = subscriber.answer(received)
                subscriber.received.append(received)
                self._send(status, b"")

            def do_OPTIONS(self) -> None:
                subscriber.handshakes.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("WebHook-Allowed-Origin", subscriber.allowed_origin)
                self.send_header("content-length", "0")
                self.end_headers()

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test output quiet."""

        return Handler
