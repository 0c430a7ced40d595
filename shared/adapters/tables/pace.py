"""Turns at something that allows only so many requests a second, for all instances of the app together.

One row holds the time of the next turn. Whoever wants one moves that time on by one interval, under the row's ETag; the
turns are then evenly spread, so that no second has more of them than the rate says (I26). Azure Resource Manager counts
by caller, and all instances are one caller: a limit in each process would be none.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import PACE, Row, insert, replace, time_of, time_text
from shared.application.errors import PlatformThrottled, TransientFault
from shared.application.ports import Clock

WAIT_MAX_S = 5.0
"""Whoever would wait longer comes back later instead, so that no thread and no message is kept."""

JITTER_S = 0.2
"""How much later than its turn a request may reach the service without a second that has one too many."""

_TRIES = 10  # each one is lost only to another instance or to a fault


@dataclass(frozen=True)
class _Row:
    next_at: datetime
    stored: Row | None


class TablePace:
    """The turns called `name`, at most `per_second` of them in any second."""

    def __init__(self, table: Table, clock: Clock, name: str, per_second: float) -> None:
        self._table = table
        self._clock = clock
        self._name = name
        self._interval = timedelta(seconds=(1 + JITTER_S) / per_second)
        self._own = asyncio.Lock()  # instances of the app compete for the row, requests of one instance queue here

    async def turn(self) -> None:
        """Waits for the next turn. Raises PlatformThrottled when that is too long, TransientFault without an answer."""
        async with self._own:
            wait = await self._taken()
        await asyncio.sleep(wait.total_seconds())

    async def closed_for(self, seconds: float) -> None:
        """No turn before so many seconds have passed: the service said so."""
        until = self._clock.now() + timedelta(seconds=seconds)
        for _ in range(_TRIES):
            row = await self._row()
            if row.next_at >= until or await self._written(until, row):
                return
        raise TransientFault(f"the pace of {self._name} could not be held back")

    async def _taken(self) -> timedelta:
        for _ in range(_TRIES):
            row = await self._row()
            now = self._clock.now()
            at = max(now, row.next_at)
            if (wait_s := (at - now).total_seconds()) > WAIT_MAX_S:
                raise PlatformThrottled(f"no {self._name} for another {wait_s:.0f} s", retry_after_s=wait_s)
            if await self._written(at + self._interval, row):
                return at - now
        raise TransientFault(f"there was no turn at {self._name} in {_TRIES} tries")

    async def _row(self) -> _Row:
        stored = await self._table.get(PACE, self._name)
        next_at = time_of(stored["next_at"]) if stored else None
        return _Row(next_at or self._clock.now(), stored)

    async def _written(self, next_at: datetime, before: _Row) -> bool:
        """A turn whose write got no answer is lost, which costs one interval."""
        row: Row = {"PartitionKey": PACE, "RowKey": self._name, "next_at": time_text(next_at)}
        try:
            await self._table.write(replace(row, etag_of(before.stored)) if before.stored else insert(row))
        except Unsettled:
            return False
        return True
