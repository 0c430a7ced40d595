"""FreezeLog on Azure Tables: one row per freeze in the partition `freezes`, in the order of their ends.

A reader asks for the rows that end after now, so that old freezes cost nothing and are kept.
"""

from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import FREEZES, Row, insert, replace, time_of, time_text
from shared.application.errors import TransientFault
from shared.domain.freezes.freeze import Freeze

_TRIES = 5  # each one is lost only to another writer of the same freeze or to a fault


class TableFreezeLog:
    """A write without an answer is settled by reading the row again: a freeze never changes but for its one lift."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, freeze: Freeze) -> Freeze:
        """Keeps a freeze, or returns the one that is there."""
        try:
            await self._table.write(insert(_row_of(freeze)))
        except Unsettled:
            row = await self._table.get(FREEZES, _key(freeze))
            if row is None:
                raise
            return _freeze_of(row)
        return freeze

    async def lift(self, lifted: Freeze) -> Freeze:
        """Keeps the first lift."""
        for _ in range(_TRIES):
            row = await self._table.get(FREEZES, _key(lifted))
            if row is None:
                raise LookupError(f"freeze {lifted.freeze_id} was never set")
            if row["lifted_at"]:
                return _freeze_of(row)
            try:
                await self._table.write(replace(_row_of(lifted), etag_of(row)))
            except Unsettled:
                continue
            return lifted
        raise TransientFault(f"freeze {lifted.freeze_id} could not be lifted")

    async def not_ended(self, now: datetime) -> list[Freeze]:
        """The rows behind `now`; those of its very millisecond are looked at one by one."""
        rows = await self._table.query(FREEZES, keys=(_moment(now), ":"))
        return [freeze for freeze in map(_freeze_of, rows) if freeze.ends_at > now]


def _moment(time: datetime) -> str:
    return f"{int(time.timestamp() * 1000):013}"


def _key(freeze: Freeze) -> str:
    return f"{_moment(freeze.ends_at)}|{freeze.freeze_id}"


def _row_of(freeze: Freeze) -> Row:
    texts = {name: value for name, value in vars(freeze).items() if isinstance(value, str)}
    times = {name: time_text(getattr(freeze, name)) for name in ("starts_at", "ends_at", "lifted_at")}
    return {"PartitionKey": FREEZES, "RowKey": _key(freeze), **texts, **times}


def _freeze_of(row: Row) -> Freeze:
    return Freeze(
        freeze_id=row["freeze_id"],
        scope=row["scope"],
        who=row["who"],
        who_id=row["who_id"],
        why=row["why"],
        starts_at=datetime.fromisoformat(row["starts_at"]),
        ends_at=datetime.fromisoformat(row["ends_at"]),
        lifted_at=time_of(row["lifted_at"]),
        lifted_by=row["lifted_by"],
        lifted_by_id=row["lifted_by_id"],
        lift_reason=row["lift_reason"],
    )
