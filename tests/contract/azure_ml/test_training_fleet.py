"""Training runs on the real adapters, Azure Tables and the local Azure ML; only the queue is driven by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest

from shared.adapters.system_clock import SystemClock
from shared.adapters.tables.access import Table
from shared.adapters.tables.slots import TableTrainingSlots
from shared.adapters.tables.trainings import TableTrainingStore
from shared.application.training.advance import advance
from shared.application.training.people import abort_training, lineage_of
from shared.application.training.ports import TrainingPorts
from shared.application.training.start import request_trainings
from shared.application.work.look import Look
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import TrainingPhase, TrainingRequest, TrainingRun
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.training import FixedTrainingConfig, MemoryArtifactStore
from tests.support.benches.training import ENGINEER, a_request, config_yaml
from tests.support.training_azure import (
    QUICK_ENVIRONMENT,
    REAL_ENVIRONMENT,
    Workshop,
    register_real_environment,
    workshop,
)

pytestmark = pytest.mark.azurite
PARALLEL_MAX = 5
LOOK_S = 0.1
"""Between two looks at jobs, which take seconds; each look is a request that the service has to answer."""


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("fleet")) as made:
        yield made


class Looks:
    """The queue, which this test reads itself: a run that waits is looked at again a moment later."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    async def send(self, look: Look, message_id: str, at: Any = None) -> None:
        if look.key not in self.waiting:
            self.waiting.append(look.key)


def ports_of(azure: Workshop, table: Table, requests: list[TrainingRequest], environment: str) -> TrainingPorts:
    config = FixedTrainingConfig(requests, TrainingLimits(parallel_max=PARALLEL_MAX, look_interval_s=1))
    config.environment_name = environment
    return TrainingPorts(
        clock=SystemClock(),
        runs=TableTrainingStore(table),
        slots=TableTrainingSlots(table),
        queue=Looks(),
        platform=azure.platform,
        artifacts=MemoryArtifactStore(),
        facts=MemoryFactPublisher(),
        findings=MemoryFindingLog(),
        config=config,
    )


@asynccontextmanager
async def counting(azure: Workshop) -> Any:
    """How many jobs were live at once, looked at all the time."""
    most, done = [0], asyncio.Event()

    async def count() -> None:
        while not done.is_set():
            most.append(len(await asyncio.to_thread(azure.live_jobs)))
            await asyncio.sleep(LOOK_S)

    counter = asyncio.create_task(count())
    try:
        yield most
    finally:
        done.set()
        await counter


async def work_off(ports: TrainingPorts, deadline_s: float = 60) -> list[TrainingRun]:
    """Looks at every run, two at a time, until all have ended."""
    async with asyncio.timeout(deadline_s):
        while run_ids := [each.run_id for each in await ports.runs.open_runs()]:
            for pair in zip(run_ids[::2], [*run_ids[1::2], run_ids[0]], strict=False):
                await asyncio.gather(*(advance(run_id, ports) for run_id in dict.fromkeys(pair)))
            await asyncio.sleep(LOOK_S)
    stored = [await ports.runs.load(run_id) for run_id in (await ports.runs.listed(50)).records]
    return [each.run for each in stored if each]


async def test_seven_requests_never_train_more_than_five_at_once_and_end_with_seven_models(
    azure: Workshop, table: Table
) -> None:
    """Asked for twice, looked at two at a time; doing everything again changes nothing."""
    requests = [
        a_request(f"C{number:03}", config_yaml=f"# sleep 2\n{a_request().config_yaml}") for number in range(1, 8)
    ]
    ports = ports_of(azure, table, requests, QUICK_ENVIRONMENT)
    run_ids = await request_trainings(requests, ports)
    assert await request_trainings(requests, ports) == run_ids
    async with counting(azure) as most:
        runs = await work_off(ports)
    assert {run.phase for run in runs} == {TrainingPhase.SUCCEEDED}, [run.failure for run in runs]
    assert 2 < max(most) <= PARALLEL_MAX
    assert await ports.slots.taken() == []
    for run in runs:
        [model] = await ports.platform.versions(run.model_name)
        assert (model.version, model.tags["training_run"]) == ("1", run.run_id)
        lineage = await lineage_of(f"P001/{run.request.circuit_id}", "1", ports)
        assert lineage.job_data == run.data_asset
        assert lineage.artifact is not None
        assert lineage.artifact["commit_sha"] == run.request.commit
        assert azure.run(run.job_name)["metrics"] == {"mae": 0.1, "r2": 0.9}
        assert model.tags["mae"] == "0.1"
    assert await request_trainings(requests, ports) == run_ids
    assert [await advance(run_id, ports) for run_id in run_ids] == [
        each.run for each in [await ports.runs.load(run_id) for run_id in run_ids] if each
    ]


async def test_a_training_that_a_person_ends_cancels_its_job_and_frees_its_slot(azure: Workshop, table: Table) -> None:
    request = a_request("C101", config_yaml=f"# sleep 60\n{a_request().config_yaml}")
    ports = ports_of(azure, table, [request], QUICK_ENVIRONMENT)
    [run_id] = await request_trainings([request], ports)
    run = await advance(run_id, ports)
    assert run is not None
    assert azure.live_jobs() == [run.job_name]
    await abort_training(run_id, ENGINEER, "wrong cutoff date", ports)
    [ended] = await work_off(ports)
    assert (ended.phase, azure.live_jobs(), await ports.slots.taken()) == (TrainingPhase.ABORTED, [], [])
    assert "wrong cutoff date" in ended.failure


async def test_a_job_that_fails_technically_is_tried_once_more(azure: Workshop, table: Table) -> None:
    request = a_request("C102", config_yaml=f"# break\n{a_request().config_yaml}")
    ports = ports_of(azure, table, [request], QUICK_ENVIRONMENT)
    [run_id] = await request_trainings([request], ports)
    [ended] = await work_off(ports)
    assert (ended.phase, ended.attempt) == (TrainingPhase.FAILED, 2)
    assert f"{run_id}-2" in ended.failure


@pytest.fixture(scope="module")
def real(azure: Workshop) -> str:
    """The environment's own code, registered, and a table of another sensor; the version of the code."""
    import sensor_model
    from sensor_model.data import write_days

    for file in azure.table.glob("*.csv"):
        file.unlink()
    write_days(azure.table, ["SENSOR_P001_C001"], [date(2025, 12, 8), date(2025, 12, 9)], 7)
    register_real_environment(azure.hands, sensor_model.__version__)
    return str(sensor_model.__version__)


async def test_data_that_cannot_be_trained_on_is_told_by_the_job_and_not_tried_again(
    azure: Workshop, table: Table, real: str
) -> None:
    """The job's own words, by way of its run's tags."""
    text = config_yaml("P001", "C002", a_request().cutoff_date, real)
    request = a_request("C002", environment_version=real, config_yaml=text)
    ports = ports_of(azure, table, [request], REAL_ENVIRONMENT)
    await request_trainings([request], ports)
    [ended] = await work_off(ports)
    assert (ended.phase, ended.attempt) == (TrainingPhase.FAILED, 1)
    assert ended.failure.startswith("NoRowsError: SENSOR_P001_C002 has no rows"), azure.log(ended.job_name)
    assert azure.run(ended.job_name)["params"]["cutoff_date"] == "2025-12-09"
