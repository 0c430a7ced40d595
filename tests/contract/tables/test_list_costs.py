"""What lists and sweeps read of the table: counted in requests, which do not vary with the machine."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from azure.data.tables.aio import TableServiceClient

from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from shared.adapters.tables.locks import TableCircuitLocks
from shared.adapters.tables.releases import TableReleaseStore
from shared.application.release.lists import Wanted, list_releases
from shared.application.release.ports import Ports, ReleaseCommit
from shared.application.release.sweep import release_nets
from shared.application.work.sweep import sweep
from shared.domain.release.model import Phase
from tests.contract.conftest import Account
from tests.support.benches.release import Bench
from tests.support.builders import NOW, a_release
from tests.support.faults import FaultyTransport

pytestmark = pytest.mark.azurite

RELEASES = 30
GATE = Phase.AWAITING_REGISTRY_APPROVAL


@pytest.fixture
async def transport() -> AsyncIterator[FaultyTransport]:
    """Counts reads."""
    async with FaultyTransport() as transport:
        yield transport


@pytest.fixture
async def table(account: Account, table_name: str, transport: FaultyTransport) -> AsyncIterator[Table]:
    options = {**CLIENT_OPTIONS, "transport": transport}
    async with TableServiceClient.from_connection_string(account.connection_string, **options) as service:
        yield Table(service, table_name)


async def ports_of(table: Table, releases: int) -> Ports:
    """So many releases at their first gate, every second of which holds a circuit; one sweep lays them to rest."""
    store, locks = TableReleaseStore(table), TableCircuitLocks(table)
    for number in range(releases):
        release = a_release(GATE, release_id=f"rel-{number:04}")
        await store.add_open(release.release_id, NOW)
        await store.commit(ReleaseCommit(release=release, version=None, may_rest=True))
        if number % 2:
            await locks.acquire(f"P001-C{number:03}", release.release_id, NOW)
    ports = replace(Bench().ports, store=store, locks=locks)
    assert (await sweep(release_nets(ports))).failed == {}
    return ports


async def test_a_sweep_reads_as_much_of_many_resting_releases_as_of_one(
    table: Table, transport: FaultyTransport
) -> None:
    """One answer of the table for the index, one for the locks, and the index once more for who holds them."""
    ports = await ports_of(table, RELEASES)
    transport.reads = 0
    report = await sweep(release_nets(ports))
    assert (transport.reads, report.failed) == (3, {})


async def test_a_release_that_is_awake_costs_a_sweep_a_handful_of_reads(
    table: Table, transport: FaultyTransport
) -> None:
    """The release, its outbox, and who holds its circuit."""
    ports = await ports_of(table, RELEASES)
    await ports.store.wake("rel-0001", 10)
    transport.reads = 0
    await sweep(release_nets(ports))
    assert transport.reads <= 3 + 5


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(phase=GATE)])
async def test_a_page_of_resting_releases_is_one_read(table: Table, transport: FaultyTransport, wanted: Wanted) -> None:
    ports = await ports_of(table, RELEASES)
    transport.reads = 0
    page = await list_releases(ports, RELEASES - 1, wanted=wanted)
    assert (len(page.records), transport.reads) == (RELEASES - 1, 1)
