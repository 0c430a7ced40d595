"""TrainingStore and TrainingSlots: one suite for the fakes and for Azure Tables."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.tables.slots import TableTrainingSlots
from shared.adapters.tables.trainings import TableTrainingStore
from shared.application.errors import ConcurrentUpdate
from shared.application.training.ports import TrainingSlots, TrainingStore
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import TrainingPhase, TrainingRun, run_id_of
from shared.domain.training.steps import entered, settled
from tests.fakes.training import MemoryTrainingSlots, MemoryTrainingStore
from tests.support.benches.training import a_request
from tests.support.builders import NOW

LIMITS = TrainingLimits()
BACKENDS = ["memory", pytest.param("tables", marks=pytest.mark.azurite)]


@pytest.fixture(params=BACKENDS)
def runs(request: pytest.FixtureRequest) -> TrainingStore:
    return MemoryTrainingStore() if request.param == "memory" else TableTrainingStore(request.getfixturevalue("table"))


@pytest.fixture(params=BACKENDS)
def slots(request: pytest.FixtureRequest) -> TrainingSlots:
    return MemoryTrainingSlots() if request.param == "memory" else TableTrainingSlots(request.getfixturevalue("table"))


def a_run(circuit_id: str = "C001", seconds: float = 0) -> TrainingRun:
    """A run that was asked for some seconds after the start."""
    request, at = a_request(circuit_id), NOW + timedelta(seconds=seconds)
    run = TrainingRun(
        run_id=run_id_of(request),
        request=request,
        model_name=f"sensor_model_P001_{circuit_id}",
        requested_at=at,
        phase=TrainingPhase.REGISTERING_DATA,
        since=at,
        deadline_at=None,
        look_at=at,
    )
    return entered(run, TrainingPhase.REGISTERING_DATA, at, LIMITS, "the registration of its data")


async def test_a_run_is_created_once(runs: TrainingStore) -> None:
    """Who asks again finds the first one, as far as it is by now."""
    run = a_run()
    assert await runs.create(run)
    assert not await runs.create(replace(run, waits_for="something else"))
    stored = await runs.load(run.run_id)
    assert stored is not None
    assert stored.run == run
    assert await runs.load("train-nobody") is None


async def test_of_two_who_save_one_wins(runs: TrainingStore) -> None:
    run = a_run()
    await runs.create(run)
    stored = await runs.load(run.run_id)
    assert stored is not None
    version = await runs.save(entered(run, TrainingPhase.WAITING_FOR_SLOT, NOW, LIMITS), stored.version)
    with pytest.raises(ConcurrentUpdate):
        await runs.save(entered(run, TrainingPhase.FAILED, NOW, LIMITS), stored.version)
    await runs.save(entered(run, TrainingPhase.TRAINING, NOW, LIMITS), version)


async def test_open_runs_are_listed_in_the_order_they_were_asked_for(runs: TrainingStore) -> None:
    """Whoever waits longest comes first."""
    for seconds, circuit_id in ((20, "C003"), (0, "C001"), (10, "C002")):
        await runs.create(a_run(circuit_id, seconds))
    assert [each.run_id.split("-")[2] for each in await runs.open_runs()] == ["c001", "c002", "c003"]
    assert {each.phase for each in await runs.open_runs()} == {TrainingPhase.REGISTERING_DATA}


async def test_a_run_stays_open_until_its_end_is_settled(runs: TrainingStore) -> None:
    """Its slot may still be taken and nobody told."""
    run = a_run()
    await runs.create(run)
    stored = await runs.load(run.run_id)
    assert stored is not None
    ended = entered(run, TrainingPhase.FAILED, NOW, LIMITS)
    version = await runs.save(ended, stored.version)
    assert [each.phase for each in await runs.open_runs()] == [TrainingPhase.FAILED]
    await runs.save(settled(ended), version)
    assert await runs.open_runs() == []
    assert (await runs.listed(10)).records == [run.run_id]


async def test_ends_and_failures_are_listed_by_their_time(runs: TrainingStore) -> None:
    """The latest first; a failure at the asked time counts, one before does not."""
    for number, phase in enumerate((TrainingPhase.FAILED, TrainingPhase.SUCCEEDED, TrainingPhase.FAILED)):
        run, at = a_run(f"C00{number + 1}"), NOW + timedelta(minutes=number)
        await runs.create(run)
        stored = await runs.load(run.run_id)
        assert stored is not None
        await runs.save(settled(entered(run, phase, at, LIMITS)), stored.version)
    first = await runs.listed(2)
    assert [each.split("-")[2] for each in first.records] == ["c003", "c002"]
    last = await runs.listed(2, first.after)
    assert ([each.split("-")[2] for each in last.records], last.after) == (["c001"], "")
    assert [each.split("-")[2] for each in await runs.failed_since(NOW, 10)] == ["c003", "c001"]
    assert [each.split("-")[2] for each in await runs.failed_since(NOW + timedelta(seconds=1), 10)] == ["c003"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_pages_lead_from_open_runs_to_ended_ones(runs: TrainingStore, limit: int) -> None:
    """None is left out where one list ends and the other begins."""
    for number in range(4):
        run = a_run(f"C00{number}", number)
        await runs.create(run)
        stored = await runs.load(run.run_id)
        assert stored is not None
        if number >= 2:
            at = NOW + timedelta(minutes=number)
            await runs.save(settled(entered(run, TrainingPhase.SUCCEEDED, at, LIMITS)), stored.version)
    found, page = list[str](), await runs.listed(limit)
    while True:
        found += page.records
        if not page.after:
            break
        page = await runs.listed(limit, page.after)
    assert [each.split("-")[2] for each in found] == ["c000", "c001", "c003", "c002"]


async def test_of_many_at_once_only_as_many_get_a_slot_as_there_are(slots: TrainingSlots) -> None:
    """Five of twelve, whoever they are."""
    got = await asyncio.gather(*(slots.claim(f"run-{number}", NOW, 5) for number in range(12)))
    assert sum(got) == 5
    assert len(await slots.taken()) == 5


async def test_claiming_again_keeps_the_slot_and_its_time(slots: TrainingSlots) -> None:
    """A step that is done twice takes one slot."""
    assert await slots.claim("run-a", NOW, 1)
    assert await slots.claim("run-a", NOW + timedelta(hours=1), 1)
    assert [slot.since for slot in await slots.taken()] == [NOW]
    assert not await slots.claim("run-b", NOW, 1)


async def test_a_freed_slot_is_free_once(slots: TrainingSlots) -> None:
    assert not await slots.free("run-a")
    await slots.claim("run-a", NOW, 1)
    assert await slots.free("run-a")
    assert not await slots.free("run-a")
    assert await slots.claim("run-b", NOW, 1)


async def test_a_smaller_limit_counts_at_once_and_takes_nobody_s_slot(slots: TrainingSlots) -> None:
    for name in ("run-a", "run-b", "run-c"):
        await slots.claim(name, NOW, 3)
    await slots.free("run-a")
    assert not await slots.claim("run-d", NOW, 2)
    assert await slots.claim("run-b", NOW, 2)
