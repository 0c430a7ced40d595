"""How long an event waits from being sent to the commit of the decision on it.

`python -m benchmarks.decisions` starts storage and Service Bus of the local cloud and the app in its host, sends
--rate events per second over --releases releases for --seconds, whatever the app has done by then, and reads from the
table when each was committed. The clock of an event begins before the client sends it. The table stamps a row when a
transaction reaches it, so that the time which such a transaction takes, measured meanwhile, is added.

How long an event waits depends on what else the machine does; the processor time of an event hardly does, and says how
many events a core can take. Exit status 1 when that is more than LIMIT_CPU_MS in the app, or when an event is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.event_load import PARTS, commits, hosts_of, in_turns, load, percentile
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import REPOSITORY
from shared import bootstrap
from shared.adapters.tables.rows import insert
from shared.bootstrap import connections
from shared.domain.release.events import Event

TARGET_MS = 100.0
LIMIT_CPU_MS = 60.0
WARM_UP = 50
PATIENCE_S = 120.0
PROBE_ROWS = 8
"""About what a decision writes: release, target, event, history, commands."""


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Milliseconds; `app_cpu` is the processor time of the host for one event."""

    sending: list[float]
    until_commit: list[float]
    transactions: list[float]
    app_cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the way from an event to the commit of its decision.")
    parser.add_argument("--rate", type=float, default=10, help="events per second; the target is 100")
    parser.add_argument("--releases", type=int, default=50, help="how many are open at once")
    parser.add_argument("--seconds", type=float, default=20, help="for how long events are sent")
    parser.add_argument("--sessions", type=int, help="how many the host holds at once, instead of what host.json says")
    options = parser.parse_args()
    print(f"load before: {load()}")
    with tempfile.TemporaryDirectory(prefix="decisions-") as folder:
        waits = asyncio.run(measure(Path(folder), options.rate, options.releases, options.seconds, options.sessions))
    print(f"load after: {load()}\n")
    print(f"{options.rate:g} events per second over {options.releases} releases, for {options.seconds:g} s")
    return report(waits)


async def measure(folder: Path, rate: float, releases: int, seconds: float, sessions: int | None) -> Waits:
    """One run in a local cloud of its own; the first events, with which the app warms up, do not count."""
    policies = {"POLICIES_FILE": str(REPOSITORY / "config" / "policies.yml")}  # no look falls into the run
    if sessions:
        policies["AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentSessions"] = str(sessions)
    with LocalCloud(folder, parts=PARTS, extra_settings=policies) as cloud:
        os.environ.update(cloud.env())
        ports = await bootstrap.ports()
        events = list(in_turns(releases, WARM_UP + round(rate * seconds), ports.config.policy(), ports.clock.now()))
        with hosts_of(cloud, 1) as hosts:
            for event in events[:WARM_UP]:
                await ports.events.publish(event)
            await _committed(cloud, WARM_UP)
            cpu_s = hosts.cpu_s()
            probing = asyncio.create_task(_probe())
            sent, sending = await _send(events[WARM_UP:], rate)
            probing.cancel()
            found = await _committed(cloud, len(events))
            cpu_s = hosts.cpu_s() - cpu_s
        transactions = (await asyncio.gather(probing, return_exceptions=True))[0]
    if isinstance(transactions, BaseException):
        raise transactions
    return Waits(
        sending=sending,
        until_commit=[1000 * (found[event_id] - at) for event_id, at in sent.items()],
        transactions=transactions,
        app_cpu=1000 * cpu_s / len(sent),
    )


async def _send(events: list[Event], rate: float) -> tuple[dict[str, float], list[float]]:
    """When each event was sent, and how many milliseconds the client took for it."""
    ports = bootstrap.ports.started()
    sent, took = {}, []
    begin = time.monotonic()
    for number, event in enumerate(events):
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        sent[event.event_id] = time.time()
        await ports.events.publish(event)
        took.append(1000 * (time.time() - sent[event.event_id]))
    return sent, took


async def _probe() -> list[float]:
    """Milliseconds of transactions of the same size, ten in a second, until cancelled."""
    table = connections.table()
    took = []
    try:
        while True:
            rows = [{"PartitionKey": f"probe-{len(took)}", "RowKey": f"{row:03}"} for row in range(PROBE_ROWS)]
            begin = time.perf_counter()
            await table.write(*(insert({**row, "json": "x" * 1000}) for row in rows))
            took.append(1000 * (time.perf_counter() - begin))
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return took


async def _committed(cloud: LocalCloud, count: int) -> dict[str, float]:
    """When each event was committed, once `count` of them are."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = {each.event_id: each.at for each in commits(cloud)}
        if len(found) >= count:
            return found
        if time.monotonic() > end:
            raise SystemExit(f"{len(found)} of {count} events are committed after {PATIENCE_S:g} s")
        await asyncio.sleep(1)


def report(waits: Waits) -> int:
    """Prints the table; 1 when the events take too long."""
    rows = (
        ("the client sends it", waits.sending),
        ("sent to commit begun", waits.until_commit),
        ("the transaction", waits.transactions),
    )
    print(f"{'ms':<24}{'median':>9}{'p90':>9}{'p99':>9}{'longest':>9}")
    for name, values in rows:
        print(f"{name:<24}" + "".join(f"{percentile(values, share):>9.1f}" for share in (0.5, 0.9, 0.99, 1)))
    whole = percentile(waits.until_commit, 0.99) + percentile(waits.transactions, 0.5)
    print(f"p99 with a median transaction {whole:.0f} ms (target {TARGET_MS:g} ms)")
    a_second = 1000 / waits.app_cpu
    print(
        f"CPU of the app for an event {waits.app_cpu:.1f} ms (at most {LIMIT_CPU_MS:g}): {a_second:.0f} a s on a core"
    )
    return 1 if waits.app_cpu > LIMIT_CPU_MS else 0


if __name__ == "__main__":
    sys.exit(main())
