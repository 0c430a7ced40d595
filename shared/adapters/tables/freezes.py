"""FreezeLog on Azure Tables: one row per freeze in the partition `freezes`, in the order of their ends.

A reader asks for the rows that end after now, so that old freezes cost nothing and are kept.
"""

import logging
from datetime import UTC, datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import reading, row_id
from shared.adapters.tables.rows import FREEZES, Row, time_key, time_of, time_text
from shared.adapters.tables.writes import create_row, update_row
from shared.application.errors import Unreadable
from shared.domain.freezes.freeze import FLEET, Freeze

log = logging.getLogger(__name__)


class TableFreezeLog:
    """A freeze never changes but for its one lift, so its row says itself what a write without an answer did."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, freeze: Freeze) -> Freeze:
        """Keeps a freeze, or returns the one that is there."""
        return _freeze_of(await create_row(self._table, _row_of(freeze)))

    async def lift(self, lifted: Freeze) -> Freeze:
        """Keeps the first lift."""

        def columns(row: Row) -> Row | None:
            if not row:
                raise LookupError(f"freeze {lifted.freeze_id} was never set")
            return None if _freeze_of(row).lifted_at else _row_of(lifted)

        return _freeze_of(await update_row(self._table, FREEZES, _key(lifted), columns))

    async def not_ended(self, now: datetime) -> list[Freeze]:
        """The rows behind `now`; those of its very millisecond are looked at one by one."""
        rows = await self._table.query(FREEZES, keys=(time_key(now), ":"))
        return [freeze for freeze in map(_freeze_or_unreadable, rows) if freeze.ends_at > now]


def _key(freeze: Freeze) -> str:
    return f"{time_key(freeze.ends_at)}|{freeze.freeze_id}"


def _row_of(freeze: Freeze) -> Row:
    texts = {name: value for name, value in vars(freeze).items() if isinstance(value, str) and name != "unreadable"}
    times = {name: time_text(getattr(freeze, name)) for name in ("starts_at", "ends_at", "lifted_at")}
    return {"PartitionKey": FREEZES, "RowKey": _key(freeze), **texts, **times}


def _freeze_or_unreadable(row: Row) -> Freeze:
    """Nobody may change what might be frozen, so that a freeze that cannot be read counts until its end, which its key
    says: for its scope if that is there, else for the fleet."""
    try:
        return _freeze_of(row)
    except Unreadable as error:
        log.error("a freeze cannot be read and counts until its end: %s", error)
        return Freeze(
            freeze_id=error.record_id,
            scope=str(row.get("scope") or FLEET),
            who="somebody",
            who_id="",
            why=f"it is unreadable: {error.reason}",
            starts_at=datetime.min.replace(tzinfo=UTC),
            ends_at=datetime.fromtimestamp(int(row["RowKey"].partition("|")[0]) / 1000, UTC),
            unreadable=error.reason,
        )


def _freeze_of(row: Row) -> Freeze:
    with reading(row_id(row)):
        return _read(row)


def _read(row: Row) -> Freeze:
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
