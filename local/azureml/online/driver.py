"""Serves a scoring script over HTTP, the way Azure Machine Learning's inference server does.

Started by `servers.py` as `python driver.py SPECIFICATION`, in the environment version's own code; it uses the
standard library only. The specification names the script and a listening socket that is handed down, so that requests
wait until `init()` is through. The contract of the script (Author scoring scripts for online endpoints): `init()` once,
`run(data)` with the text of each request; what it returns is encoded as JSON. An exception in `init` ends the process,
one in `run` is answered with 500.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

_STDOUT, _STDERR = 1, 2


def main() -> None:
    os.dup2(_STDOUT, _STDERR)  # one log, in the order in which things were said
    specification = json.loads(sys.argv[1])
    script = load_script(Path(specification["scoring_script"]))
    script.init()
    log("Scoring script is ready")
    _Server(socket.socket(fileno=specification["socket"]), script).serve_forever()


def load_script(path: Path) -> ModuleType:
    """Import the scoring script. Any failure ends the process with the reason in the log."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None or not path.is_file():
        sys.exit(f"The scoring script {path.name} is not in the code folder")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    for function in ("init", "run"):
        if not callable(getattr(module, function, None)):
            sys.exit(f"{path.name} has no function {function}")
    return module


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, script: ModuleType) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()  # the one it made for itself
        self.socket = listener
        self.script = script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves as a whole: in two pieces, the second waits 40 ms for the receipt of the first
    server: _Server

    def do_GET(self) -> None:
        """The liveness probe."""
        self._answer(200, b"Healthy", "text/plain")

    def do_POST(self) -> None:
        began = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, json.dumps(self.server.script.run(body.decode("utf-8")))
        except Exception as problem:  # the script may raise anything; the caller gets the text of the error
            traceback.print_exc()
            status, answer = 500, json.dumps({"message": f"{type(problem).__name__}: {problem}"})
        self._answer(status, answer.encode(), "application/json")
        log(f"POST {self.path} {status} {(time.monotonic() - began) * 1000:.1f} ms")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Write no line for a probe; scoring writes its own."""


def log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
