"""The parts of the local cloud: where each one listens, how it is started, what it waits for."""

from __future__ import annotations

import json
import random
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local import storage_account
from local.conventions import LOOPBACK, write_atomically
from local.supervisor.azurite import azurite_command

REPOSITORY = Path(__file__).resolve().parents[2]
TENANT = "11111111-1111-1111-1111-111111111111"
SERVICE_BUS_KEY = ("RootManageSharedAccessKey", "SAS_KEY_VALUE")  # that of the emulator, known to everybody
MAIL_ACCESS_KEY = "bG9jYWwtYWNjZXNzLWtleQ=="
MAIL_SENDER = "switchyard@switchyard.example"
WORKFLOW_SIGNATURE = "local"
WEBHOOK_SECRET = "whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQtMjQtYnl0ZXM="  # nosec B105 # of the local mailbox

# Below the range from which the system takes ports for outgoing connections (32768 and up on Linux): a port chosen
# there could be taken by a mere client while a part restarts.
PORT_RANGE = range(20000, 32000)
PORT_NAMES = (
    "azurite_blob", "azurite_queue", "azurite_table", "identity", "servicebus", "eventgrid", "azureml", "mailbox",
    "host",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything of one local cloud is. All paths are absolute."""

    data: Path
    app: Path
    lake: Path
    ports: Mapping[str, int]

    def url(self, part: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[part]}"

    @property
    def azurite_ports(self) -> dict[str, int]:
        return {service: self.ports[f"azurite_{service}"] for service in storage_account.SERVICES}

    @property
    def blob_endpoint(self) -> str:
        return storage_account.endpoint(self.ports["azurite_blob"])

    @property
    def issuer(self) -> str:
        return f"{self.url('identity')}/{TENANT}/v2.0"

    @property
    def jwks_uri(self) -> str:
        return f"{self.url('identity')}/{TENANT}/discovery/v2.0/keys"

    @property
    def settings_file(self) -> Path:
        return self.data / "settings.json"

    @property
    def policies_file(self) -> Path:
        return self.data / "policies.yml"

    @property
    def monitoring_file(self) -> Path:
        return self.data / "monitoring.yml"

    @property
    def notifications_file(self) -> Path:
        return self.data / "notifications.yml"

    @property
    def people_file(self) -> Path:
        return self.data / "people.yml"

    @property
    def config_dir(self) -> Path:
        """The fleet's configuration: the data directory's own (local/seeding/fleet_config.py), or else the sample's."""
        own = self.data / "config"
        return own if (own / "plants_circuits.yml").is_file() else REPOSITORY / "config"

    @property
    def eventgrid_config(self) -> Path:
        return self.data / "eventgrid.json"

    @property
    def host_keys(self) -> Path:
        return self.data / "host" / "keys.json"


@dataclass(frozen=True, kw_only=True)
class PartSpec:
    name: str
    ports: tuple[str, ...]
    command: Callable[[Layout], list[str]]
    after: tuple[str, ...] = ()  # parts that must be ready first, as far as they run at all
    announces: bool = True  # writes a readiness line; otherwise open ports have to do
    speaks_http: bool = True  # answers GET /health
    may_be_killed: bool = True
    patience_s: float = 5.0  # from SIGTERM to the end


def _python(module: str, layout: Layout, *options: str) -> list[str]:
    name = module.rpartition(".")[2]
    return [
        sys.executable, "-m", module,
        "--port", str(layout.ports[name]), "--data", str(layout.data / name), *options,
    ]  # fmt: skip


def _azurite(layout: Layout) -> list[str]:
    return azurite_command(repository=REPOSITORY, location=layout.data / "azurite", ports=layout.azurite_ports)


def _servicebus(layout: Layout) -> list[str]:
    key = "=".join(SERVICE_BUS_KEY)
    return _python("local.servicebus", layout, "--sas-key", key, "--jwks", layout.jwks_uri)


def _eventgrid(layout: Layout) -> list[str]:
    return _python(
        "local.eventgrid", layout,
        "--config", str(layout.eventgrid_config), "--sink-dir", str(layout.data),
        "--blob-endpoint", layout.blob_endpoint, "--jwks", layout.jwks_uri,
    )  # fmt: skip


def _azureml(layout: Layout) -> list[str]:
    return _python(
        "local.azureml", layout,
        "--blob-endpoint", layout.blob_endpoint, "--eventgrid", layout.url("eventgrid"),
        "--jwks", layout.jwks_uri, "--lake", str(layout.lake),
        "--alerts", f"{layout.url('host')}/api/alerts", "--identity", layout.url("identity"),
    )  # fmt: skip


def _mailbox(layout: Layout) -> list[str]:
    return _python(
        "local.mailbox", layout,
        "--access-key", MAIL_ACCESS_KEY, "--sender", MAIL_SENDER, "--workflow-signature", WORKFLOW_SIGNATURE,
        "--webhook-secret", WEBHOOK_SECRET, "--jwks", layout.jwks_uri,
    )  # fmt: skip


def _host(layout: Layout) -> list[str]:
    return _python(
        "local.host", layout, "--app", str(layout.app), "--settings", str(layout.settings_file)
    )  # fmt: skip


PARTS: Mapping[str, PartSpec] = {
    spec.name: spec
    for spec in (
        PartSpec(
            name="azurite",
            ports=("azurite_blob", "azurite_queue", "azurite_table"),
            command=_azurite,
            announces=False,
            speaks_http=False,
            may_be_killed=False,
            patience_s=30,  # it rewrites its whole database as one file
        ),
        PartSpec(name="identity", ports=("identity",), command=lambda at: _python("local.identity", at)),
        PartSpec(
            name="servicebus",
            ports=("servicebus",),
            command=_servicebus,
            speaks_http=False,
        ),
        PartSpec(name="eventgrid", ports=("eventgrid",), command=_eventgrid),
        PartSpec(name="azureml", ports=("azureml",), command=_azureml),
        PartSpec(name="mailbox", ports=("mailbox",), command=_mailbox),
        PartSpec(
            name="host",
            ports=("host",),
            command=_host,
            after=("azurite", "identity", "servicebus"),  # spares the app a first minute of failing triggers
            patience_s=15,  # it lets running functions finish
        ),
    )
}


def choose_ports(file: Path, *, preferred: Mapping[str, int] | None = None) -> dict[str, int]:
    """The ports of a data directory: read from its file, or picked once and written there."""
    known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    missing = [name for name in PORT_NAMES if name not in known]
    if missing:
        for name in missing:
            wanted = (preferred or {}).get(name)
            known[name] = wanted if wanted and is_free(wanted) else _free_port(known.values())
        write_atomically(file, json.dumps(known, indent=2) + "\n")
    return known


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free_port(taken: Iterable[int]) -> int:
    while True:
        port = random.choice(PORT_RANGE)  # nosec B311 # any free port will do
        if port not in taken and is_free(port):
            return port
