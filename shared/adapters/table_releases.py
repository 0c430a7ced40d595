"""ReleaseStore on Azure Tables: one partition per release, one transaction per commit."""

import asyncio
import uuid
from collections.abc import Sequence

from shared.adapters.table_access import Unsettled
from shared.adapters.table_index import ReleaseIndex
from shared.adapters.table_release_rows import (
    HISTORY_ROWS,
    OUTBOX_ROWS,
    RELEASE_AND_TARGETS,
    RELEASE_KEY,
    commit_operations,
    inbox_key,
    read_release,
)
from shared.adapters.table_rows import Row, check_release_id, is_release_id, join_text
from shared.application.errors import ConcurrentUpdate
from shared.application.ports import Change, Stored
from shared.contracts.messages import decode_command
from shared.contracts.release_json import load_entry
from shared.domain.commands import Command
from shared.domain.history import HistoryEntry


class TableReleaseStore(ReleaseIndex):
    """Reading an id that no release can have finds nothing; writing it raises ValueError."""

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        """Raises StoredFormError for a release that a newer version of this code wrote."""
        rows, seen = await asyncio.gather(
            self._rows(release_id, RELEASE_AND_TARGETS), self._seen(release_id, event_ids)
        )
        found = read_release(rows)
        if found is None:
            return None
        release, version = found
        return Stored(release=release, version=version.text(), seen=seen)

    async def commit(self, change: Change) -> None:
        """Raises RowLimitError, before anything is sent, when the change does not fit one transaction."""
        release_id = check_release_id(change.release.release_id)
        op_id = uuid.uuid4().hex
        operations = commit_operations(change, op_id)
        try:
            await self._table.write(*operations)
        except Unsettled as fault:
            row = await self._table.get(release_id, RELEASE_KEY, select=["op_id"])
            if row is None or row["op_id"] != op_id:
                raise ConcurrentUpdate(f"release {release_id} is not as it was loaded: {fault}") from fault

    async def outbox(self, release_id: str) -> list[Command]:
        """Oldest first."""
        return [decode_command(join_text("json", row)) for row in await self._rows(release_id, OUTBOX_ROWS)]

    async def mark_sent(self, release_id: str, command_id: str) -> None:
        """The same command may have been committed twice; it was sent, so every row of it goes."""
        for row in await self._rows(release_id, OUTBOX_ROWS):
            if row["command_id"] == command_id:
                await self._table.remove(release_id, row["RowKey"])

    async def history(self, release_id: str) -> list[HistoryEntry]:
        """Oldest first."""
        return [load_entry(join_text("json", row)) for row in await self._rows(release_id, HISTORY_ROWS)]

    async def _rows(self, release_id: str, keys: tuple[str, str]) -> list[Row]:
        return await self._table.query(release_id, keys=keys) if is_release_id(release_id) else []

    async def _seen(self, release_id: str, event_ids: Sequence[str]) -> frozenset[str]:
        if not is_release_id(release_id):
            return frozenset()
        asked = list(dict.fromkeys(event_ids))
        keys = [inbox_key(event_id) for event_id in asked]
        rows = await asyncio.gather(*(self._table.get(release_id, key, select=["RowKey"]) for key in keys))
        return frozenset(event_id for event_id, row in zip(asked, rows, strict=True) if row is not None)
