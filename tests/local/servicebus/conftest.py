"""Fixtures: a broker below the wire for each test, and one running broker for the client contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.local.processes import Part, running
from tests.local.servicebus.encoded import Bench

QUEUES = Path(__file__).with_name("queues.json")


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


@pytest.fixture(scope="session")
def broker_port(broker: Part) -> int:
    return broker.port


def running_broker(directory: Path) -> AbstractContextManager[Part]:
    """A broker with the queues of these tests."""
    options = ("--data", str(directory / "data"), "--config", str(QUEUES))
    return running("local.servicebus", *options, log=directory / "log")
