"""Whether several hosts of the app share the work, and whether the releases of one that is killed go on.

`python -m benchmarks.scale_out` sends --events events of --releases releases at once, to one, two and four hosts, each
time in a local cloud of its own, and measures how many are committed in a second. Then two hosts work and one is
killed in the middle; measured is the longest time in which a release with events left made no step.

Exit status 1 when two or four hosts do less than LEAST of what one does, when a release stands still for more than
PAUSE_S after the kill, or when an event is missing at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.event_load import PARTS, Commit, commits, hosts_of, in_turns, load
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import REPOSITORY
from shared.adapters.service_bus.link import ServiceBusEventQueue
from shared.bootstrap.configuration import published

LEAST = 0.8
"""Beside what one host does: the hosts of one machine share its cores with everything else on it."""

PAUSE_S = 60.0
PATIENCE_S = 150.0
LOOK_S = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure several hosts beside each other.")
    parser.add_argument("--events", type=int, default=240)
    parser.add_argument("--releases", type=int, default=20, help="how many are open at once")
    options = parser.parse_args()
    print(f"load before: {load()}")
    rates = {count: rate_of(_run(options.events, options.releases, count, kill=False)) for count in (1, 2, 4)}
    for count, rate in rates.items():
        print(f"{count} hosts: {rate:6.1f} events a second, {rate / rates[1]:.2f} x one", flush=True)
    pause_s = longest_pause_s(_run(options.events, options.releases, 2, kill=True))
    print(f"one of two killed: no release stood still for more than {pause_s:.1f} s (at most {PAUSE_S:g})")
    print(f"load after: {load()}")
    return 1 if min(rates.values()) < LEAST * rates[1] or pause_s > PAUSE_S else 0


def rate_of(done: list[Commit]) -> float:
    """Events a second between the first and the last commit."""
    moments = [each.at for each in done]
    return (len(done) - 1) / (max(moments) - min(moments))


def longest_pause_s(done: list[Commit]) -> float:
    """The longest time between two commits of one release."""
    of_release: dict[str, list[float]] = {}
    for each in done:
        of_release.setdefault(each.release_id, []).append(each.at)
    return max(later - one for moments in of_release.values() for one, later in pairwise(sorted(moments)))


def _run(events: int, releases: int, hosts: int, *, kill: bool) -> list[Commit]:
    with tempfile.TemporaryDirectory(prefix="scale-out-") as folder:
        return asyncio.run(_measured(Path(folder), events, releases, hosts, kill=kill))


async def _measured(folder: Path, events: int, releases: int, count: int, *, kill: bool) -> list[Commit]:
    """Every event's commit; the hosts start with all events in the queue."""
    from azure.servicebus.aio import ServiceBusClient

    policies = {"POLICIES_FILE": str(REPOSITORY / "config" / "policies.yml")}  # no look falls into the run
    with LocalCloud(folder, parts=PARTS, extra_settings=policies) as cloud:
        os.environ.update(cloud.env())
        from shared.adapters.system_clock import SystemClock

        wanted = list(in_turns(releases, events, published().releases.policy(), SystemClock().now()))
        async with ServiceBusClient.from_connection_string(cloud.env()["SERVICEBUS"]) as client:
            queue = ServiceBusEventQueue(client, cloud.env()["RELEASE_EVENTS_QUEUE"])
            for event in wanted:
                await queue.publish(event)
            await queue.close()
        with hosts_of(cloud, count) as running:
            end = time.monotonic() + PATIENCE_S
            while len(done := commits(cloud)) < events:
                if kill and len(done) > events / 4:
                    running.kill()
                    kill = False
                if time.monotonic() > end:
                    raise SystemExit(f"{len(done)} of {events} events are committed after {PATIENCE_S:g} s")
                await asyncio.sleep(LOOK_S)
    return done


if __name__ == "__main__":
    sys.exit(main())
