"""How Azurite, the storage emulator, is started.

It keeps everything in memory and writes its files every 5 s and on SIGTERM: killed earlier it loses whole tables,
so that it is the one part that must never be killed. Without `--disableTelemetry` it calls home;
`--skipApiVersionCheck` lets current storage clients in.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from local.conventions import LOOPBACK
from local.storage_account import SERVICES

_PROGRAM = Path("node_modules/azurite/dist/src/azurite.js")


class AzuriteMissing(RuntimeError):
    """node or the azurite package is not installed."""


def azurite_command(*, repository: Path, location: Path, ports: dict[str, int]) -> list[str]:
    """The command line; `ports` by service. Raises `AzuriteMissing`."""
    node = shutil.which("node")
    program = repository / _PROGRAM
    if node is None or not program.exists():
        raise AzuriteMissing("Azurite needs node and its package: install Node.js 20 and run `npm ci`.")
    command = [node, str(program), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command += ["--location", str(location)]
    for service in SERVICES:
        command += [f"--{service}Host", LOOPBACK, f"--{service}Port", str(ports[service])]
    return command
