"""Child processes that are started, recognised again after a restart of the supervisor, and ended by their own id.

A process id alone may name a stranger once it has been reused; a record therefore also holds the creation time and
the command line, and nothing is signalled unless all three match.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

POLL_S = 0.02
CREATION_TOLERANCE_S = 2.0  # the kernel counts in ticks since boot, so that a set clock moves the time a little
LOG_TAIL_CHARS = 3000


@dataclass(frozen=True)
class ProcessRecord:
    """What identifies a process, in a form that fits into a JSON file."""

    pid: int
    created: float
    command: tuple[str, ...]

    @classmethod
    def of(cls, pid: int) -> ProcessRecord:
        process = psutil.Process(pid)
        return cls(pid, process.create_time(), tuple(process.cmdline()))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ProcessRecord:
        return cls(int(value["pid"]), float(value["created"]), tuple(value["command"]))

    def running(self) -> bool:
        """Whether the recorded process still runs. False for a zombie, and for another process that got its number."""
        try:
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and abs(process.create_time() - self.created) < CREATION_TOLERANCE_S
                and tuple(process.cmdline()) == self.command
            )
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Signal the process if it still runs, and no other that got its number."""
        if self.running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self, *, patience_s: float, may_kill: bool) -> bool:
        """SIGTERM, wait, then SIGKILL if that is allowed; returns whether the process is gone."""
        self.signal(signal.SIGTERM)
        if not self.wait(patience_s) and may_kill:
            self.signal(signal.SIGKILL)
            return self.wait(patience_s)
        return not self.running()

    def wait(self, patience_s: float) -> bool:
        end = time.monotonic() + patience_s
        while self.running():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)
        return True


class PartProcess:
    """A started part. Standard output goes to a file of its own, where the readiness line is looked for."""

    def __init__(self, name: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], logs: Path) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self._output = logs / f"{name}.out"
        logs.mkdir(parents=True, exist_ok=True)
        with self._output.open("w") as output, self.log.open("a") as log:
            self._process = subprocess.Popen(  # nosec B603 # the commands of parts.py, without a shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,  # Ctrl-C in a terminal is for the supervisor, which ends the parts in order
            )
        self.record = _record_when_executed(self._process, tuple(command))

    @property
    def exit_status(self) -> int | None:
        return self._process.poll()

    def readiness(self) -> dict[str, Any] | None:
        """The readiness line once it was written in full."""
        for line in self._output.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                return dict(json.loads(line))
        return None

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARS:].strip()

    def request_end(self) -> None:
        if self.exit_status is None:
            self._process.terminate()

    def kill(self) -> None:
        if self.exit_status is None:
            self._process.kill()
        self._process.wait()

    def wait(self, patience_s: float) -> bool:
        """Whether the process ended within the time."""
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def _record_when_executed(process: subprocess.Popen[bytes], command: tuple[str, ...]) -> ProcessRecord:
    """Popen returns after exec, so the creation time is final; a process that is gone already has none."""
    try:
        return ProcessRecord(process.pid, psutil.Process(process.pid).create_time(), command)
    except psutil.NoSuchProcess:
        return ProcessRecord(process.pid, 0.0, command)
