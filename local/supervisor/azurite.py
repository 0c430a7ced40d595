"""How Azurite, the storage emulator, is started.

It keeps everything in memory and writes its files every 5 s and on SIGTERM: killed earlier it loses whole tables,
so that it is the one part that must never be killed. Without `--disableTelemetry` it calls home;
`--skipApiVersionCheck` lets current storage clients in.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SERVICES = ("blob", "queue", "table")

_LOOPBACK = "127.0.0.1"
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
        command += [f"--{service}Host", _LOOPBACK, f"--{service}Port", str(ports[service])]
    return command


def endpoint(port: int) -> str:
    """Base URL of one service: the account is the first path segment."""
    return f"http://{_LOOPBACK}:{port}/{ACCOUNT}"


def connection_string(ports: dict[str, int]) -> str:
    endpoints = "".join(f"{service.title()}Endpoint={endpoint(ports[service])};" for service in SERVICES)
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"
