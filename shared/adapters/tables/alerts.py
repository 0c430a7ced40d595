"""AlertLog on Azure Tables, all in the partition `alerts`, so that every change is one transaction.

`t|<inverted time>|<key>`  the record, the latest acceptance first
`k|<key>`                  where the record is; there can be one of a key
`o|<key>`                  not decided yet
"""

from datetime import datetime

from shared.adapters.tables.access import Table, etag_of
from shared.adapters.tables.paging import page_of
from shared.adapters.tables.reading import listed_rows
from shared.adapters.tables.record import Records
from shared.adapters.tables.rows import (
    ALERTS,
    Operation,
    Row,
    check_release_id,
    delete,
    insert,
    latest_first_key,
    time_text,
)
from shared.adapters.tables.writes import create_row
from shared.application.alerts.ports import StoredAlert
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.contracts.stored.alerts import ALERT
from shared.domain.alerts.model import AlertRecord, AlertState


class TableAlertLog:
    """Alerts by time of acceptance, where the one of a key is, and which are undecided."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._alerts = Records(table, ALERT, _columns)

    async def accept(self, record: AlertRecord) -> bool:
        """Makes the record durable unless its key is there."""
        row, key = self._alerts.row(record), check_release_id(record.key)
        where: Row = {"PartitionKey": ALERTS, "RowKey": f"k|{key}", "row_key": row["RowKey"], "op_id": row["op_id"]}
        waiting: Row = {"PartitionKey": ALERTS, "RowKey": f"o|{key}", "accepted_at": time_text(record.accepted_at)}
        there = await create_row(self._table, where, insert(waiting), insert(row))
        return bool(there["op_id"] == row["op_id"])

    async def load(self, key: str) -> StoredAlert | None:
        """The record and its ETag."""
        where = await self._table.get(ALERTS, f"k|{check_release_id(key)}")
        found = await self._alerts.load(ALERTS, where["row_key"]) if where else None
        return StoredAlert(record=found[0], version=found[1]) if found else None

    async def save(self, record: AlertRecord, version: str) -> str:
        """Replaces the record if it is still the one that was read."""
        listed: list[Operation] = []
        if record.state is AlertState.DECIDED and (waiting := await self._table.get(ALERTS, f"o|{record.key}")):
            listed = [delete({"PartitionKey": ALERTS, "RowKey": waiting["RowKey"]}, etag_of(waiting))]
        return await self._alerts.save(record, version, *listed)

    async def latest(self, limit: int, since: datetime | None = None, after: str = "") -> Page[AlertRecord]:
        """Records in the order of their rows."""
        last = f"t|{latest_first_key(since)}}}" if since else "t}"
        rows = await self._table.query(ALERTS, keys=("t|", last), limit=limit + 1, behind=after)
        return page_of(rows, limit, self._alerts.of)

    async def undecided(self, limit: int) -> Listed[tuple[str, datetime]]:
        """Keys and times of acceptance."""
        rows = await self._table.query(ALERTS, keys=("o|", "o}"), limit=limit)
        return listed_rows(rows, lambda row: (row["RowKey"][2:], datetime.fromisoformat(row["accepted_at"])))


def _columns(record: AlertRecord) -> Row:
    return {
        "PartitionKey": ALERTS,
        "RowKey": f"t|{latest_first_key(record.accepted_at)}|{record.key}",
        "state": record.state.value,
        "rule": record.facts.rule_name,
    }
