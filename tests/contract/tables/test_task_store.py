"""TaskStore and ProposalStore: tasks that are made once and change one writer at a time, and ends in order of time."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.adapters.tables.monitoring import TableProposalStore
from shared.adapters.tables.routines import TableTaskStore
from shared.application.errors import ConcurrentUpdate
from shared.application.routines.ports import ProposalStore, TaskStore
from shared.domain.routines.cutoff import Proposal, ProposalState
from shared.domain.routines.task import EndKind, JobEnd, Routine, Task, TaskLimits, TaskRef, claimed, failed, finished
from tests.fakes.routines import MemoryProposalStore, MemoryTaskStore

NOW = datetime(2026, 1, 6, 3, 30, 0, 123456, tzinfo=UTC)
DAY = "2026-01-05"
TASK = Task(
    routine=Routine.INFERENCE,
    period=DAY,
    circuit="P001-C001",
    endpoint_name="batch-endpoint-plant-P001",
    deployment_name="deployment-circuit-c001",
    model="azureml://registries/r/models/m/versions/3",
    created_at=NOW,
    look_at=NOW,
)
PROPOSAL = Proposal(
    circuit="P001-C001",
    period="2025-q4",
    state=ProposalState.PLANNED,
    path="config/plants/P001/C001.yml",
    branch="drift/p001-c001-2025-q4",
    title="title",
    body="Füße",
    diff="-a\n+b\n",
    cutoff_date=date(2025, 12, 31),
    proposed_at=NOW,
)
BOTH = ["memory", pytest.param("tables", marks=pytest.mark.azurite)]


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> TaskStore:
    """Each test runs on both."""
    return MemoryTaskStore() if request.param == "memory" else TableTaskStore(request.getfixturevalue("table"))


@pytest.fixture(params=BOTH)
def proposals(request: pytest.FixtureRequest) -> ProposalStore:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryProposalStore()
    return TableProposalStore(request.getfixturevalue("table"))


async def test_a_task_is_made_once_and_reads_back_as_it_was(store: TaskStore) -> None:
    assert await store.load(TASK.ref) is None
    assert await store.create(TASK)
    assert not await store.create(replace(TASK, detail="another"))
    stored = await store.load(TASK.ref)
    assert stored is not None
    assert stored.task == TASK
    assert await store.open() == [TASK.ref]


async def test_of_many_who_make_a_task_one_does(store: TaskStore) -> None:
    made = await asyncio.gather(*(store.create(replace(TASK, detail=str(number))) for number in range(6)))
    assert made.count(True) == 1


async def test_a_task_with_ends_and_results_reads_back_as_it_was(store: TaskStore) -> None:
    await store.create(TASK)
    task = failed(claimed(TASK, NOW), NOW, "it failed: ü", TaskLimits(), EndKind.FAILED)
    task = finished(claimed(task, NOW), NOW, "done", {"mae": 0.1, "level": "ok"})
    task = replace(task, told=1, alerts=("batch-job-failure: failed_jobs 1 > 0",), looks=7)
    stored = await store.load(TASK.ref)
    assert stored is not None
    await store.save(task, stored.version)
    again = await store.load(TASK.ref)
    assert again is not None
    assert again.task == task


async def test_only_who_read_the_last_version_may_change_a_task(store: TaskStore) -> None:
    """And of many at once exactly one wins."""
    await store.create(TASK)
    stored = await store.load(TASK.ref)
    assert stored is not None
    saved = await asyncio.gather(
        *(store.save(replace(TASK, looks=number), stored.version) for number in range(1, 6)), return_exceptions=True
    )
    assert [isinstance(each, ConcurrentUpdate) for each in saved].count(False) == 1
    [version] = [each for each in saved if isinstance(each, str)]
    await store.save(replace(TASK, looks=9), version)


async def test_a_task_that_is_done_leaves_the_open_ones_and_comes_back_when_it_is_opened_again(
    store: TaskStore,
) -> None:
    await store.create(TASK)
    stored = await store.load(TASK.ref)
    assert stored is not None
    over = finished(claimed(TASK, NOW), NOW, "done", {})
    version = await store.save(over, stored.version)
    assert await store.open() == [TASK.ref]  # nobody was told yet
    version = await store.save(replace(over, told=1), version)
    assert await store.open() == []
    await store.save(TASK, version)
    assert await store.open() == [TASK.ref]


async def test_the_tasks_of_a_period_come_by_circuit(store: TaskStore) -> None:
    for circuit in ("P002-C001", "P001-C002", "P001-C001"):
        await store.create(replace(TASK, circuit=circuit))
    await store.create(replace(TASK, period="2026-01-04"))
    await store.create(replace(TASK, routine=Routine.PERFORMANCE, period="2025-12"))
    assert [task.circuit for task in await store.of(Routine.INFERENCE, DAY)] == ["P001-C001", "P001-C002", "P002-C001"]
    assert await store.of(Routine.DRIFT, "2025-q4") == []
    assert await store.load(TaskRef(routine=Routine.INFERENCE, period=DAY, circuit="P009-C001")) is None


async def test_ends_come_in_the_order_of_time_from_the_asked_moment_on(store: TaskStore) -> None:
    ends = [
        JobEnd(attempt=n, job_name=f"job-{n}", kind=EndKind.FAILED, ended_at=NOW + timedelta(seconds=n), detail="")
        for n in (3, 1, 2)
    ]
    for end in [*ends, ends[0]]:  # recording one again is fine
        await store.record_end(TASK, end)
    await store.record_end(replace(TASK, routine=Routine.DRIFT, period="2025-q4"), ends[0])
    found = await store.ended_since(Routine.INFERENCE, NOW + timedelta(seconds=2))
    assert [(circuit, end.attempt) for circuit, end in found] == [("P001-C001", 2), ("P001-C001", 3)]
    just_after = NOW + timedelta(seconds=3, microseconds=1)
    assert await store.ended_since(Routine.INFERENCE, just_after) == []


async def test_a_period_whose_tasks_are_being_made_is_listed_until_they_are_there(store: TaskStore) -> None:
    assert await store.latest(Routine.INFERENCE) is None
    for _ in range(2):
        await store.begin(Routine.INFERENCE, DAY)
    await store.begin(Routine.DRIFT, "2025-q4")
    assert set(await store.begun()) == {(Routine.DRIFT, "2025-q4"), (Routine.INFERENCE, DAY)}
    for period in (DAY, "2026-01-03", DAY):
        await store.complete(Routine.INFERENCE, period)
    assert await store.latest(Routine.INFERENCE) == DAY  # never back
    assert await store.begun() == [(Routine.DRIFT, "2025-q4")]


async def test_there_is_one_proposal_per_circuit_and_quarter(proposals: ProposalStore) -> None:
    claims = await asyncio.gather(*(proposals.claim(replace(PROPOSAL, note=str(n))) for n in range(5)))
    assert len(set(claims)) == 1
    assert await proposals.of(["2025-q4"]) == [claims[0]]


async def test_a_proposal_is_replaced_and_found_by_quarter(proposals: ProposalStore) -> None:
    await proposals.claim(PROPOSAL)
    await proposals.claim(replace(PROPOSAL, circuit="P001-C002"))
    opened = replace(PROPOSAL, state=ProposalState.OPENED, url="https://source.example.com/pull/1")
    await proposals.save(opened, PROPOSAL)
    with pytest.raises(ConcurrentUpdate):
        await proposals.save(replace(PROPOSAL, note="given up"), PROPOSAL)
    assert await proposals.of(["2025-q3", "2025-q4"]) == [opened, replace(PROPOSAL, circuit="P001-C002")]
    assert await proposals.of([]) == []
