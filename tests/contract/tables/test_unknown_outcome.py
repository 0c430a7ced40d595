"""A write without a usable answer may have happened: the adapters read back before they say anything.

R-FAULT-19: after a commit that succeeded, the SDK may show 409, 412, 500, 503, a dropped connection or nothing at all,
depending on the request and on its own retries.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from shared.adapters.tables.intake import TableIntakeLog
from shared.adapters.tables.jobs import TableTestJobs
from shared.adapters.tables.locks import TableCircuitLocks
from shared.adapters.tables.releases import TableReleaseStore
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.ports import IntakeResult
from shared.application.release.ports import ReleaseCommit
from shared.domain.release.model import Phase
from tests.contract.conftest import ACCOUNT, KEY, Account, free_port
from tests.support.builders import NOW, RELEASE_ID, a_command, a_release, a_rest, a_summary, an_entry
from tests.support.faults import Fault, FaultyTransport

pytestmark = pytest.mark.azurite

QUICK = {**CLIENT_OPTIONS, "retry_backoff_factor": 0.01}

#: Each is survived by the SDK's retries, or shows itself as an error of some kind, after the write was done.
DONE = [
    pytest.param([fault] * times, id=f"{fault.value}, {times} times")
    for fault in (Fault.DONE_THEN_500, Fault.DONE_THEN_503, Fault.DONE_THEN_DROPPED)
    for times in (1, 4)
]
done_but_unanswered = pytest.mark.parametrize("faults", DONE)


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
        table = Table(service, table_name)
        await table.get("nothing", "there")
        yield table


@pytest.fixture
def store(table: Table) -> TableReleaseStore:
    return TableReleaseStore(table)


def an_opening() -> ReleaseCommit:
    return ReleaseCommit(
        release=a_release(Phase.DEPLOYING_PRODUCTION),
        version=None,
        event_ids=("opened",),
        entries=(an_entry(1),),
        commands=(a_command(1),),
    )


@done_but_unanswered
async def test_an_opening_that_was_written_is_a_success(
    store: TableReleaseStore, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """Never "exists already", and nothing is there twice."""
    transport.faults = list(faults)
    await store.commit(an_opening())
    loaded = await store.load(RELEASE_ID, ["opened"])
    assert loaded is not None
    assert (loaded.release, loaded.seen, loaded.unsent) == (an_opening().release, {"opened"}, (a_command(1),))
    assert await store.history(RELEASE_ID) == [an_entry(1)]


@done_but_unanswered
async def test_a_change_that_was_written_is_a_success(
    store: TableReleaseStore, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """Never "changed since it was loaded": the change is the own one."""
    await store.commit(an_opening())
    before = await store.load(RELEASE_ID)
    assert before is not None
    changed = replace(before.release, reason="changed")
    transport.faults = list(faults)
    await store.commit(ReleaseCommit(release=changed, version=before.version, event_ids=("change",)))
    after = await store.load(RELEASE_ID, ["change"])
    assert after is not None
    assert (after.release, after.seen) == (changed, {"change"})


@done_but_unanswered
async def test_commands_that_were_forgotten_stay_forgotten(
    store: TableReleaseStore, table: Table, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """All of a commit at once; the repeated request finds nothing any more, which is no fault."""
    commands = tuple(a_command(number) for number in range(1, 5))
    await store.commit(replace(an_opening(), commands=commands))
    transport.faults = list(faults)
    await store.mark_sent(RELEASE_ID, [command.command_id for command in commands[:3]])
    for each in (store, TableReleaseStore(table)):
        loaded = await each.load(RELEASE_ID)
        assert loaded is not None
        assert loaded.unsent == commands[3:]


async def test_commands_that_another_process_has_forgotten_do_no_harm(store: TableReleaseStore, table: Table) -> None:
    """Two processes have sent the same commands, and one of them more."""
    commands = tuple(a_command(number) for number in range(1, 4))
    await store.commit(replace(an_opening(), commands=commands))
    other = TableReleaseStore(table)
    assert await other.load(RELEASE_ID) is not None
    await store.mark_sent(RELEASE_ID, [commands[1].command_id])
    await other.mark_sent(RELEASE_ID, [command.command_id for command in commands[:2]])
    loaded = await TableReleaseStore(table).load(RELEASE_ID)
    assert loaded is not None
    assert loaded.unsent == commands[2:]


async def test_a_change_that_never_arrived_is_to_be_decided_again(
    store: TableReleaseStore, transport: FaultyTransport
) -> None:
    """Loading and committing again then works."""
    await store.commit(an_opening())
    before = await store.load(RELEASE_ID)
    assert before is not None
    change = ReleaseCommit(release=replace(before.release, reason="changed"), version=before.version)
    transport.faults = [Fault.NEVER_ARRIVES] * 4
    with pytest.raises(ConcurrentUpdate):
        await store.commit(change)
    transport.faults = []
    await store.commit(change)
    after = await store.load(RELEASE_ID)
    assert after is not None
    assert after.release.reason == "changed"


async def test_a_change_that_lands_after_it_was_given_up_acts_once(
    store: TableReleaseStore, transport: FaultyTransport
) -> None:
    """Deciding on the old version again loses, and loading shows the event applied."""
    await store.commit(an_opening())
    before = await store.load(RELEASE_ID, ["event"])
    assert before is not None
    change = ReleaseCommit(release=replace(before.release, reason="late"), version=before.version, event_ids=("event",))
    transport.faults = [Fault.ARRIVES_LATE]
    with pytest.raises(ConcurrentUpdate):
        await store.commit(change)
    again = await store.load(RELEASE_ID, ["event"])
    assert again is not None
    assert (again.version, again.seen) == (before.version, frozenset())
    await transport.deliver_late()
    with pytest.raises(ConcurrentUpdate):
        await store.commit(change)
    after = await store.load(RELEASE_ID, ["event"])
    assert after is not None
    assert (after.release.reason, after.seen) == ("late", {"event"})


@done_but_unanswered
async def test_somebody_elses_change_is_never_taken_for_the_own_one(
    store: TableReleaseStore, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """A stale commit loses, whatever the answers looked like."""
    await store.commit(an_opening())
    before = await store.load(RELEASE_ID)
    assert before is not None
    await store.commit(ReleaseCommit(release=replace(before.release, reason="theirs"), version=before.version))
    transport.faults = list(faults)
    with pytest.raises(ConcurrentUpdate):
        await store.commit(ReleaseCommit(release=replace(before.release, reason="mine"), version=before.version))
    after = await store.load(RELEASE_ID)
    assert after is not None
    assert after.release.reason == "theirs"


async def test_what_cannot_be_read_back_is_not_called_lost(
    store: TableReleaseStore, transport: FaultyTransport
) -> None:
    """The outcome stays unknown: try again later, and find the events applied."""
    transport.faults = [Fault.DONE_THEN_DROPPED] * 4
    transport.read_faults = [Fault.NEVER_ARRIVES] * 4
    with pytest.raises(TransientFault) as raised:
        await store.commit(an_opening())
    assert not isinstance(raised.value, ConcurrentUpdate)
    loaded = await store.load(RELEASE_ID, ["opened"])
    assert loaded is not None
    assert loaded.seen == {"opened"}


async def test_an_answer_that_never_comes_is_not_waited_for(
    account: Account, table_name: str, transport: FaultyTransport
) -> None:
    """Every call has a deadline; what it did is read back all the same."""
    options = {**QUICK, "transport": transport}
    async with TableServiceClient.from_connection_string(account.connection_string, **options) as service:
        store = TableReleaseStore(Table(service, table_name, call_deadline_s=1.0))
        await store.history(RELEASE_ID)
        transport.faults = [Fault.DONE_THEN_SILENCE]
        await asyncio.wait_for(store.commit(an_opening()), timeout=10)
        assert await store.load(RELEASE_ID) is not None


@done_but_unanswered
async def test_a_lock_that_was_taken_keeps_its_first_epoch(
    table: Table, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """Asking again does not void the own epoch, and giving back works the same way."""
    locks = TableCircuitLocks(table)
    transport.faults = list(faults)
    taken = await locks.acquire("P001-C001", RELEASE_ID, NOW)
    assert (taken.holder, taken.epoch) == (RELEASE_ID, 1)
    transport.faults = list(faults)
    await locks.free("P001-C001", RELEASE_ID, NOW + timedelta(minutes=3))
    freed = await locks.get("P001-C001")
    assert freed is not None
    assert (freed.holder, freed.epoch, freed.free_from) == ("", 1, NOW + timedelta(minutes=3))


@done_but_unanswered
async def test_a_claim_that_was_written_is_new(table: Table, transport: FaultyTransport, faults: list[Fault]) -> None:
    """Taking it for somebody else's would leave the test job unstarted; recording survives the same faults."""
    jobs = TableTestJobs(table)
    transport.faults = list(faults)
    assert (await jobs.claim(RELEASE_ID, 6, NOW)).is_new
    transport.faults = list(faults)
    await jobs.record(RELEASE_ID, 6, "job-1")
    assert await jobs.release_of("job-1") == RELEASE_ID
    assert (await jobs.claim(RELEASE_ID, 6, NOW)).job_name == "job-1"


@done_but_unanswered
async def test_records_and_indexes_survive_lost_answers(
    store: TableReleaseStore, table: Table, transport: FaultyTransport, faults: list[Fault]
) -> None:
    """Intake records and the list of ended releases."""
    transport.faults = list(faults)
    await store.add_open(RELEASE_ID, NOW)
    transport.faults = list(faults)
    await store.wake(RELEASE_ID, 3)
    transport.faults = list(faults)
    await store.rest(a_rest(number=4))
    assert [each.resting for each in (await store.open(10)).records] == [a_rest(number=4)]
    transport.faults = list(faults)
    await store.close(a_summary(), NOW, 1)
    assert [each.summary for each in (await store.ended(10)).records] == [a_summary()]
    assert (await store.open(10)).records == []
    transport.faults = list(faults)
    await TableIntakeLog(table).record("id", IntakeResult.NOT_OURS, "subject", "reason", NOW)
    assert len(await table.query("intake")) == 1


CALLS: dict[str, Callable[[Table], Awaitable[object]]] = {
    "load": lambda table: TableReleaseStore(table).load(RELEASE_ID, ["event"]),
    "commit": lambda table: TableReleaseStore(table).commit(an_opening()),
    "mark_sent": lambda table: TableReleaseStore(table).mark_sent(RELEASE_ID, ["command"]),
    "history": lambda table: TableReleaseStore(table).history(RELEASE_ID),
    "add_open": lambda table: TableReleaseStore(table).add_open(RELEASE_ID, NOW),
    "wake": lambda table: TableReleaseStore(table).wake(RELEASE_ID, 1),
    "rest": lambda table: TableReleaseStore(table).rest(a_rest()),
    "open": lambda table: TableReleaseStore(table).open(10),
    "close": lambda table: TableReleaseStore(table).close(a_summary(), NOW, 1),
    "ended": lambda table: TableReleaseStore(table).ended(10),
    "acquire": lambda table: TableCircuitLocks(table).acquire("P001-C001", RELEASE_ID, NOW),
    "free": lambda table: TableCircuitLocks(table).free("P001-C001", RELEASE_ID, NOW),
    "get": lambda table: TableCircuitLocks(table).get("P001-C001"),
    "held": lambda table: TableCircuitLocks(table).held(),
    "claim": lambda table: TableTestJobs(table).claim(RELEASE_ID, 1, NOW),
    "record_job": lambda table: TableTestJobs(table).record(RELEASE_ID, 1, "job"),
    "release_of": lambda table: TableTestJobs(table).release_of("job"),
    "record": lambda table: TableIntakeLog(table).record("id", IntakeResult.NOT_OURS, "", "", NOW),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_an_account_that_does_not_answer_is_a_transient_fault(
    call: Callable[[Table], Awaitable[object]],
) -> None:
    """No foreign error leaves an adapter, whichever method was called."""
    endpoint = f"http://127.0.0.1:{free_port()}/{ACCOUNT}"
    address = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"
    async with TableServiceClient.from_connection_string(address, **QUICK) as service:
        with pytest.raises(TransientFault, match="switchyard"):
            await call(Table(service))


async def test_a_table_that_vanished_is_made_again(service: TableServiceClient, table_name: str) -> None:
    """The first call says so and the next one finds an empty table, never a release that silently does not exist."""
    table = Table(service, table_name)
    store = TableReleaseStore(table)
    locks = TableCircuitLocks(table)
    for call in (lambda: store.load(RELEASE_ID), lambda: locks.get("P001-C001")):
        await call()
        await service.delete_table(table_name)
        with pytest.raises(TransientFault):
            await call()
        assert await call() is None
