"""NotificationLog on Azure Tables, all in the partition `notices`, so that every change is one transaction.

`n|<key>`, `d|<key>`                  a fact; a message
`on|<time>|<key>`, `od|<time>|<key>`  what has not ended, by the time when it is due
`r|<release>|<time>|<n or d>|<key>`   what is about a release, by the time of what happened
"""

from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import listed_rows
from shared.adapters.tables.record import Records
from shared.adapters.tables.rows import (
    NOTICES,
    Operation,
    Row,
    check_release_id,
    delete,
    insert,
    is_release_id,
    put_index,
    time_key,
    time_text,
)
from shared.application.listed import Listed, all_of
from shared.application.notifications.ports import OF_RELEASE_MAX, OpenWork, StoredDelivery, StoredNotice
from shared.contracts.stored.notifications import DELIVERY, NOTICE
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.notice import Notice


class TableNotificationLog:
    """Facts and messages, which of them are open, and which are about a release."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._notices = Records(table, NOTICE, _notice_columns)
        self._deliveries = Records(table, DELIVERY, _delivery_columns)

    async def accept(self, notice: Notice) -> bool:
        """Makes the fact durable unless its key is there."""
        about = _about("n", notice.key, notice.fact.release_id, notice.fact.at)
        return await self._notices.create(notice, insert(_open_notice(notice)), *about)

    async def notice(self, key: str) -> StoredNotice | None:
        """The fact and its ETag."""
        found = await self._notices.load(NOTICES, f"n|{check_release_id(key)}")
        return StoredNotice(notice=found[0], version=found[1]) if found else None

    async def save_notice(self, notice: Notice, version: str) -> str:
        """Replaces the fact if it is still the one that was read."""
        listed = [] if notice.is_open else [delete(_open_notice(notice))]
        return await self._notices.save(notice, version, *listed)

    async def create(self, delivery: Delivery) -> bool:
        """Makes the message durable unless its key is there."""
        return await self._deliveries.create(delivery, insert(_open_delivery(delivery)), *_told_in(delivery))

    async def delivery(self, key: str) -> StoredDelivery | None:
        """The message and its ETag."""
        found = await self._deliveries.load(NOTICES, f"d|{check_release_id(key)}")
        return StoredDelivery(delivery=found[0], version=found[1]) if found else None

    async def save(self, delivery: Delivery, version: str) -> str:
        """Replaces the message if it is still the one that was read. What was added to it is the last thing in it."""
        listed = [delete(_open_delivery(delivery))] if delivery.state.has_ended else []
        added = [] if delivery.serial else _told_in(delivery)[-1:]
        return await self._deliveries.save(delivery, version, *listed, *added)

    async def open_notices(self, limit: int) -> Listed[OpenWork]:
        """In the order of their acceptance."""
        return await self._open("on", "on}", limit)

    async def open_deliveries(self, before: datetime, limit: int) -> Listed[OpenWork]:
        """In the order in which they are due."""
        return await self._open("od", f"od|{time_key(before)}", limit)

    async def of_release(self, release_id: str) -> tuple[Listed[Notice], Listed[Delivery]]:
        """Read by their keys, several at a time."""
        first = f"r|{check_release_id(release_id)}|"
        rows = await self._table.query(NOTICES, keys=(first, f"{first}}}"), limit=2 * OF_RELEASE_MAX)
        keys = [row["RowKey"].rsplit("|", 2)[1:] for row in rows]

        async def notice(key: str) -> Notice | None:
            found = await self.notice(key)
            return found.notice if found else None

        async def delivery(key: str) -> Delivery | None:
            found = await self.delivery(key)
            return found.delivery if found else None

        notices = await all_of((key for kind, key in keys if kind == "n"), notice)
        return notices, await all_of((key for kind, key in keys if kind == "d"), delivery)

    async def _open(self, kind: str, last: str, limit: int) -> Listed[OpenWork]:
        rows = await self._table.query(NOTICES, keys=(f"{kind}|", last), limit=limit)
        return listed_rows(rows, _work_of)


def _work_of(row: Row) -> OpenWork:
    return OpenWork(key=row["RowKey"].rpartition("|")[2], due_at=datetime.fromisoformat(row["due_at"]))


def _notice_columns(notice: Notice) -> Row:
    return {
        "PartitionKey": NOTICES,
        "RowKey": f"n|{check_release_id(notice.key)}",
        "state": notice.state.value,
        "kind": notice.fact.kind,
    }


def _delivery_columns(delivery: Delivery) -> Row:
    return {
        "PartitionKey": NOTICES,
        "RowKey": f"d|{check_release_id(delivery.key)}",
        "state": delivery.state.value,
        "recipient": delivery.recipient,
    }


def _open_notice(notice: Notice) -> Row:
    return _open_row("on", notice.key, notice.accepted_at)


def _open_delivery(delivery: Delivery) -> Row:
    return _open_row("od", delivery.key, delivery.due_at)


def _open_row(kind: str, key: str, due_at: datetime) -> Row:
    return {"PartitionKey": NOTICES, "RowKey": f"{kind}|{time_key(due_at)}|{key}", "due_at": time_text(due_at)}


def _told_in(delivery: Delivery) -> list[Operation]:
    """Each item by its release; an index row says nothing but that."""
    return [row for item in delivery.items for row in _about("d", delivery.key, item.release_id, item.at)]


def _about(kind: str, key: str, release_id: str, at: datetime) -> list[Operation]:
    if not is_release_id(release_id):
        return []
    return [put_index({"PartitionKey": NOTICES, "RowKey": f"r|{release_id}|{time_key(at)}|{kind}|{key}"})]
