"""One suite over every kind of record: an answer that is lost leaves no doubt, and nothing is written twice.

Releases are in test_unknown_outcome: they commit more than a record.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from shared.adapters.tables.access import CLIENT_OPTIONS, Table, etag_of
from shared.adapters.tables.routines import TableTaskStore
from shared.adapters.tables.slots import TableTrainingSlots
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.domain.routines.task import Routine
from tests.contract.conftest import Account
from tests.contract.tables.record_kinds import (
    Kind,
    alerts,
    changes,
    freezes,
    messages,
    notices,
    proposals,
    tasks,
    trainings,
)
from tests.support.builders import NOW
from tests.support.faults import Fault, FaultyTransport

pytestmark = pytest.mark.azurite

QUICK = {**CLIENT_OPTIONS, "retry_backoff_factor": 0.01}
REQUESTS = 1 + CLIENT_OPTIONS["retry_total"]  # at most, of one write
DONE = [
    pytest.param([fault] * times, id=f"{fault.value}, {times} times")
    for fault in (Fault.DONE_THEN_500, Fault.DONE_THEN_503, Fault.DONE_THEN_DROPPED)
    for times in (1, REQUESTS)
]
NEVER = [Fault.NEVER_ARRIVES] * 100  # of as many requests as there are
done_but_unanswered = pytest.mark.parametrize("faults", DONE)


every_kind = pytest.mark.parametrize(
    "kind_of", [alerts, changes, trainings, tasks, proposals, freezes, notices, messages]
)


@pytest.fixture
async def transport() -> AsyncIterator[FaultyTransport]:
    """Loses answers on order."""
    async with FaultyTransport() as transport:
        yield transport


@pytest.fixture
async def table(account: Account, table_name: str, transport: FaultyTransport) -> AsyncIterator[Table]:
    """A table behind that transport; it exists, so that the faults hit what the test does."""
    options = {**QUICK, "transport": transport}
    async with TableServiceClient.from_connection_string(account.connection_string, **options) as service:
        table = Table(service, table_name, call_deadline_s=2.0)
        await table.get("nothing", "there")
        yield table


async def rows_of(kind: Kind, table: Table) -> list[dict[str, Any]]:
    """All that is there of the kind, but for the ids that differ in every write."""
    rows = [row for partition in kind.partitions for row in await table.query(partition)]
    return [{name: row[name] for name in row if name != "op_id"} for row in rows]


async def loaded(kind: Kind) -> tuple[str, Any]:
    found = await kind.load()
    assert found is not None
    return found


@contextlib.contextmanager
def lost(
    transport: FaultyTransport, kind: Kind, faults: list[Fault], reading: list[Fault] | None = None
) -> Iterator[None]:
    """`faults` meet the writes of the record, and `reading` its reads, until the end of the block."""
    transport.faults = [*[Fault.NONE] * kind.writes_before, *faults]
    transport.read_faults = [*[Fault.NONE] * kind.reads_before, *(reading or [])]
    try:
        yield
    finally:
        transport.faults, transport.read_faults = [], []


@every_kind
@done_but_unanswered
async def test_a_record_that_was_written_is_new(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind], faults: list[Fault]
) -> None:
    """Never "it is there already"; and once created it is there for everybody else."""
    kind = kind_of(table)
    with lost(transport, kind, faults):
        assert await kind.create("me")
    there = await rows_of(kind, table)
    with lost(transport, kind, faults):
        assert not await kind.create("somebody else")
    assert await rows_of(kind, table) == there
    assert (await loaded(kind))[0] == "me"


@every_kind
@done_but_unanswered
async def test_a_change_that_was_written_is_a_success(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind], faults: list[Fault]
) -> None:
    """Never "changed since it was read", and the version that it brings is the one to go on with."""
    kind = kind_of(table)
    await kind.create("me")
    _, version = await loaded(kind)
    with lost(transport, kind, faults):
        saved = await kind.save("me again", version)
    there = await rows_of(kind, table)
    name, version = await loaded(kind)
    assert name == "me again"
    if isinstance(saved, str):
        assert saved == version
    if not kind.lasts:
        await kind.save("me at last", version)
    assert len(await rows_of(kind, table)) == len(there)


@every_kind
@done_but_unanswered
async def test_somebody_elses_change_is_never_taken_for_the_own_one(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind], faults: list[Fault]
) -> None:
    """Whoever read an old version loses, whatever the answers looked like, and leaves nothing behind."""
    kind = kind_of(table)
    await kind.create("me")
    _, version = await loaded(kind)
    await kind.save("somebody else", version)
    there = await rows_of(kind, table)
    with pytest.raises(ConcurrentUpdate), lost(transport, kind, faults):
        await kind.save("me again", version)
    assert await rows_of(kind, table) == there


@every_kind
async def test_a_write_that_never_arrived_is_a_fault_and_can_be_repeated(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """It is not called somebody else's: the record is not there, or still as it was read."""
    kind = kind_of(table)
    with pytest.raises(TransientFault) as raised, lost(transport, kind, NEVER):
        await kind.create("me")
    assert not isinstance(raised.value, ConcurrentUpdate)
    assert await kind.load() is None
    assert await kind.create("me")
    before = await loaded(kind)
    with pytest.raises(TransientFault) as raised, lost(transport, kind, NEVER):
        await kind.save("me again", before[1])
    assert not isinstance(raised.value, ConcurrentUpdate)
    assert await loaded(kind) == before
    await kind.save("me again", before[1])
    assert (await loaded(kind))[0] == "me again"


@every_kind
async def test_a_new_record_that_arrives_after_it_was_given_up_is_there_once(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """Whoever creates it again finds it."""
    kind = kind_of(table)
    with pytest.raises(TransientFault), lost(transport, kind, [Fault.ARRIVES_LATE]):
        await kind.create("me, late")
    assert await kind.load() is None
    await transport.deliver_late()
    there = await rows_of(kind, table)
    assert not await kind.create("me again")
    assert await rows_of(kind, table) == there
    assert (await loaded(kind))[0] == "me, late"


@pytest.mark.parametrize("kind_of", [alerts, changes, trainings, tasks, notices, messages])
async def test_a_change_that_arrives_after_it_was_given_up_acts_once(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """Deciding on the old version again loses. (Proposals and freezes do not give up, see the next test.)"""
    kind = kind_of(table)
    await kind.create("me")
    _, version = await loaded(kind)
    with pytest.raises(TransientFault), lost(transport, kind, [Fault.ARRIVES_LATE]):
        await kind.save("me, late", version)
    assert await loaded(kind) == ("me", version)
    await transport.deliver_late()
    with pytest.raises(ConcurrentUpdate):
        await kind.save("me again", version)
    assert (await loaded(kind))[0] == "me, late"


@pytest.mark.parametrize("kind_of", [proposals, freezes])
async def test_a_change_that_was_repeated_before_it_arrived_acts_once(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """The repetition was written on top of the same version; what arrives afterwards is refused."""
    kind = kind_of(table)
    await kind.create("me")
    _, before = await loaded(kind)
    with lost(transport, kind, [Fault.ARRIVES_LATE]):
        await kind.save("me again", before)
    there = [etag_of(row) for row in await table.query(kind.partitions[0])]
    await transport.deliver_late()
    assert [etag_of(row) for row in await table.query(kind.partitions[0])] == there
    assert (await loaded(kind))[0] == "me again"


@every_kind
async def test_what_cannot_be_read_back_is_not_called_lost(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """The outcome stays unknown: that is a fault, and the next reading shows what was written."""
    kind = kind_of(table)
    await kind.create("me")
    _, version = await loaded(kind)
    unread = lost(transport, kind, [Fault.DONE_THEN_DROPPED] * REQUESTS, NEVER)
    with pytest.raises(TransientFault) as raised, unread:
        await kind.save("me again", version)
    assert not isinstance(raised.value, ConcurrentUpdate)
    assert (await loaded(kind))[0] == "me again"


@every_kind
async def test_an_answer_that_never_comes_is_not_waited_for(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """Every call has a deadline; what it did is read back all the same."""
    kind = kind_of(table)
    with lost(transport, kind, [Fault.DONE_THEN_SILENCE]):
        assert await asyncio.wait_for(kind.create("me"), timeout=20)


@every_kind
async def test_of_many_who_save_at_once_exactly_one_succeeds(
    table: Table, transport: FaultyTransport, kind_of: Callable[[Table], Kind]
) -> None:
    """The others are told so, and the record is the winner's."""
    kind = kind_of(table)
    await kind.create("me")
    _, version = await loaded(kind)
    names = [f"writer {number}" for number in range(4)]
    saved = await asyncio.gather(*(kind.save(name, version) for name in names), return_exceptions=True)
    assert [isinstance(each, ConcurrentUpdate) for each in saved].count(True) == 3
    (winner,) = [name for name, each in zip(names, saved, strict=True) if not isinstance(each, BaseException)]
    assert (await loaded(kind))[0] == winner


@done_but_unanswered
async def test_a_slot_whose_taking_and_giving_back_got_no_answer_is_one_slot(
    table: Table, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """Whoever gave it back learns that, so that the next one in line is told."""
    slots = TableTrainingSlots(table)
    transport.faults = list(faults)
    assert await slots.claim("run-a", NOW, 5)
    assert [slot.run_id for slot in await slots.taken()] == ["run-a"]
    transport.faults = list(faults)
    assert await slots.free("run-a")
    assert await slots.taken() == []


@done_but_unanswered
async def test_the_last_period_moves_on_and_never_back(
    table: Table, transport: FaultyTransport, faults: list[Fault]
) -> None:
    store = TableTaskStore(table)
    for period in ("2026-01-05", "2026-01-06", "2026-01-04"):
        await store.begin(Routine.INFERENCE, period)
        transport.faults = list(faults) if period != "2026-01-04" else []  # that one moves nothing
        await store.complete(Routine.INFERENCE, period)
        transport.faults = []
    assert await store.latest(Routine.INFERENCE) == "2026-01-06"
    assert await store.begun() == []


async def test_a_row_that_cannot_be_written_is_given_up(table: Table, transport: FaultyTransport) -> None:
    """After some tries, as a fault that names the row."""
    transport.faults = list(NEVER)
    with pytest.raises(TransientFault, match="training-slots/fleet could not be written in 20 tries"):
        await TableTrainingSlots(table).claim("run-a", NOW, 5)
