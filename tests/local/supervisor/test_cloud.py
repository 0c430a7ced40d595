"""All parts together, as an app and its SDKs find them, through restarts, kills and a full stop."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.ai.ml import MLClient
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.servicebus import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusAuthenticationError
from azure.storage.blob import BlobServiceClient

from local import redirect
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.settings import RESOURCE_GROUP, SUBSCRIPTION
from tests.local.eventgrid.subscriber import Subscriber
from tests.support.processes import until

pytestmark = pytest.mark.e2e

APP = Path(__file__).with_name("app")
MODEL_REGISTERED = "Microsoft.MachineLearningServices.ModelRegistered"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    data = tmp_path_factory.mktemp("cloud")
    options = {"eventgrid": ["--retry-scale", "0.01"]}
    with LocalCloud(data, app=APP, extra_settings={"EXTRA": "given"}, part_options=options) as started:
        yield started


@pytest.fixture
def sdk_process(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as one in which the app or a script uses the SDKs."""
    for name, value in cloud.env().items():
        monkeypatch.setenv(name, value)
    redirect.install(**cloud.redirect_targets)
    yield
    redirect.uninstall()


def model_registered(number: int) -> dict[str, Any]:
    return {
        "id": f"registration-{number}",
        "subject": f"models/m:{number}",
        "eventType": MODEL_REGISTERED,
        "eventTime": "2026-01-02T03:04:05Z",
        "data": {"modelName": "m", "modelVersion": str(number)},
        "dataVersion": "2",
    }


def raise_event(cloud: LocalCloud, number: int) -> None:
    url = f"{cloud.urls['eventgrid']}/system/prod-ml-workspace/api/events"
    assert httpx.post(url, json=[model_registered(number)]).status_code == 200


def facts(cloud: LocalCloud) -> set[str]:
    if not cloud.facts_file.exists():
        return set()
    return {json.loads(line)["subject"] for line in cloud.facts_file.read_text().splitlines()}


def test_an_event_goes_through_every_part(cloud: LocalCloud) -> None:
    """Workspace event, webhook, function, queue, function, managed identity, topic: a fact in a file."""
    raise_event(cloud, 1)
    until(lambda: "models/m:1" in facts(cloud), deadline_s=30)


def test_the_app_sees_its_settings(cloud: LocalCloud) -> None:
    """The host gets what settings.json says, additions included, and env() says the same."""

    def seen(name: str) -> str:
        return httpx.get(f"{cloud.urls['api']}settings/{name}").text

    written = json.loads((cloud.data / "settings.json").read_text())["Values"]
    assert seen("EXTRA") == written["EXTRA"] == cloud.env()["EXTRA"] == "given"
    assert seen("TOKEN_ISSUER") == written["TOKEN_ISSUER"] == cloud.env()["TOKEN_ISSUER"]
    assert json.loads(seen("APPROVER_GROUPS")).keys() == {"ML-Engineers", "Engineering-Managers"}


@pytest.mark.usefixtures("sdk_process")
def test_the_ml_client_works_with_the_default_credential(cloud: LocalCloud) -> None:
    """Unmodified SDK, public configuration: only the environment points here."""
    client = MLClient(
        DefaultAzureCredential(),
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        os.environ["PRODUCTION_WORKSPACE"],
    )
    assert client.workspaces.get(os.environ["PRODUCTION_WORKSPACE"]).location == "westeurope"


def test_nothing_in_the_cloud_accepts_what_its_identity_part_did_not_sign(cloud: LocalCloud) -> None:
    """A well-formed token and a well-formed signature of somebody else: refused by every part."""
    claims = {"exp": int(time.time()) + 60, "oid": "somebody"}

    def bearer(audience: str) -> dict[str, str]:
        return {"authorization": "Bearer " + jwt.encode({**claims, "aud": audience}, "a" * 32, headers={"kid": "x"})}

    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    workspace = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/prod-ml-workspace"
    read = httpx.get(cloud.urls["azureml"] + workspace, headers=bearer("https://management.azure.com"))
    topic = f"{cloud.urls['eventgrid']}/topics/switchyard-facts/api/events"
    published = httpx.post(topic, json=[model_registered(9)], headers=bearer("https://eventgrid.azure.net"))
    assert (read.status_code, published.status_code) == (401, 401)
    other_key = cloud.env()["SERVICEBUS"].replace("SharedAccessKey=", "SharedAccessKey=another")
    with (
        ServiceBusClient.from_connection_string(other_key, retry_total=0) as client,
        pytest.raises(ServiceBusAuthenticationError),
    ):
        client.get_queue_sender("effects").__enter__()


def test_a_dead_event_becomes_a_blob(cloud: LocalCloud) -> None:
    """Azurite holds it in the form and place Event Grid uses."""
    with Subscriber(answer=lambda received: 400).listening() as subscriber:
        url = f"{cloud.urls['eventgrid']}/control/subscriptions/refuser"
        httpx.put(url, json={"system": "prod-ml-workspace", "endpoint": subscriber.url})
        until(lambda: subscriber.handshakes)
        raise_event(cloud, 2)
        storage = BlobServiceClient.from_connection_string(cloud.env()["STATE_STORAGE"])
        container = storage.get_container_client("deadletters")
        [name] = until(lambda: list(container.list_blob_names()) if container.exists() else [])
        httpx.delete(url)
    [letter] = json.loads(container.download_blob(name).readall())
    assert name.startswith("REFUSER/")
    assert (letter["id"], letter["deadLetterReason"]) == ("registration-2", "UndeliverableDueToHttpBadRequest")
    assert (letter["deliveryAttempts"], letter["lastHttpStatusCode"]) == (1, 400)


@pytest.mark.parametrize("part", ["servicebus", "eventgrid"])
def test_a_killed_part_is_noticed_and_comes_back(cloud: LocalCloud, part: str) -> None:
    """On the same port and data; the others go on."""
    before = cloud.urls
    cloud.kill(part)
    assert part not in cloud.problems()
    cloud.start_part(part)
    cloud.wait_healthy(20)
    assert cloud.urls == before


def test_a_part_that_dies_by_itself_is_named(cloud: LocalCloud) -> None:
    """Whoever watches sees the part and the signal that ended it."""
    pid = json.loads((cloud.data / "pids.json").read_text())["parts"]["identity"]["pid"]
    os.kill(pid, 9)
    until(lambda: cloud.dead_parts() == {"identity": -9})
    assert cloud.problems() == {"identity": "ended with status -9"}
    cloud.start_part("identity")
    assert cloud.problems() == {}


def test_azurite_is_never_killed_and_keeps_its_tables_over_a_restart(cloud: LocalCloud) -> None:
    """It writes its files on SIGTERM only (or every 5 s), so that a kill would lose whole tables."""
    with pytest.raises(ValueError, match="loses data when it is killed"):
        cloud.kill("azurite")
    tables = TableServiceClient.from_connection_string(cloud.env()["STATE_STORAGE"])
    table = tables.create_table_if_not_exists("keeps")
    for number in range(20):
        table.upsert_entity({"PartitionKey": "p", "RowKey": str(number)})
    cloud.restart("azurite")
    assert len(list(table.list_entities())) == 20


def test_the_whole_cloud_survives_a_stop(cloud: LocalCloud) -> None:
    """Down and up again: same addresses, same keys, and events still find their way."""
    kept = (cloud.urls, cloud.layout.host_keys.read_text())
    cloud.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{cloud.urls['identity']}/health")
    cloud.start()
    assert (cloud.urls, cloud.layout.host_keys.read_text()) == kept
    raise_event(cloud, 3)
    until(lambda: "models/m:3" in facts(cloud), deadline_s=30)


def test_a_directory_keeps_its_ports(tmp_path: Path) -> None:
    """They are chosen once per directory, so that addresses survive restarts."""
    one, again = (LocalCloud(tmp_path / "a", parts=[]) for _ in range(2))
    other = LocalCloud(tmp_path / "b", parts=[])
    assert one.urls == again.urls
    assert set(one.layout.ports.values()).isdisjoint(other.layout.ports.values())


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    """The message names the part and the file to delete; nothing was started."""
    with LocalCloud(tmp_path / "a", parts=["identity"]) as first:
        port = first.layout.ports["identity"]
        ports = {**LocalCloud(tmp_path / "b", parts=[]).layout.ports, "identity": port}
        (tmp_path / "b" / "ports.json").write_text(json.dumps(ports))
        second = LocalCloud(tmp_path / "b", parts=["identity", "eventgrid"])
        with pytest.raises(CloudError, match=rf"port {port} \(identity\): end it, or delete .*ports\.json"):
            second.start()
        assert not (tmp_path / "b" / "pids.json").exists()


def test_an_app_that_cannot_be_loaded_is_reported(tmp_path: Path) -> None:
    """The host's own words reach the person who started the cloud."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "host.json").write_text("{")
    with pytest.raises(CloudError, match=r"host cannot serve: .*host\.json"):
        LocalCloud(tmp_path / "data", app=tmp_path / "app", parts=["host"]).start()


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    """With the names of those that exist."""
    with pytest.raises(ValueError, match="choose from azurite, identity"):
        LocalCloud(tmp_path, parts=["redis"])
