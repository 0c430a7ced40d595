"""The outside of the adapters, real: Azurite's tables and the local Service Bus, once per session."""

import itertools
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from tests.support.processes import REPOSITORY, running, until

AZURITE = REPOSITORY / "node_modules" / "azurite" / "dist" / "src" / "table" / "main.js"
# The account and key that Azurite publishes for everybody.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TABLE_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """Where the tables are."""

    connection_string: str


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Azurite's table service on a free port, in memory, ended with SIGTERM."""
    port = free_port()
    log = tmp_path_factory.mktemp("azurite")
    process = start_azurite(port, log)
    try:
        until(lambda: answers(port), deadline_s=30)
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"
        yield Account(text)
    finally:
        process.terminate()
        process.wait(timeout=10)


def start_azurite(port: int, directory: Path) -> subprocess.Popen[bytes]:
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            ["node", str(AZURITE), "--tablePort", str(port), *options],
            cwd=directory,
            stdout=log,
            stderr=log,
            env={**os.environ, "NODE_OPTIONS": "--no-warnings"},
        )


def free_port() -> int:
    """A port that was free a moment ago: Azurite does not tell which one it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
    return True


@pytest.fixture
async def service(account: Account) -> AsyncIterator[TableServiceClient]:
    """A client with the settings of the product."""
    async with TableServiceClient.from_connection_string(account.connection_string, **CLIENT_OPTIONS) as client:
        yield client


@pytest.fixture
def table_name() -> str:
    """A table of the test's own, which does not exist yet."""
    return f"switchyard{next(TABLE_NUMBERS)}"


@pytest.fixture
def table(service: TableServiceClient, table_name: str) -> Table:
    """The product's door to that table."""
    return Table(service, table_name)


@pytest.fixture(scope="session")
def bus_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running local Service Bus."""
    directory = tmp_path_factory.mktemp("servicebus")
    with running("local.servicebus", "--data", str(directory / "data"), log=directory / "log") as part:
        yield (
            f"Endpoint=sb://127.0.0.1:{part.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )


@pytest.fixture
async def bus(bus_address: str) -> AsyncIterator[ServiceBusClient]:
    """A client of that bus."""
    async with ServiceBusClient.from_connection_string(bus_address) as client:
        yield client
