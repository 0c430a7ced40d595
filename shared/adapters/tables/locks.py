"""CircuitLocks on Azure Tables: one row per circuit in the partition `locks`; rows stay, so that epochs only grow."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import listed_rows, reading
from shared.adapters.tables.rows import LOCKS, Row, plain_key, time_of, time_text
from shared.adapters.tables.writes import update_row
from shared.application.listed import Listed
from shared.domain.release.lock import Lock


class TableCircuitLocks:
    """The row's holder says who won, so that a write without an answer is met again as one's own."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def acquire(self, key: str, release_id: str, now: datetime, beside: str = "") -> Lock:
        """Takes the lock, or says who has it."""
        lock = await self._updated(key, lambda lock: lock.taken(release_id, now, beside))
        return dataclasses.replace(lock, holder=lock.had_by(release_id, beside))

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        """Gives back what `release_id` has of the lock."""
        await self._updated(key, lambda lock: lock.freed(release_id, free_from))

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        """Takes the lock from `holder` if that still has it."""
        return await self._updated(key, lambda lock: lock.preempted(holder, release_id, quiet_until))

    async def get(self, key: str) -> Lock | None:
        """The lock as it is."""
        row = await self._table.get(LOCKS, plain_key(key))
        return _lock_of(key, row) if row else None

    async def held(self) -> Listed[Lock]:
        """Every lock of which a part is held; a fleet has one row per circuit."""
        locks = listed_rows(await self._table.query(LOCKS), lambda row: _lock_of(row["key"], row))
        return Listed((lock for lock in locks if lock.kept_by), locks.unreadable)

    async def _updated(self, key: str, change: Callable[[Lock], Lock]) -> Lock:
        """The lock as it is afterwards; nothing is written where `change` leaves it as it is."""

        def columns(row: Row) -> Row | None:
            before = _lock_of(key, row)
            after = change(before)
            return _columns(after) if after != before else None

        return _lock_of(key, await update_row(self._table, LOCKS, plain_key(key), columns))


def _columns(lock: Lock) -> Row:
    return {
        "key": lock.key,
        "holder": lock.holder,
        "epoch": lock.epoch,
        "free_from": time_text(lock.free_from),
        "taken_from": lock.taken_from,
        "environment": lock.environment,
    }


def _lock_of(key: str, row: Row) -> Lock:
    """The lock of a row; an empty row is a lock that was never taken."""
    with reading(f"the lock of {key}"):
        return Lock(
            key=key,
            holder=row.get("holder", ""),
            epoch=row.get("epoch", 0),
            free_from=time_of(row.get("free_from", "")),
            taken_from=row.get("taken_from", ""),
            environment=row.get("environment", ""),
        )
