"""Azurite, the Azure Machine Learning part and an Event Grid receiver, shared by all tests, and real clients."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from azure.ai.ml.constants._endpoint import EndpointInvokeFields

from local import redirect
from tests.local.azureml.cloud import ACCOUNT, Cloud
from tests.local.azureml.receiver import Receiver
from tests.local.azureml.workshop import ROOM, Workshop
from tests.support.processes import REPOSITORY, running

QUICK = {"lro_seconds": 0.05}
STARTED = pytest.StashKey[Cloud]()
_HEADERS_OF_A_NEW_CLIENT = dict(EndpointInvokeFields.DEFAULT_HEADER)


@pytest.fixture(scope="session")
def blob_base() -> Iterator[str]:
    """Azurite's Blob service on a free port, in memory."""
    script = REPOSITORY / "node_modules/azurite/dist/src/blob/main.js"
    process = subprocess.Popen(
        ["node", str(script), "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence",
         "--blobHost", "127.0.0.1", "--blobPort", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        for line in process.stdout:
            if match := re.search(r"successfully listen\w* (?:at|on) (http://127\.0\.0\.1:\d+)", line):
                yield match[1]
                break
        else:
            pytest.fail("Azurite did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, blob_base: str) -> Iterator[Cloud]:
    """Shared by all tests."""
    data = tmp_path_factory.mktemp("azureml")
    with Receiver().listening() as receiver:
        options = ["--data", str(data), "--blob-endpoint", f"{blob_base}/{ACCOUNT}", "--eventgrid", receiver.url]
        with running("local.azureml", *options, log=data / "log") as part:
            started = Cloud(part, data, receiver, blob_base)
            started.take_clients()
            request.config.stash[STARTED] = started
            started.control("PUT", "profile", json=QUICK)
            yield started
            redirect.uninstall()


@pytest.fixture(scope="module", autouse=True)
def _redirected(request: pytest.FixtureRequest) -> None:
    """Tests of another folder, which came between, may have led the clients of this process elsewhere."""
    if started := request.config.stash.get(STARTED, None):
        started.take_clients()


@pytest.fixture(autouse=True)
def _headers_of_one_call() -> None:
    """The client keeps the deployment that one call named for all later calls that name none."""
    EndpointInvokeFields.DEFAULT_HEADER.clear()
    EndpointInvokeFields.DEFAULT_HEADER.update(_HEADERS_OF_A_NEW_CLIENT)


@pytest.fixture(autouse=True)
def _nothing_wrong(request: pytest.FixtureRequest) -> Iterator[None]:
    """Faults and timing are as at the start again after each test."""
    yield
    if "cloud" in request.fixturenames:
        cloud: Cloud = request.getfixturevalue("cloud")
        cloud.control("DELETE", "faults")
        cloud.control("PUT", "profile", json=QUICK)


@pytest.fixture(scope="session")
def workshop(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The dev workspace with a model, an environment, and an endpoint with one deployment."""
    cloud.take_clients()
    cloud.control("PUT", "quotas", json=ROOM)
    made = Workshop(cloud, cloud.workspace(), tmp_path_factory.mktemp("workshop"))
    made.table("a.parquet", "b.parquet", "c.parquet")
    made.model()
    made.environment("1.5.0")
    made.endpoint()
    made.deploy()
    return made


@pytest.fixture
def quotas(workshop: Workshop) -> Iterator[dict[str, int]]:
    """The documented limits; other tests have room again afterwards."""
    workshop.cloud.control("PUT", "quotas", json={})
    yield workshop.cloud.control("GET", "quotas").json()
    workshop.cloud.control("PUT", "quotas", json=ROOM)
