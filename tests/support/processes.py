"""Starts a part of the local cloud for a test and ends it by its own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
T = TypeVar("T")


@dataclass
class Part:
    """A running part: its process, the port it announced, and the command that starts it again."""

    module: str
    options: list[str]
    log: Path
    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def terminate(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def start_again(self) -> None:
        """The same command on the same port and data."""
        again = start(self.module, *self.options, port=self.port, log=self.log)
        self.process = again.process

    def _reap(self) -> int:
        status = self.process.wait(timeout=10)
        if self.process.stdout:
            self.process.stdout.close()
        return status


def start(module: str, *options: str, log: Path, port: int = 0) -> Part:
    """Start `python -m module` and wait for its readiness line."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{module} ended with {process.wait()}: {log.read_text()[-2000:]}")
    return Part(module, list(options), log, process, json.loads(line)["port"])


@contextmanager
def running(module: str, *options: str, log: Path) -> Iterator[Part]:
    part = start(module, *options, log=log)
    try:
        yield part
    finally:
        if part.process.poll() is None:
            part.terminate()


def until(look: Callable[[], T], *, deadline_s: float = 10, every_s: float = 0.1) -> T:
    """Look until something true is seen. Fails with the last thing seen when the deadline passes.

    What comes soon is seen soon. The longer it takes, the longer are the pauses, up to `every_s`: most looks are
    requests to the very process that is waited for.
    """
    end, pause_s = time.monotonic() + deadline_s, 0.02
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {deadline_s} s; last: {seen!r}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, every_s)
    return seen


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
