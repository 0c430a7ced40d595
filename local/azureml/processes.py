"""Starting, recognising and ending the operating-system processes of jobs.

A process is started behind a gate: it waits for a word on its standard input before it becomes the job. So its id is
on disk before it does anything, and if the server dies in between, it ends by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_GATE = 'read -r go || exit 75; exec "$@" </dev/null'
_GRACE_S = 5.0
_INHERITED = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


def environment(variables: Mapping[str, str], python_path: Sequence[Path]) -> dict[str, str]:
    """The environment of a job: little of the server's own, the job's variables, and where its code is."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    interpreter_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        **inherited,
        "PATH": interpreter_first,
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in python_path),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # an environment version's folder stays as it was uploaded
        **variables,
    }


async def start_gated(
    command: Sequence[str], *, cwd: Path, variables: Mapping[str, str], logs: Path
) -> asyncio.subprocess.Process:
    """Start a process in its own group, waiting at the gate, with its output appended to two log files."""
    with (logs / "stdout.txt").open("ab") as out, (logs / "stderr.txt").open("ab") as err:
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _GATE, "sh", *command,
            stdin=asyncio.subprocess.PIPE, stdout=out, stderr=err, cwd=cwd, env=dict(variables),
            start_new_session=True,
        )  # fmt: skip


def open_gate(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.close()


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process and its group: asked first, killed after a while."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()


def started_at(pid: int) -> str | None:
    """When a process started, in the system's own words; with the id it names a process for good."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        # The command name may contain spaces and brackets; the fields after it do not (man 5 proc).
        return stat.read_text().rpartition(")")[2].split()[19]
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None


def kill_survivor(pid: int, started: str) -> bool:
    """Kill a process of an earlier server, if it is still that process; whether it was."""
    if started_at(pid) != started:
        return False
    _signal_group(pid, signal.SIGKILL)
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
