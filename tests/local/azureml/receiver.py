"""A small Event Grid: takes arrays of events at the system topics' addresses and remembers them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`failing` deliveries are refused before the next one is taken, and all whose path contains `refused`."""

    failing: int = 0
    refused: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of_type(self, event_type: str, subject: str) -> list[dict[str, Any]]:
        """The events of a type whose subject ends like this."""
        return [
            event
            for event in list(self.events)
            if event["eventType"].endswith("." + event_type) and event["subject"].endswith(subject)
        ]

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
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
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status = 200
                if receiver.failing > 0:
                    receiver.failing -= 1
                    status = 503
                elif receiver.refused and receiver.refused in self.path:
                    status = 503
                else:
                    receiver.paths.add(self.path)
                    receiver.events.extend(body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return None

        return Handler
