"""The functions on in-memory ports, with real settings, real token checks and a key set served on 127.0.0.1."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared import bootstrap
from tests.functions.callers import GROUP_ID, TENANT, Signer
from tests.support.benches.release import Bench
from tests.support.benches.road import fleet_in_production

SETTINGS = {
    "STATE_STORAGE": "UseDevelopmentStorage=true",
    "SERVICEBUS": "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=none;SharedAccessKey=none",
    "RELEASE_EVENTS_QUEUE": "release-events",
    "EFFECTS_QUEUE": "effects",
    "TRAININGS_QUEUE": "trainings",
    "CHANGES_QUEUE": "changes",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_RESOURCE_GROUP": "mlops-rg",
    "DEV_WORKSPACE": "dev-ml-workspace",
    "TEST_WORKSPACE": "test-ml-workspace",
    "PRODUCTION_WORKSPACE": "prod-ml-workspace",
    "MODEL_REGISTRY": "mlregistry-shared",
    "FACTS_TOPIC_ENDPOINT": "https://switchyard-facts.westeurope-1.eventgrid.azure.net/api/events",
    "API_AUDIENCE": "api://switchyard",
    "APPROVER_GROUPS": json.dumps({"ML-Engineers": GROUP_ID}),
}


class KeySet(BaseHTTPRequestHandler):
    """GET answers the key set of the server."""

    def do_GET(self) -> None:
        body = self.server.key_set  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Whose tokens are believed."""
    return Signer("known-key")


@pytest.fixture(scope="session")
def jwks_uri(signer: Signer) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), KeySet)
    server.key_set = json.dumps({"keys": [signer.public_jwk()]}).encode()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, jwks_uri: str) -> Iterator[Bench]:
    """The composition root hands out these ports; settings and token verifier are the app's own."""
    for name, value in {**SETTINGS, "JWKS_URI": jwks_uri}.items():
        monkeypatch.setenv(name, value)
    forget_settings()
    made = Bench()
    bootstrap.ports.provide(lambda: made.ports)
    bootstrap.alert_ports.provide(lambda: made.alert_ports)
    yield made
    bootstrap.ports.provide(None)
    bootstrap.alert_ports.provide(None)
    forget_settings()


@pytest.fixture
def fleet(bench: Bench) -> Bench:
    """Six circuits in production."""
    return fleet_in_production(bench)


def forget_settings() -> None:
    """What the process read of its environment is read again."""
    bootstrap.settings.cache_clear()
    bootstrap.token_verifier.cache_clear()
