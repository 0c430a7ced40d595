"""Fixtures: a broker below the wire for each test, and one running broker for the client contract."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus.management import ServiceBusAdministrationClient

from local.servicebus.config import load_config
from tests.local.servicebus.clients import Desk, Namespace, connection_string
from tests.local.servicebus.encoded import Bench
from tests.support.processes import Part, running

QUEUES = Path(__file__).with_name("queues.json")
AZURE_SETTING = "SWITCHYARD_CONTRACT_SERVICEBUS"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "data")
    yield bench
    bench.broker.close()


@pytest.fixture(scope="session")
def broker_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servicebus")


@pytest.fixture(scope="session")
def broker(broker_directory: Path) -> Iterator[Part]:
    """A broker that runs for the whole suite; tests that end one start their own."""
    with running_broker(broker_directory) as part:
        yield part


@pytest.fixture(scope="session", params=["local", "azure"])
def namespace(request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """The local broker, and Azure where a namespace for these tests is given."""
    if request.param == "local":
        yield Namespace(connection_string=connection_string(request.getfixturevalue("broker").port))
        return
    text = os.environ.get(AZURE_SETTING)
    if not text:
        pytest.skip(f"set {AZURE_SETTING} to run this against Azure (docs/local-servicebus.md)")
    with azure_queues(text):
        yield Namespace(connection_string=text, wait_s=30, empty_wait_s=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sync", "aio"])
async def desk(request: pytest.FixtureRequest, namespace: Namespace) -> AsyncIterator[Desk]:
    """A client of either kind, for the tests of a module."""
    desk = Desk(request.param, namespace)
    yield desk
    await desk.close()


@contextmanager
def azure_queues(text: str) -> Iterator[None]:
    """The queues of these tests in a namespace that has none of their names; Azure's least durations are longer."""
    queues = load_config(QUEUES).queues
    with ServiceBusAdministrationClient.from_connection_string(text) as admin:
        made: list[str] = []
        try:
            for queue in queues:
                admin.create_queue(
                    queue.name,
                    lock_duration=timedelta(seconds=max(queue.lock_s, 5)),
                    max_delivery_count=queue.max_delivery_count,
                    requires_session=queue.requires_session,
                    requires_duplicate_detection=queue.requires_duplicate_detection,
                    duplicate_detection_history_time_window=timedelta(seconds=max(queue.duplicate_window_s, 20)),
                    dead_lettering_on_message_expiration=queue.dead_lettering_on_message_expiration,
                    default_message_time_to_live=(
                        None if queue.default_ttl_s is None else timedelta(seconds=max(queue.default_ttl_s, 1))
                    ),
                )
                made.append(queue.name)
            yield
        finally:
            for name in made:
                admin.delete_queue(name)


@pytest.fixture(scope="session")
def broker_port(broker: Part) -> int:
    return broker.port


def running_broker(directory: Path) -> AbstractContextManager[Part]:
    """A broker with the queues of these tests."""
    options = ("--data", str(directory / "data"), "--config", str(QUEUES))
    return running("local.servicebus", *options, log=directory / "log")
