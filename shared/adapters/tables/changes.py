"""ChangeLog on Azure Tables, all in the partition `changes`.

`t|<inverted time>|<commit>`  the record, the latest acceptance first
`k|<commit>`                  where the record is; there can be one of a commit
`b|<hash of branch>`          up to which commit the branch was taken, and whose configuration is in force
"""

import re
from dataclasses import replace

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.paging import page_of
from shared.adapters.tables.record import Records
from shared.adapters.tables.rows import CHANGES, Operation, Row, hashed, insert, latest_first_key
from shared.adapters.tables.rows import replace as swap
from shared.adapters.tables.writes import create_row
from shared.application.changes.ports import StoredChange
from shared.application.errors import ConcurrentUpdate
from shared.application.paging import Page
from shared.contracts.stored.changes import CHANGE
from shared.domain.changes.record import ChangeRecord

TEXT_CHARS_MAX = 400_000
"""Of a record: the service counts two bytes for a character, and a row has 1 MiB."""

_IN_FORCE = "in_force"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class TableChangeLog:
    """Changes by time of acceptance, where the one of a commit is, and how far each branch was taken."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._changes = Records(table, CHANGE, _columns)

    async def accept(self, record: ChangeRecord) -> StoredChange:
        """Makes the record durable unless there is one of its commit."""
        row = self._changes.row(_fitting(record))
        where: Row = {"PartitionKey": CHANGES, "RowKey": _pointer(record.change_id), "row_key": row["RowKey"]}
        await create_row(self._table, where, insert(row))
        there = await self.load(record.change_id)
        if there is None:
            raise Unsettled(f"change {record.change_id} could not be accepted")
        return there

    async def load(self, change_id: str) -> StoredChange | None:
        """The record and its ETag."""
        if not _COMMIT.fullmatch(change_id):
            return None
        where = await self._table.get(CHANGES, _pointer(change_id))
        found = await self._changes.load(CHANGES, where["row_key"]) if where else None
        return StoredChange(record=found[0], version=found[1]) if found else None

    async def save(
        self, record: ChangeRecord, version: str, *, moves: str = "", since: str = "", configures: bool = False
    ) -> None:
        """Replaces the record if it is still the one that was read, and moves the branch with it."""
        branch = [await self._move(moves, since, record.change_id, configures=configures)] if moves else []
        await self._changes.save(_fitting(record), version, *branch)

    async def latest(self, limit: int, after: str = "") -> Page[ChangeRecord]:
        """Records in the order of their rows."""
        rows = await self._table.query(CHANGES, keys=("t|", "t}"), limit=limit + 1, behind=after)
        return page_of(rows, limit, self._changes.of)

    async def taken(self, branch: str) -> str:
        """The commit; empty before the first."""
        row = await self._table.get(CHANGES, _branch_key(branch))
        return str(row["commit"]) if row else ""

    async def in_force(self, branch: str) -> str:
        """One read, and two of a row of before."""
        return await self._in_force(await self._table.get(CHANGES, _branch_key(branch)))

    async def _in_force(self, row: Row | None) -> str:
        """Rows of before name one commit only: where the branch began, or one that was taken."""
        if row is None:
            return ""
        if _IN_FORCE in row:
            return str(row[_IN_FORCE])
        there = await self.load(str(row["commit"]))
        return str(row["commit"]) if there and there.record.moves_branch else ""

    async def begin(self, branch: str, commit: str) -> None:
        """Records the commit from which on the branch is read; the first writer wins. Raises ConcurrentUpdate."""
        there = await create_row(self._table, _branch_row(branch, commit, in_force=""))
        if there["commit"] != commit:
            raise ConcurrentUpdate(f"branch {branch} was begun at {there['commit']} already, not at {commit}")

    async def _move(self, branch: str, since: str, commit: str, *, configures: bool) -> Operation:
        there = await self._table.get(CHANGES, _branch_key(branch))
        if (there["commit"] if there else "") != since:
            raise ConcurrentUpdate(f"branch {branch} was moved since it was taken up to {since or 'nothing'}")
        in_force = commit if configures else await self._in_force(there)
        row = _branch_row(branch, commit, in_force=in_force)
        return swap(row, etag_of(there)) if there else insert(row)


def _pointer(change_id: str) -> str:
    if not _COMMIT.fullmatch(change_id):
        raise ValueError(f"{change_id!r} is no full commit id")
    return f"k|{change_id}"


def _branch_key(branch: str) -> str:
    return f"b|{hashed(branch)}"


def _branch_row(branch: str, commit: str, *, in_force: str) -> Row:
    key = {"PartitionKey": CHANGES, "RowKey": _branch_key(branch)}
    return {**key, "branch": branch[:200], "commit": commit, _IN_FORCE: in_force}


def _columns(record: ChangeRecord) -> Row:
    return {
        "PartitionKey": CHANGES,
        "RowKey": f"t|{latest_first_key(record.accepted_at)}|{record.change_id}",
        "state": record.state.value,
    }


def _fitting(record: ChangeRecord) -> ChangeRecord:
    """The record with its lists halved until its text fits, or nothing is left of them. Their totals stay."""
    while len(CHANGE.dump(record)) > TEXT_CHARS_MAX and (record.circuits or record.problems):
        half = max(len(record.circuits), len(record.problems)) // 2
        record = replace(record, circuits=record.circuits[:half], problems=record.problems[:half])
    return record
