"""LoadPlatform: what every implementation keeps, the one in memory and the one on Azure ML, where loads really run."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.adapters.azure_ml.etl import AzureMlLoads, load_job
from shared.application.errors import PlatformErrored, PlatformRefused
from shared.application.etl.load import LoadPlan, LoadPlatform
from shared.domain.etl.load import LoadSummary
from shared.domain.job_ends import JobSeen
from tests.application.etl.test_load import PLAN
from tests.fakes.loads import MemoryLoadPlatform
from tests.support import platforms
from tests.support.platforms import DEV, azure_ml, eventually
from tests.support.processes import REPOSITORY

_numbers = itertools.count(1)


class Hands(Protocol):
    """What a test needs besides the port."""

    platform: LoadPlatform
    plan: LoadPlan

    def finish(self, job_name: str) -> None:
        """From now on the job may end; it finds one file that is broken and one with a row."""

    def runs(self, job_name: str) -> int:
        """How many times the job was started."""


@dataclass
class MemoryHands:
    """The fake needs no server."""

    platform: MemoryLoadPlatform = field(default_factory=MemoryLoadPlatform)
    plan: LoadPlan = PLAN

    def finish(self, job_name: str) -> None:
        self.platform.end(job_name, summary=LoadSummary(quarantined=1))

    def runs(self, job_name: str) -> int:
        return int(job_name in self.platform.submitted)


@dataclass
class AzureMlHands:
    """The product's adapter on the local Azure ML, with the repository's own environment."""

    inner: platforms.AzureMlHands
    environment: str

    def __post_init__(self) -> None:
        self.platform = AzureMlLoads(self.inner.clients)
        table = self.inner.root / "lake" / "processed" / f"loaded-{next(_numbers)}"
        self.plan = replace(PLAN, environment=self.environment, table=str(table))

    def finish(self, job_name: str) -> None:
        """It ends by itself."""

    def runs(self, job_name: str) -> int:
        return sum(1 for each in (self.inner.root / "data" / "jobs").rglob(job_name) if each.is_dir())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[platforms.AzureMlHands, str]]:
    """Azure ML with raw files and an environment in the registry."""
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        raw = hands.root / "lake" / "raw"
        raw.mkdir()
        row = {"timestamp": datetime(2025, 12, 9, tzinfo=UTC), "sensor_id": "SENSOR_P001_C001", "temperature": 1.0}
        pq.write_table(pa.Table.from_pylist([row]), raw / "good.parquet")
        (raw / "broken.parquet").write_bytes(b"PAR1")
        yield hands, _registered(hands)


def _registered(hands: platforms.AzureMlHands) -> str:
    from azure.ai.ml.entities import BuildContext, Environment

    wanted = Environment(name="load-env", version="1.5.0", build=BuildContext(path=str(REPOSITORY / "environment")))
    hands.trainer.environments.create_or_update(wanted)
    return asyncio.run(hands.platform.promote_environment(DEV, "load-env", "1.5.0"))


@pytest.fixture
def azure(service: tuple[platforms.AzureMlHands, str]) -> AzureMlHands:
    """With a table of the test's own."""
    return AzureMlHands(*service)


@pytest.fixture(params=["memory", pytest.param("azure-ml", marks=pytest.mark.azurite)])
def hands(request: pytest.FixtureRequest) -> Hands:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryHands()
    azure: AzureMlHands = request.getfixturevalue("azure")
    return azure


@pytest.fixture
def job_name() -> str:
    """A window's job that nobody submitted yet."""
    return f"sensor-etl-20251209t{next(_numbers):04}z"


async def ended(hands: Hands, job_name: str) -> JobSeen:
    """The job once it has ended."""
    hands.finish(job_name)
    seen = await eventually(
        lambda: hands.platform.get_job(job_name), lambda job: job is not None and job.end is not None, 60
    )
    assert seen is not None
    return seen


async def test_a_job_that_was_not_submitted_is_not_there(hands: Hands, job_name: str) -> None:
    assert await hands.platform.get_job(job_name) is None
    with pytest.raises(PlatformRefused, match="no report"):
        await hands.platform.summary(job_name)


async def test_a_load_runs_once_and_says_what_it_did(hands: Hands, job_name: str) -> None:
    """Submitted twice, and the second time with another plan: the window has its load."""
    await hands.platform.submit(job_name, hands.plan)
    await hands.platform.submit(job_name, replace(hands.plan, job_limit_s=600))
    assert (await ended(hands, job_name)).status == "Completed"
    await hands.platform.submit(job_name, hands.plan)
    assert hands.runs(job_name) == 1
    summary = await hands.platform.summary(job_name)
    assert summary.quarantined == 1
    assert summary.problems == ()


@pytest.mark.azurite
async def test_a_load_really_writes_the_table(azure: AzureMlHands, job_name: str) -> None:
    """Its process opens the table by its address; the next load finds nothing to do."""
    await azure.platform.submit(job_name, azure.plan)
    await ended(azure, job_name)
    from deltalake import DeltaTable

    table = DeltaTable(azure.plan.table)
    assert table.to_pyarrow_table()["temperature"].to_pylist() == [1.0]
    await azure.platform.submit(f"{job_name}-next", azure.plan)
    await ended(azure, f"{job_name}-next")
    assert DeltaTable(azure.plan.table).version() == table.version()
    assert (await azure.platform.summary(f"{job_name}-next")).quarantined == 0


@pytest.mark.azurite
async def test_a_lost_answer_is_settled_by_submitting_again(azure: AzureMlHands, job_name: str) -> None:
    """The name makes one job of both."""
    azure.inner.fault("job.put", "drop_after_commit")
    with pytest.raises(PlatformErrored):
        await azure.platform.submit(job_name, azure.plan)
    await azure.platform.submit(job_name, azure.plan)
    assert (await ended(azure, job_name)).status == "Completed"
    azure.inner.calm()


@pytest.mark.parametrize("table", ["lake; rm -rf /", "abfss://lake@x.dfs/a b", "https://x/y", "", "$(id)"])
def test_what_is_no_address_becomes_no_part_of_a_command(table: str) -> None:
    with pytest.raises(PlatformRefused, match="address of a table"):
        load_job("sensor-etl-20251209t0300z", replace(PLAN, table=table))


def test_the_definition_and_the_submitted_job_are_the_same() -> None:
    """Who runs the load by hand runs what the timer runs."""
    from azure.ai.ml import load_job as read_definition

    defined = _written_out(read_definition(REPOSITORY / "pipelines" / "etl.yml"))
    plan = replace(
        PLAN,
        table="abfss://lake@productiondatalake.dfs.core.windows.net/processed/sensor_data",
        features=("temperature", "pressure", "vibration"),
    )
    assert defined == _written_out(load_job("sensor-etl-20251209t0300z", plan))
    assert {"command", "environmentId", "computeId", "inputs", "outputs", "limits"} <= set(defined)


def _written_out(job: Any) -> dict[str, Any]:
    """What the client would send."""
    sent: dict[str, Any] = job._to_job()._to_rest_object().as_dict()["properties"]
    sent["outputs"]["report"]["uri"] = sent["outputs"]["report"]["uri"].replace("${{name}}", job.name)
    return {"name": job.name, **sent}
