"""The guard in every Python process of a job: nothing leaves the machine, by whatever way Python has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import local.azureml.jobs as jobs

SITE = Path(jobs.__file__).parent / "job_site"


def said_by(code: str) -> str:
    """The last line that a process of a job wrote."""
    variables = {**os.environ, "PYTHONPATH": str(SITE)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
        "socket.getaddrinfo('example.com', 80)",
        "socket.gethostbyname('example.com')",
        "socket.gethostbyaddr('192.0.2.1')",
        "socket.getnameinfo(('192.0.2.1', 80), 0)",
    ],
)
def test_a_job_cannot_leave_the_machine(code: str) -> None:
    """The error names the place."""
    assert "EgressBlocked: A connection of this job to" in said_by(f"import socket; {code}")


def test_a_job_reaches_what_runs_beside_it_and_knows_its_own_name() -> None:
    """A closed port is refused by the machine, not by the guard."""
    assert "ConnectionRefusedError" in said_by("import socket; socket.create_connection(('127.0.0.1', 1), 1)")
    assert said_by("import socket; print(bool(socket.getfqdn()))") == "True"
