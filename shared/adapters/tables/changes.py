"""ChangeLog on Azure Tables, all in the partition `changes`.

`t|<inverted time>|<commit>`  the record, the latest acceptance first
`k|<commit>`                  where the record is; there can be one of a commit
`b|<hash of branch>`          up to which commit the branch was taken
"""

import logging
import re
import uuid
from dataclasses import replace as changed
from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import CHANGES, Row, hashed, insert, join_text, put_index, replace, split_text
from shared.application.changes.ports import StoredChange
from shared.application.errors import ConcurrentUpdate
from shared.contracts.stored.changes import dump_change, load_change
from shared.domain.changes.record import ChangeRecord

log = logging.getLogger(__name__)

TEXT_CHARS_MAX = 400_000
"""Of a record: the service counts two bytes for a character, and a row has 1 MiB."""

_TIME_MAX_MS = 9_999_999_999_999  # the year 2286
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class TableChangeLog:
    """Every write of a record carries a unique `op_id`: reading it back tells the own write from somebody else's."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def accept(self, record: ChangeRecord) -> StoredChange:
        """Makes the record durable unless there is one of its commit."""
        where: Row = {"PartitionKey": CHANGES, "RowKey": _pointer(record.change_id), "row_key": _row_key(record)}
        try:
            await self._table.write(insert(where), insert(_row_of(record, uuid.uuid4().hex)))
        except Unsettled as error:
            log.info("accepting change %s got no clear answer, reading back: %s", record.change_id, error)
        there = await self.load(record.change_id)
        if there is None:
            raise Unsettled(f"change {record.change_id} could not be accepted")
        return there

    async def load(self, change_id: str) -> StoredChange | None:
        """The record and its ETag."""
        if not _COMMIT.fullmatch(change_id):
            return None
        where = await self._table.get(CHANGES, _pointer(change_id))
        row = await self._table.get(CHANGES, where["row_key"]) if where else None
        return StoredChange(record=load_change(join_text("json", row)), version=etag_of(row)) if row else None

    async def save(self, record: ChangeRecord, version: str, *, moves: str = "") -> None:
        """Replaces the record if it is still the one that was read, and moves the branch with it."""
        row = _row_of(record, uuid.uuid4().hex)
        branch = [put_index(_branch_row(moves, record.change_id))] if moves else []
        try:
            await self._table.write(replace(row, version), *branch)
        except Unsettled as error:
            log.info("saving change %s got no clear answer, reading back: %s", record.change_id, error)
        there = await self._table.get(CHANGES, row["RowKey"], ["op_id"])
        if there is None or there["op_id"] != row["op_id"]:
            raise ConcurrentUpdate(f"change {record.change_id} changed since it was read")

    async def latest(self, limit: int) -> list[ChangeRecord]:
        """Records in the order of their rows."""
        rows = await self._table.query(CHANGES, keys=("t|", "t}"), limit=limit)
        return [load_change(join_text("json", row)) for row in rows]

    async def taken(self, branch: str) -> str:
        """The commit; empty before the first."""
        row = await self._table.get(CHANGES, _branch_key(branch))
        return str(row["commit"]) if row else ""

    async def set_taken(self, branch: str, commit: str) -> None:
        """Writes it over what was there."""
        await self._table.write(put_index(_branch_row(branch, commit)))


def _pointer(change_id: str) -> str:
    if not _COMMIT.fullmatch(change_id):
        raise ValueError(f"{change_id!r} is no full commit id")
    return f"k|{change_id}"


def _branch_key(branch: str) -> str:
    return f"b|{hashed(branch)}"


def _branch_row(branch: str, commit: str) -> Row:
    return {"PartitionKey": CHANGES, "RowKey": _branch_key(branch), "branch": branch[:200], "commit": commit}


def _row_key(record: ChangeRecord) -> str:
    return f"t|{_inverted(record.accepted_at)}|{record.change_id}"


def _inverted(at: datetime) -> str:
    return f"{_TIME_MAX_MS - int(at.timestamp() * 1000):013}"


def _row_of(record: ChangeRecord, op_id: str) -> Row:
    return {
        "PartitionKey": CHANGES,
        "RowKey": _row_key(record),
        "state": record.state.value,
        "op_id": op_id,
        **split_text("json", _fitting(record)),
    }


def _fitting(record: ChangeRecord) -> str:
    """The record as text; its lists are halved until it fits, or nothing is left of them. Their totals stay."""
    text = dump_change(record)
    while len(text) > TEXT_CHARS_MAX and (record.circuits or record.problems):
        half = max(len(record.circuits), len(record.problems)) // 2
        record = changed(record, circuits=record.circuits[:half], problems=record.problems[:half])
        text = dump_change(record)
    return text
