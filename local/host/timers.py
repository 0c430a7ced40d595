"""Timer triggers: runs a function on its schedule, never twice at once, whatever the function does.

Rules: docs/azure-facts.md#timers-of-the-functions-host, and ScheduleMonitor of webjobs-sdk-extensions. The status that
makes a missed run up after a restart is one JSON file per timer in the host's data directory.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from local.conventions import write_atomically
from local.host.functions import RetryPolicy
from local.host.lease import Lease
from local.host.protos import TypedData, as_json
from local.host.schedule import Schedule
from local.host.worker import Attempt

logger = logging.getLogger("host.timers")

LEASE_LOOK_S = 1.0  # how often a host looks whether another one that runs a timer is gone
NEVER = datetime.min.replace(tzinfo=UTC)  # how .NET writes "has not run yet"

# Runs the function once; True when it succeeded.
RunOnce = Callable[[TypedData, Attempt], Awaitable[bool]]


class Clock(Protocol):
    """Time as a timer sees it."""

    def now(self) -> datetime:
        """The aware UTC time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The aware UTC time."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class TimerStatus:
    """When a timer last ran and runs next."""

    last: datetime
    next: datetime
    updated: datetime

    def as_json(self) -> dict[str, str]:
        """The document functions see and the status file holds."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> TimerStatus:
        """The inverse of as_json. Raises ValueError or KeyError for anything else."""
        last, following, updated = (datetime.fromisoformat(document[k]) for k in ("Last", "Next", "LastUpdated"))
        return cls(last=last, next=following, updated=updated)


class StatusFile:
    """Keeps the status of one timer; a damaged file counts as none, and is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> TimerStatus | None:
        """The stored status, if there is one."""
        if not self._path.exists():
            return None
        try:
            return TimerStatus.from_json(json.loads(self._path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged, the timer starts anew: %s", self._path, error)
            return None

    def write(self, status: TimerStatus) -> None:
        """Replace the stored status."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, json.dumps(status.as_json()))


def timer_data(status: TimerStatus | None, *, past_due: bool) -> TypedData:
    """What a timer function gets."""
    return as_json(
        {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if status else None,
            "IsPastDue": past_due,
        }
    )


@dataclass(kw_only=True)
class Timer:
    """One timer trigger; a `status_file` of None means that it is not monitored. Of several hosts, the one that holds
    the `lease` runs it.
    """

    name: str
    schedule: Schedule
    run_once: RunOnce
    clock: Clock
    status_file: StatusFile | None
    lease: Lease
    run_on_startup: bool = False
    retry: RetryPolicy | None = None

    async def run(self) -> None:
        """Run the function whenever it is due, until cancelled."""
        while not self.lease.acquire():
            await self.clock.sleep(LEASE_LOOK_S)
        try:
            await self._run_on_schedule()
        finally:
            self.lease.release()

    async def _run_on_schedule(self) -> None:
        status, past_due = self._starting_status()
        if past_due or self.run_on_startup:
            status = await self._occurrence(status, past_due=past_due)
        while True:
            await self._sleep_until(status.next)
            status = await self._occurrence(status, past_due=False)

    def _starting_status(self) -> tuple[TimerStatus, bool]:
        """The status to go on from, and whether a run was missed while the host was down."""
        now = self.clock.now()
        stored = self.status_file.read() if self.status_file else None
        if stored is None:
            fresh = TimerStatus(last=NEVER, next=self.schedule.next_after(now), updated=now)
            self._store(fresh)
            return fresh, False
        expected = self.schedule.next_after(stored.updated if stored.last == NEVER else stored.last)
        if stored.next == expected:
            return stored, expected < now
        # The schedule has changed. No run of the new one was missed, for it was not in force before this start.
        updated = stored.updated if stored.last == NEVER else stored.last
        if expected < now:
            expected, updated = self.schedule.next_after(now), now
        anew = TimerStatus(last=NEVER, next=expected, updated=updated)
        self._store(anew)
        return anew, False

    async def _sleep_until(self, moment: datetime) -> None:
        while (remaining_s := (moment - self.clock.now()).total_seconds()) > 0:
            await self.clock.sleep(remaining_s)

    async def _occurrence(self, status: TimerStatus, *, past_due: bool) -> TimerStatus:
        if past_due:
            logger.info("timer=%s was due at %s and runs now", self.name, status.next.isoformat())
        # The next one counts from the start: a run that takes longer than its interval is followed at once by another.
        start = self.clock.now()
        await self._run_with_retries(timer_data(status if self.status_file else None, past_due=past_due))
        after = TimerStatus(last=start, next=self.schedule.next_after(start), updated=start)
        self._store(after)
        return after

    async def _run_with_retries(self, data: TypedData) -> None:
        limit = self.retry.max_retry_count if self.retry else 0
        count = 0
        while not await self.run_once(data, Attempt(retry_count=count, max_retry_count=limit)):
            if self.retry is None or (limit >= 0 and count >= limit):
                return
            count += 1
            await self.clock.sleep(self.retry.delay_s(count))

    def _store(self, status: TimerStatus) -> None:
        if self.status_file:
            self.status_file.write(status)
