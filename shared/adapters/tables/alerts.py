"""AlertLog on Azure Tables, all in the partition `alerts`, so that every change is one transaction.

`t|<inverted time>|<key>`  the record, the latest acceptance first
`k|<key>`                  where the record is; there can be one of a key
`o|<key>`                  not decided yet
"""

import logging
import uuid
from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import (
    ALERTS,
    Operation,
    Row,
    check_release_id,
    delete,
    insert,
    join_text,
    replace,
    split_text,
    time_text,
)
from shared.application.alerts.ports import StoredAlert
from shared.application.errors import ConcurrentUpdate
from shared.contracts.stored.releases import dump_alert, load_alert
from shared.domain.alerts.model import AlertRecord, AlertState

log = logging.getLogger(__name__)

_TIME_MAX_MS = 9_999_999_999_999  # the year 2286


class TableAlertLog:
    """Every write carries a unique `op_id`: reading it back tells the own write from somebody else's."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def accept(self, record: AlertRecord) -> bool:
        """Makes the record durable unless its key is there."""
        row_key, op_id = _row_key(record), uuid.uuid4().hex
        where: Row = {"PartitionKey": ALERTS, "RowKey": f"k|{_checked(record.key)}", "row_key": row_key, "op_id": op_id}
        waiting: Row = {
            "PartitionKey": ALERTS,
            "RowKey": f"o|{record.key}",
            "accepted_at": time_text(record.accepted_at),
        }
        try:
            await self._table.write(insert(where), insert(waiting), insert(_row_of(record, op_id)))
        except Unsettled:
            there = await self._table.get(ALERTS, where["RowKey"])
            if there is None:
                raise
            return bool(there["op_id"] == op_id)
        return True

    async def load(self, key: str) -> StoredAlert | None:
        """The record and its ETag."""
        where = await self._table.get(ALERTS, f"k|{_checked(key)}")
        row = await self._table.get(ALERTS, where["row_key"]) if where else None
        return StoredAlert(record=_record_of(row), version=etag_of(row)) if row else None

    async def save(self, record: AlertRecord, version: str) -> str:
        """Replaces the record if it is still the one that was read."""
        row = _row_of(record, uuid.uuid4().hex)
        operations: list[Operation] = [replace(row, version)]
        if record.state is AlertState.DECIDED:
            waiting = await self._table.get(ALERTS, f"o|{record.key}")
            operations += (
                [delete({"PartitionKey": ALERTS, "RowKey": waiting["RowKey"]}, etag_of(waiting))] if waiting else []
            )
        try:
            await self._table.write(*operations)
        except Unsettled as error:
            log.info("saving alert %s got no clear answer, reading back: %s", record.key, error)
        there = await self._table.get(ALERTS, row["RowKey"])
        if there is None or there["op_id"] != row["op_id"]:
            raise ConcurrentUpdate(f"alert {record.key} changed since it was read")
        return etag_of(there)

    async def latest(self, limit: int, since: datetime | None = None) -> list[AlertRecord]:
        """Records in the order of their rows."""
        after = f"t|{_inverted(since)}}}" if since else "t}"
        return [_record_of(row) for row in await self._table.query(ALERTS, keys=("t|", after), limit=limit)]

    async def undecided(self, limit: int) -> list[tuple[str, datetime]]:
        """Keys and times of acceptance."""
        rows = await self._table.query(ALERTS, keys=("o|", "o}"), limit=limit)
        return [(row["RowKey"][2:], datetime.fromisoformat(row["accepted_at"])) for row in rows]


def _checked(key: str) -> str:
    return check_release_id(key)


def _inverted(at: datetime) -> str:
    return f"{_TIME_MAX_MS - int(at.timestamp() * 1000):013}"


def _row_key(record: AlertRecord) -> str:
    return f"t|{_inverted(record.accepted_at)}|{record.key}"


def _row_of(record: AlertRecord, op_id: str) -> Row:
    return {
        "PartitionKey": ALERTS,
        "RowKey": _row_key(record),
        "state": record.state.value,
        "rule": record.facts.rule_name,
        "op_id": op_id,
        **split_text("json", dump_alert(record)),
    }


def _record_of(row: Row) -> AlertRecord:
    return load_alert(join_text("json", row))
