"""Events of many releases for hosts of the app, and when each of them was committed.

The events are those of the straight road of a model's release, from its registration to its end, worked out beforehand
with the rules themselves: whoever sends them plays everybody who answers. Hosts serve `release_events` only, so that
commands stay in their queue and nothing but the decision is measured; each is a process with a directory of its own.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import psutil
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient

from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.parts import REPOSITORY
from local.supervisor.process import PartProcess
from shared.domain.release.decide import decide, open_release
from shared.domain.release.events import ApprovalSubmitted, Event, ModelRegistered
from shared.domain.release.model import Phase
from shared.domain.release.policy import Policy
from tests.support.drive_model import next_event

PARTS = ("azurite", "identity", "servicebus")
START_S = 60.0
WORKSPACE = "dev-ml-workspace"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """An event and when the table took the transaction that it is a part of, in seconds since 1970."""

    event_id: str
    release_id: str
    at: float


def road(number: int, policy: Policy, now: datetime) -> list[Event]:
    """Every event of one release, in order; the ids are its own."""
    release_id = f"sensor-model-p001-c001-{number}-bench"
    opened = ModelRegistered(
        event_id=f"{release_id}-opened",
        release_id=release_id,
        occurred_at=now,
        workspace=WORKSPACE,
        model_name="sensor-model-P001-C001",
        model_version="7",
    )
    events: list[Event] = [opened]
    release = open_release(opened, policy, now).release
    while release.phase is not Phase.RELEASED:
        event = next_event(release)
        if isinstance(event, ApprovalSubmitted):  # the candidate lacks the facts that the policy wants to be shown
            event = replace(event, reason=", ".join(policy.required_facts))
        own = replace(event, event_id=f"{release_id}-{len(events)}", release_id=release_id, occurred_at=now)
        release = decide(release, own, now).release
        events.append(own)
    return events


def in_turns(releases: int, events: int, policy: Policy, now: datetime) -> Iterator[Event]:
    """`events` of `releases` that are open at once and take turns; where one ends, the next begins."""
    numbers = iter(range(10**6))
    roads = [iter(road(next(numbers), policy, now)) for _ in range(releases)]
    for count in range(events):
        slot = count % releases
        event = next(roads[slot], None)
        if event is None:
            roads[slot] = iter(road(next(numbers), policy, now))
            event = next(roads[slot])
        yield event


class Hosts:
    """Hosts of the app beside each other. `kill` ends one as if its machine were lost."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._running: dict[str, PartProcess] = {}

    def start(self, count: int) -> None:
        """Starts `count` more and waits until they serve."""
        began = len(self._running)
        names = [f"host-{began + number}" for number in range(count)]
        for name in names:
            command = [sys.executable, "-m", "local.host", "--app", str(REPOSITORY), "--port", "0"]
            command += ["--data", str(self._cloud.data / name), "--settings", str(self._cloud.layout.settings_file)]
            command += ["--functions", "release_events", "--log-level", "WARNING"]
            logs = self._cloud.data / "logs"
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            self._running[name] = PartProcess(name, command, cwd=REPOSITORY, env=environment, logs=logs)
        end = time.monotonic() + START_S
        while not all(self._serves(name) for name in names):
            if time.monotonic() > end:
                raise CloudError(f"The hosts do not serve: see {self._cloud.data / 'logs'}.")
            time.sleep(0.05)

    def cpu_s(self) -> float:
        """Processor time that they have used, in seconds."""
        return sum(sum(psutil.Process(each.record.pid).cpu_times()[:2]) for each in self._running.values())

    def kill(self) -> None:
        """The first one, with SIGKILL."""
        self._running.pop(next(iter(self._running))).kill()

    def stop(self) -> None:
        for process in self._running.values():
            process.request_end()
        for process in self._running.values():
            if not process.wait(15):
                process.kill()
        self._running.clear()

    def _serves(self, name: str) -> bool:
        process = self._running[name]
        if process.exit_status is not None:
            raise CloudError(f"{name} ended: {process.log_tail()}")
        line = process.readiness()
        return line is not None and bool(line.get("ready"))


@contextmanager
def hosts_of(cloud: LocalCloud, count: int) -> Iterator[Hosts]:
    """`count` hosts, ended at the end."""
    hosts = Hosts(cloud)
    try:
        hosts.start(count)
        yield hosts
    finally:
        hosts.stop()


def commits(cloud: LocalCloud) -> list[Commit]:
    """Every event that was committed, from the rows that say so; none while there is no table."""
    with (
        suppress(ResourceNotFoundError),
        TableServiceClient.from_connection_string(cloud.env()["STATE_STORAGE"]) as service,
    ):
        rows = service.get_table_client("switchyard").query_entities(
            "RowKey ge 'inbox|' and RowKey lt 'inbox}'", select=["PartitionKey", "RowKey", "event_id", "Timestamp"]
        )
        return [
            Commit(
                event_id=row["event_id"],
                release_id=row["PartitionKey"],
                at=row.metadata["timestamp"].timestamp(),
            )
            for row in rows
        ]
    return []


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def load() -> str:
    """How busy the machine is."""
    return " ".join(f"{each:.2f}" for each in os.getloadavg()) + f" on {os.cpu_count()} cores"
