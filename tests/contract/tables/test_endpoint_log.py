"""EndpointLog: the latest read of each endpoint, on the fake and on the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.tables.endpoints import TableEndpointLog
from shared.application.release.production import DeploymentRead, EndpointLog, EndpointRead
from tests.fakes.endpoints import MemoryEndpointLog
from tests.support.builders import NOW

RUNNING = DeploymentRead(
    circuit="P001-C001",
    model="sensor_model_P001_C001:7",
    environment="custom-tf-env:1.5.0",
    model_by="rel-1",
    environment_by="",
    provisioning="Succeeded",
)
READ = EndpointRead(endpoint_name="batch-endpoint-plant-P001", at=NOW, running=(RUNNING,))


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def log(request: pytest.FixtureRequest) -> EndpointLog:
    """Each test runs on both."""
    return MemoryEndpointLog() if request.param == "memory" else TableEndpointLog(request.getfixturevalue("table"))


async def test_before_the_first_read_nothing_is_known(log: EndpointLog) -> None:
    assert await log.all() == []


async def test_each_endpoint_has_its_latest_read(log: EndpointLog) -> None:
    """As it was put, whichever comes last."""
    later = replace(READ, at=NOW + timedelta(seconds=1), running=())
    other = replace(READ, endpoint_name="batch-endpoint-plant-P002")
    for read in (READ, later, other, READ):
        await log.put(read)
    assert await log.all() == [later, other]


async def test_an_endpoint_of_many_circuits_is_kept_whole(log: EndpointLog) -> None:
    """More than one column of a table holds."""
    many = replace(READ, running=tuple(replace(RUNNING, circuit=f"P001-C{number:03}") for number in range(500)))
    await log.put(many)
    assert await log.all() == [many]
