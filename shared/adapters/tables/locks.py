"""CircuitLocks on Azure Tables: one row per circuit in the partition `locks`; rows stay, so that epochs only grow."""

import dataclasses
from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import LOCKS, Operation, Row, insert, plain_key, replace, time_of, time_text
from shared.application.errors import TransientFault
from shared.application.release.ports import Lock

COOL_DOWN = "cool-down"
_TRIES = 5  # each one is lost only to another writer of the same circuit or to a fault


class TableCircuitLocks:
    """The row's holder says who won, so that a write without an answer is settled by reading the row again."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def acquire(self, key: str, release_id: str, now: datetime) -> Lock:
        """Takes the lock, or says who has it."""
        for _ in range(_TRIES):
            row = await self._row(key)
            lock = _lock_of(row) if row else Lock(key=key, holder="", epoch=0)
            if lock.holder:
                return lock
            if lock.free_from and now < lock.free_from:
                return dataclasses.replace(lock, holder=COOL_DOWN)
            taken = Lock(key=key, holder=release_id, epoch=lock.epoch + 1)
            if await self._written(taken, row):
                return taken
        raise TransientFault(f"the lock of circuit {key} kept changing while release {release_id} tried to take it")

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        """Gives the lock back if `release_id` holds it."""
        for _ in range(_TRIES):
            row = await self._row(key)
            if row is None or row["holder"] != release_id:
                return
            lock = _lock_of(row)
            free_from = max(filter(None, (free_from, lock.free_from)))
            if await self._written(dataclasses.replace(lock, holder="", free_from=free_from, taken_from=""), row):
                return
        raise TransientFault(f"the lock of circuit {key} could not be given back by release {release_id}")

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        """Takes the lock from `holder` if that still holds it."""
        for _ in range(_TRIES):
            row = await self._row(key)
            lock = _lock_of(row) if row else Lock(key=key, holder="", epoch=0)
            if lock.holder not in (holder, release_id) or not lock.holder:
                return lock
            taken = dataclasses.replace(lock, free_from=quiet_until)
            if lock.holder != release_id:
                taken = dataclasses.replace(taken, holder=release_id, epoch=lock.epoch + 1, taken_from=holder)
            if taken == lock or await self._written(taken, row):
                return taken
        raise TransientFault(f"the lock of circuit {key} kept changing while release {release_id} tried to take it")

    async def get(self, key: str) -> Lock | None:
        """The lock as it is."""
        row = await self._row(key)
        return _lock_of(row) if row else None

    async def held(self) -> list[Lock]:
        """Every lock that somebody holds; a fleet has one row per circuit."""
        return [_lock_of(row) for row in await self._table.query(LOCKS) if row["holder"]]

    async def _row(self, key: str) -> Row | None:
        return await self._table.get(LOCKS, plain_key(key))

    async def _written(self, lock: Lock, before: Row | None) -> bool:
        try:
            await self._table.write(_operation(lock, before))
        except Unsettled:
            return False
        return True


def _operation(lock: Lock, before: Row | None) -> Operation:
    row: Row = {
        "PartitionKey": LOCKS,
        "RowKey": plain_key(lock.key),
        "key": lock.key,
        "holder": lock.holder,
        "epoch": lock.epoch,
        "free_from": time_text(lock.free_from),
        "taken_from": lock.taken_from,
    }
    return replace(row, etag_of(before)) if before else insert(row)


def _lock_of(row: Row) -> Lock:
    return Lock(
        key=row["key"],
        holder=row["holder"],
        epoch=row["epoch"],
        free_from=time_of(row["free_from"]),
        taken_from=row.get("taken_from", ""),
    )
