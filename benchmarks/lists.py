"""What lists and the sweep cost with many releases, on Azurite's tables with the real SDK.

`python -m benchmarks.lists` writes 10,000 releases into a table of its own, of which 1,000 are open and wait at a gate,
every fifth of those with a circuit's lock, and measures, with the use cases and the app's own adapters:

page     a page of 50: of all releases, of the inbox of a person, of one circuit, of ended releases; p50 and p95
sweep    of 1,000 open releases at rest: seconds, and reads of the table for 100 of them
first    the sweep before it, which finds all of them awake, as older code leaves them, and lays them to rest

Writing them takes some minutes. Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from azure.data.tables.aio import TableServiceClient

from local import storage_account
from local.supervisor.cloud import LocalCloud
from shared.adapters.system_clock import SystemClock
from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from shared.adapters.tables.locks import TableCircuitLocks
from shared.adapters.tables.releases import TableReleaseStore
from shared.application.release.lists import Wanted, list_releases
from shared.application.release.ports import Ports, ReleaseCommit
from shared.application.release.summary import summary_of
from shared.application.release.sweep import release_nets
from shared.application.work.sweep import sweep
from shared.domain.release.model import Phase, Release
from tests.support.benches.release import Bench
from tests.support.builders import a_release, an_actor
from tests.support.faults import FaultyTransport

CIRCUITS = 200
PAGE = 50
AT_ONCE = 8
PAGE_P95_MS = 100.0
SWEEP_S = 2.0
READS_PER_100 = 2.0

Figures = dict[str, tuple[float, float]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure lists and the sweep with many releases.")
    parser.add_argument("--releases", type=int, default=10_000)
    parser.add_argument("--open", type=int, default=1_000)
    parser.add_argument("--pages", type=int, default=40, help="how many pages of each list")
    options = parser.parse_args()
    return asyncio.run(_measured(options.releases, options.open, options.pages))


async def _measured(releases: int, is_open: int, pages: int) -> int:
    async with _table() as (table, transport):
        ports = replace(
            Bench().ports, clock=SystemClock(), store=TableReleaseStore(table), locks=TableCircuitLocks(table)
        )
        await _fill(ports, releases, is_open)
        first_s, _ = await _swept(ports, transport)
        sweep_s, reads = await _swept(ports, transport)
        figures = {name: await _pages(ports, pages, start, wanted) for name, (start, wanted) in LISTS.items()}
    return report(figures, first_s, sweep_s, 100 * reads / is_open)


LISTS: dict[str, tuple[str, Wanted]] = {
    "all releases": ("", Wanted()),
    "inbox of a person": ("", Wanted(waits_for=an_actor(4))),
    "one circuit": ("", Wanted(circuit="P001-C007")),
    "ended releases": ("ended|", Wanted()),
}


def report(figures: Figures, first_s: float, sweep_s: float, reads_per_100: float) -> int:
    """Prints the figures beside their limits; the exit status."""
    for name, (p50_ms, p95_ms) in figures.items():
        print(f"page of {PAGE}, {name:18} p50 {p50_ms:5.0f} ms   p95 {p95_ms:5.0f} ms   limit {PAGE_P95_MS:.0f} ms")
    print(f"sweep of releases at rest      {sweep_s:6.2f} s   limit {SWEEP_S:.0f} s")
    print(f"reads of the table for 100     {reads_per_100:6.2f}     limit {READS_PER_100:.0f}")
    print(f"the first sweep, all awake     {first_s:6.1f} s")
    slow = any(p95_ms > PAGE_P95_MS for _, p95_ms in figures.values())
    return int(slow or sweep_s > SWEEP_S or reads_per_100 > READS_PER_100)


async def _swept(ports: Ports, transport: FaultyTransport) -> tuple[float, int]:
    """Seconds and reads of one sweep."""
    transport.reads, began = 0, time.perf_counter()
    found = await sweep(release_nets(ports))
    if found.failed:
        raise RuntimeError(f"not swept: {found.failed}")
    return time.perf_counter() - began, transport.reads


async def _pages(ports: Ports, count: int, start: str, wanted: Wanted) -> tuple[float, float]:
    """p50 and p95 of so many pages in milliseconds, from the first page on and again from it after the last."""
    taken_ms, after = [], start
    for _ in range(count):
        began = time.perf_counter()
        page = await list_releases(ports, PAGE, after, wanted)
        taken_ms.append(1000 * (time.perf_counter() - began))
        after = page.after or start
    return statistics.median(taken_ms), statistics.quantiles(taken_ms, n=20)[-1]


async def _fill(ports: Ports, releases: int, is_open: int) -> None:
    now = ports.clock.now()
    gate = a_release(Phase.AWAITING_REGISTRY_APPROVAL, phase_since=now, deadline_at=now + timedelta(days=1))
    ended = a_release(Phase.RELEASED)
    await _each(is_open, lambda number: _open(ports, _numbered(gate, number), number, now))
    await _each(releases - is_open, lambda number: _ended(ports, _numbered(ended, is_open + number), number, now))


async def _open(ports: Ports, release: Release, number: int, now: datetime) -> None:
    await ports.store.add_open(release.release_id, now)
    await ports.store.commit(ReleaseCommit(release=release, version=None, may_rest=True))
    if number < CIRCUITS:
        await ports.locks.acquire(f"P001-C{number:03}", release.release_id, now)


async def _ended(ports: Ports, release: Release, number: int, now: datetime) -> None:
    await ports.store.commit(ReleaseCommit(release=release, version=None))
    await ports.store.close(summary_of(release), now - timedelta(minutes=number), 1)


def _numbered(release: Release, number: int) -> Release:
    circuit = f"C{number % CIRCUITS:03}"
    if release.candidate is None:
        raise ValueError("a release that has a candidate")
    candidate = replace(release.candidate, circuit_id=circuit)
    name = f"sensor_model_P001_{circuit}"
    return replace(release, release_id=f"rel-{number * 7919 % 10_007:05}", asset_name=name, candidate=candidate)


async def _each(count: int, call: Callable[[int], Awaitable[None]]) -> None:
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(call(number) for number in range(start, min(start + AT_ONCE, count))))
        if start // 1000 != (start + AT_ONCE) // 1000:
            sys.stderr.write(f"\r{start + AT_ONCE} of {count} releases are written")
    sys.stderr.write("\n")


@asynccontextmanager
async def _table() -> AsyncIterator[tuple[Table, FaultyTransport]]:
    """A table in an Azurite of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="switchyard-lists-") as directory,
        LocalCloud(Path(directory), parts=["azurite"]) as cloud,
    ):
        storage = storage_account.connection_string(cloud.layout.azurite_ports)
        async with FaultyTransport() as transport:
            options = {**CLIENT_OPTIONS, "transport": transport}
            async with TableServiceClient.from_connection_string(storage, **options) as service:
                yield Table(service), transport


if __name__ == "__main__":
    sys.exit(main())
