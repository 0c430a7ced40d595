"""Turns at something that allows only so many requests a second, for all instances of the app together.

One row holds the times of the last turns. Whoever wants one adds it under the row's ETag: at once where its second has
room, otherwise as soon as there is some. No second has more of them than the rate says (I26), and after a pause nobody
waits. Azure Resource Manager counts by caller, and all instances are one caller: a limit in each process would be none.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.adapters.tables.access import Table
from shared.adapters.tables.rows import PACE, Row, time_of, time_text
from shared.adapters.tables.writes import update_row
from shared.application.errors import PlatformThrottled
from shared.application.ports import Clock

WAIT_MAX_S = 5.0
"""Whoever would wait longer comes back later instead, so that no thread and no message is kept."""

JITTER_S = 0.1
"""How much later than its turn a request may reach the service without a second that has one too many."""

_SEPARATOR = " "
_TRIES = 10  # every instance of the app writes this one row


class TablePace:
    """The turns called `name`, at most `per_second` of them in any second; below 1, one in as many seconds."""

    def __init__(self, table: Table, clock: Clock, name: str, per_second: float) -> None:
        self._table = table
        self._clock = clock
        self._name = name
        self._most = max(1, int(per_second))
        self._window = timedelta(seconds=(1 + JITTER_S) * max(1, 1 / per_second))
        self._own = asyncio.Lock()  # instances of the app compete for the row, requests of one instance queue here

    async def turn(self) -> None:
        """Waits for the next turn. Raises PlatformThrottled when that is too long, TransientFault without an answer."""
        begin = await self.taken()
        await asyncio.sleep((begin - self._clock.now()).total_seconds())

    async def taken(self) -> datetime:
        """Takes the next turn without waiting for it; returns when it is. Raises as `turn` does."""
        async with self._own:
            *_, begin = (await self._moved(self._with_one_more)).turns
        return begin

    async def closed_for(self, seconds: float) -> None:
        """No turn before so many seconds have passed: the service said so."""
        until = self._clock.now() + timedelta(seconds=seconds)
        await self._moved(lambda taken: replace(taken, next_at=max(taken.next_at, until)))

    def _with_one_more(self, taken: "_Taken") -> "_Taken":
        now = self._clock.now()
        begin = max(now, taken.next_at)
        if (wait_s := (begin - now).total_seconds()) > WAIT_MAX_S:
            raise PlatformThrottled(f"no {self._name} for another {wait_s:.0f} s", retry_after_s=wait_s)
        turns = (*taken.turns, begin)[-self._most :]
        full_until = turns[0] + self._window if len(turns) == self._most else begin
        return _Taken(turns=turns, next_at=max(begin, full_until))

    async def _moved(self, change: "Callable[[_Taken], _Taken]") -> "_Taken":
        """Changes what is taken as `change` says. A turn whose write got no answer is lost: nobody has it."""
        after = _Taken(next_at=self._clock.now())

        def columns(row: Row) -> Row | None:
            nonlocal after
            before = self._taken(row)
            after = change(before)
            if after == before:
                return None
            return {"next_at": time_text(after.next_at), "turns": _SEPARATOR.join(map(time_text, after.turns))}

        await update_row(self._table, PACE, self._name, columns, tries=_TRIES)
        return after

    def _taken(self, row: Row) -> "_Taken":
        """What the row says; where it names the next turn only, as it did once, the second before that is full."""
        next_at = (time_of(row["next_at"]) if row else None) or self._clock.now()
        if row and "turns" not in row:
            return _Taken(next_at=next_at, turns=(next_at,) * (self._most - 1))
        texts = str(row.get("turns", "")).split(_SEPARATOR)
        return _Taken(next_at=next_at, turns=tuple(datetime.fromisoformat(text) for text in texts if text))


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """The times of the last turns, oldest first, and before when there is no other one."""

    next_at: datetime
    turns: tuple[datetime, ...] = ()
