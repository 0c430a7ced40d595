"""Jobs that need not import TensorFlow again: one warm template process per environment version, one fork per job.

An environment version asks for it with the tag `warm_imports`, the modules that its jobs need. A job is still a process
of its own, with its own group, folder, log, variables and exit code (`warm_template.py`); what differs from a fresh one
is that the modules are there already. So a job that could make a difference to their import runs cold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azureml.jobs import processes

TAG = "warm_imports"
TEMPLATES_MAX = 3  # each has 0.2 GB of its own with TensorFlow; a release uses two versions
_IMPORT_FAILED = 1
_TEMPLATE = Path(__file__).with_name("warm_template.py")
_PLAIN = re.compile(r"[\w@%+=:,./ -]+")  # what bash would split at the spaces, and leave alone otherwise
_READ_BY_IMPORTS = ("TF_", "XLA_", "CUDA_", "KERAS_", "OMP_", "MKL_", "OPENBLAS_", "ARROW_", "PYTHON", "LD_")
_log = logging.getLogger("local.azureml.jobs.warm")


@dataclass(frozen=True, kw_only=True)
class Warm:
    """How a job runs from a template: the environment version's folder, the imports, and what follows `python`."""

    folder: Path
    modules: tuple[str, ...]
    arguments: tuple[str, ...]


def warm(
    folder: Path | None, tags: Mapping[str, Any], variables: Mapping[str, str], arguments: Sequence[str]
) -> Warm | None:
    """How to run `python ARGUMENTS` from a template; None if the job needs a process without one."""
    modules = tuple(str(tags.get(TAG) or "").split())
    if not folder or not modules or not arguments or any(name.startswith(_READ_BY_IMPORTS) for name in variables):
        return None
    return Warm(folder=folder, modules=modules, arguments=tuple(arguments))


def python_arguments(command: str) -> list[str]:
    """What follows `python` in a command that is `python -m MODULE ...` and nothing else; empty for any other."""
    words = command.split()
    return words[1:] if _PLAIN.fullmatch(command) and words[:2] == ["python", "-m"] and len(words) > 2 else []


class WarmProcess:
    """A job forked by a template, controlled through its connection; behaves like a process started without one."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.stdin = writer
        self._exit = asyncio.create_task(self._read_code(reader), name=f"warm process {pid}")

    @property
    def returncode(self) -> int | None:
        return self._exit.result() if self._exit.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    @staticmethod
    async def _read_code(reader: asyncio.StreamReader) -> int:
        line = await _line(reader)
        return int(line) if line else -signal.SIGKILL  # the guard itself was killed


@dataclass
class _Template:
    process: processes.JobProcess
    control: socket.socket

    async def end(self) -> None:
        """End the template. Jobs that it forked go on."""
        self.control.close()
        await processes.end(self.process, 0)


class WarmPool:
    """The templates of the environment versions used last."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._templates: dict[tuple[Path, tuple[str, ...]], _Template] = {}  # the one used last is last
        self._changing = asyncio.Lock()

    async def start_gated(
        self, wanted: Warm, *, cwd: Path, variables: Mapping[str, str], logs: Path
    ) -> WarmProcess | None:
        """A job waiting at its gate, once the template has its imports; None if the template cannot be had."""
        template = await self._template(wanted)
        if template.process.returncode == _IMPORT_FAILED:
            return None
        ours, theirs = socket.socketpair()
        with theirs, (logs / "stdout.txt").open("ab") as out, (logs / "stderr.txt").open("ab") as err:
            try:
                socket.send_fds(template.control, [b"j"], [theirs.fileno(), out.fileno(), err.fileno()])
            except OSError as problem:
                ours.close()
                _log.warning("the template of %s is gone: %s", wanted.folder, problem)
                return None
        reader, writer = await asyncio.open_connection(sock=ours)
        request = {"arguments": wanted.arguments, "cwd": str(cwd), "variables": dict(variables)}
        writer.write(json.dumps(request).encode() + b"\n")
        try:
            pid = await _line(reader)
        except asyncio.CancelledError:
            writer.close()  # without its server a guard ends itself
            raise
        if not pid:
            writer.close()
            _log.warning("the template of %s forks no job: see %s", wanted.folder, self._logs(wanted))
            return None
        return WarmProcess(int(pid), reader, writer)

    async def close(self) -> None:
        """End all templates."""
        while self._templates:
            await self._templates.pop(next(iter(self._templates))).end()

    async def _template(self, wanted: Warm) -> _Template:
        key = (wanted.folder, wanted.modules)
        async with self._changing:
            template = self._templates.pop(key, None)
            if template and template.process.returncode not in (None, _IMPORT_FAILED):  # a version stays as it is
                await template.end()
                template = None
            if len(self._templates) >= TEMPLATES_MAX:
                await self._templates.pop(next(iter(self._templates))).end()
            self._templates[key] = template = template or await self._start(wanted)
            return template

    async def _start(self, wanted: Warm) -> _Template:
        logs = self._logs(wanted)
        logs.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        with theirs:
            process = await processes.start_gated(
                [sys.executable, "-P", str(_TEMPLATE), str(theirs.fileno()), *wanted.modules],
                cwd=logs, variables=processes.environment({}, [wanted.folder]), logs=logs, keep=(theirs.fileno(),),
            )  # fmt: skip
        processes.open_gate(process)
        return _Template(process, ours)

    def _logs(self, wanted: Warm) -> Path:
        return self._data / "warm" / "-".join(wanted.folder.parts[-3:])


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; nothing when the other side is gone."""
    try:
        return await reader.readline()
    except ConnectionError:
        return b""
