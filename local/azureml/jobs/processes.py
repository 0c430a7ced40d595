"""Starting, recognising and ending the operating-system processes of jobs.

A process is started behind a guard (`job_guard.py`): it waits for a word before it becomes the job, so that its id is
on disk before it does anything, and it ends with the server, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from local.azureml.jobs.job_guard import GO

GRACE_S = 5.0
SHUTDOWN_GRACE_S = 1.0  # the server itself has 5 s from SIGTERM to its end (docs/local-cloud-contract.md)

_GUARD = Path(__file__).with_name("job_guard.py")
_JOB_SITE = Path(__file__).with_name("job_site")
_INHERITED = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


def environment(variables: Mapping[str, str], python_path: Sequence[Path]) -> dict[str, str]:
    """The variables of a job's process: a few of the server's, the job's own, and its PYTHONPATH."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    interpreter_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        **inherited,
        "PATH": interpreter_first,
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in (_JOB_SITE, *python_path)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # an environment version's folder stays as it was uploaded
        **variables,
    }


class JobProcess(Protocol):
    """A process behind a guard, which leads its group; `stdin` is the way to the guard."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...

    async def wait(self) -> int: ...


async def start_gated(
    command: Sequence[str], *, cwd: Path, variables: Mapping[str, str], logs: Path, keep: Sequence[int] = ()
) -> JobProcess:
    """Start a process in its own group, waiting at the gate, with its output appended to two log files.

    Its standard input must stay open: the guard takes its end for the end of this server. `keep` are files of this
    server that the process is to have under the same numbers.
    """
    with (logs / "stdout.txt").open("ab") as out, (logs / "stderr.txt").open("ab") as err:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(_GUARD), *command,
            stdin=asyncio.subprocess.PIPE, stdout=out, stderr=err, cwd=cwd, env=dict(variables),
            start_new_session=True, pass_fds=keep,
        )  # fmt: skip


def open_gate(process: JobProcess) -> None:
    """Let a gated process become the job."""
    if process.stdin is None:
        raise ValueError("The process was not started by start_gated.")
    process.stdin.write(GO)


async def end(process: JobProcess, grace_s: float) -> None:
    """End a process and its group: the process is asked first; what it leaves running is killed."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()


def started_at(pid: int) -> str | None:
    """When a process started, as the system writes it. Together with the process id it is unique."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        # The command name may contain spaces and brackets; the fields after it do not (man 5 proc).
        return stat.read_text().rpartition(")")[2].split()[19]
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)  # nosec B603 # fixed, but for a number
    return listing.stdout.strip() or None


def kill_survivor(pid: int, started: str) -> bool:
    """Kill a process of an earlier server; returns False when its id belongs to another process by now."""
    if started_at(pid) != started:
        return False
    _signal_group(pid, signal.SIGKILL)
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
