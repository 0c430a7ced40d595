"""BatchOutcomes: ended jobs of the asked circuits since a moment, on the fake and on the recorded daily inference."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from shared.adapters.tables.routines import TableTaskStore
from shared.application.release.ports import BatchOutcomes, Outcomes
from shared.application.routines.inference import RecordedOutcomes
from shared.application.routines.ports import TaskStore
from shared.domain.routines.task import EndKind, JobEnd
from tests.contract.tables.test_task_store import BOTH, NOW, TASK
from tests.fakes.outcomes import MemoryBatchOutcomes
from tests.fakes.routines import MemoryTaskStore

ONE, TWO, NONE = "P001-C001", "P001-C002", "P009-C001"
WELL = EndKind.COMPLETED


@dataclass(frozen=True)
class Production:
    """What is asked, and how a job of a circuit ends in its world."""

    outcomes: BatchOutcomes
    ends: Callable[[str, datetime, int, EndKind], Awaitable[None]]


def remembered() -> Production:
    memory = MemoryBatchOutcomes()

    async def ends(circuit: str, at: datetime, attempt: int, kind: EndKind) -> None:
        failed = kind in (EndKind.FAILED, EndKind.BAD_OUTPUT)
        memory.end(circuit, at, succeeded=kind is WELL, failed=failed, unclear=kind is EndKind.NO_OUTPUT)

    return Production(memory, ends)


def recorded(tasks: TaskStore) -> Production:
    async def ends(circuit: str, at: datetime, attempt: int, kind: EndKind) -> None:
        end = JobEnd(attempt=attempt, job_name=f"{circuit}-{attempt}", kind=kind, ended_at=at, detail="")
        await tasks.record_end(replace(TASK, circuit=circuit), end)

    return Production(RecordedOutcomes(tasks), ends)


@pytest.fixture(params=["fake", *BOTH])
def production(request: pytest.FixtureRequest) -> Production:
    """Each test runs on the fake, and on the recorded ends in memory and in the tables."""
    if request.param == "fake":
        return remembered()
    if request.param == "memory":
        return recorded(MemoryTaskStore())
    return recorded(TableTaskStore(request.getfixturevalue("table")))


async def test_every_asked_circuit_has_an_entry_and_no_other(production: Production) -> None:
    await production.ends(ONE, NOW, 1, WELL)
    await production.ends(TWO, NOW, 1, EndKind.FAILED)

    found = await production.outcomes.since([ONE, NONE], NOW)

    assert found == {ONE: Outcomes(succeeded=1), NONE: Outcomes()}


async def test_tries_of_one_circuit_count_by_themselves(production: Production) -> None:
    """Failed, tried again, succeeded: that is one of each."""
    await production.ends(ONE, NOW, 1, EndKind.FAILED)
    await production.ends(ONE, NOW + timedelta(minutes=9), 2, WELL)

    assert (await production.outcomes.since([ONE], NOW))[ONE] == Outcomes(succeeded=1, failed=1)


async def test_what_ended_before_does_not_count_and_what_ended_at_that_moment_does(production: Production) -> None:
    """To the microsecond: the watch begins when production runs something else."""
    await production.ends(ONE, NOW - timedelta(microseconds=1), 1, EndKind.FAILED)
    await production.ends(TWO, NOW, 1, WELL)

    found = await production.outcomes.since([ONE, TWO], NOW)

    assert found == {ONE: Outcomes(), TWO: Outcomes(succeeded=1)}


async def test_a_completed_job_succeeded_only_with_predictions_of_use(production: Production) -> None:
    """Of what is not there nobody can tell; what did not come from the circuit's own job says nothing at all."""
    for attempt, kind in enumerate(EndKind, start=1):
        await production.ends(ONE, NOW, attempt, kind)

    assert (await production.outcomes.since([ONE], NOW))[ONE] == Outcomes(succeeded=1, failed=2, unclear=1)
