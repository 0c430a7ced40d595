"""Turns at something that allows only so many requests a second, for all instances of the app together.

One row holds the time of the next turn. Whoever wants one moves that time on by one interval, under the row's ETag; the
turns are then evenly spread, so that no second has more of them than the rate says (I26). Azure Resource Manager counts
by caller, and all instances are one caller: a limit in each process would be none.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.adapters.tables.access import Table
from shared.adapters.tables.rows import PACE, Row, time_of, time_text
from shared.adapters.tables.writes import update_row
from shared.application.errors import PlatformThrottled
from shared.application.ports import Clock

WAIT_MAX_S = 5.0
"""Whoever would wait longer comes back later instead, so that no thread and no message is kept."""

JITTER_S = 0.2
"""How much later than its turn a request may reach the service without a second that has one too many."""

_TRIES = 10  # every instance of the app writes this one row


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
            begin = await self._moved(self._after_own) - self._interval
        await asyncio.sleep((begin - self._clock.now()).total_seconds())

    async def closed_for(self, seconds: float) -> None:
        """No turn before so many seconds have passed: the service said so."""
        until = self._clock.now() + timedelta(seconds=seconds)
        await self._moved(lambda next_at: max(next_at, until))

    def _after_own(self, next_at: datetime) -> datetime:
        now = self._clock.now()
        begin = max(now, next_at)
        if (wait_s := (begin - now).total_seconds()) > WAIT_MAX_S:
            raise PlatformThrottled(f"no {self._name} for another {wait_s:.0f} s", retry_after_s=wait_s)
        return begin + self._interval

    async def _moved(self, change: Callable[[datetime], datetime]) -> datetime:
        """Moves the time of the next turn as `change` says. A turn whose write got no answer is lost: one interval."""

        def columns(row: Row) -> Row | None:
            before = time_of(row["next_at"]) if row else None
            after = change(before or self._clock.now())
            return {"next_at": time_text(after)} if after != before else None

        row = await update_row(self._table, PACE, self._name, columns, tries=_TRIES)
        return datetime.fromisoformat(row["next_at"])
