"""ReleaseStore on Azure Tables: one partition per release, one transaction per commit."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.index import ReleaseIndex
from shared.adapters.tables.reading import reading
from shared.adapters.tables.release_rows import (
    HISTORY_ROWS,
    OUTBOX_ROWS,
    RELEASE_AND_TARGETS,
    RELEASE_KEY,
    Version,
    commit_operations,
    inbox_key,
    read_release,
    read_without_targets,
    target_row_key,
    version_after,
)
from shared.adapters.tables.rows import Row, check_release_id, is_release_id, join_text
from shared.adapters.tables.writes import read_back
from shared.application.errors import ConcurrentUpdate
from shared.application.release.ports import ReleaseCommit, Stored
from shared.contracts.messages import decode_command
from shared.contracts.stored.releases import ENTRY, FLEET_TARGET
from shared.domain.release.commands import Command
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Kind, Release

#: A fleet of 200 circuits takes about a megabyte; one process works on few releases at a time.
KNOWN_MAX = 8


class TableReleaseStore(ReleaseIndex):
    """Reading an id that no release can have finds nothing; writing it raises ValueError.

    Every commit replaces the release row, so that its ETag stands for the whole release: while it is the one that this
    process last read or wrote, the targets need not be read again.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._known: dict[str, tuple[Release, Version]] = {}
        self._outbox_keys: dict[str, dict[str, list[str]]] = {}  # of the outbox that was read last

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        """Raises Unreadable for a release that a newer version of this code wrote."""
        found, seen = await asyncio.gather(self._found(release_id), self._seen(release_id, event_ids))
        if found is None:
            return None
        release, version = found
        number = version.number(release)
        return Stored(release=release, number=number, may_rest=version.may_rest, version=version.text(), seen=seen)

    async def without_fleet(self, release_id: str) -> Release | None:
        """One row; the targets of a model release are few and come with it."""
        if await self._is_known(release_id):
            known, _ = self._known[release_id]
            return replace(known, fleet=())
        row = await self._table.get(release_id, RELEASE_KEY) if is_release_id(release_id) else None
        if row is None:
            return None
        with reading(release_id):
            release = read_without_targets(row)
        if release.kind is not Kind.MODEL:
            return release
        stored = await self.load(release_id)
        return stored.release if stored else None

    async def fleet_target(self, release_id: str, key: str) -> FleetTarget | None:
        """One row."""
        row = await self._table.get(release_id, target_row_key(key)) if is_release_id(release_id) else None
        with reading(release_id):
            return FLEET_TARGET.load(join_text("json", row)) if row else None

    async def commit(self, change: ReleaseCommit) -> int:
        """Raises RowLimitError, before anything is sent, when the change does not fit one transaction."""
        release_id = check_release_id(change.release.release_id)
        operations = commit_operations(change, await self._before(change), uuid.uuid4().hex)
        self._known.pop(release_id, None)
        try:
            etags = await self._table.write(*operations)
            self._remember(release_id, (change.release, version_after(change, etags[0])))
        except Unsettled as fault:
            is_own, _ = await read_back(self._table, operations[0][1])
            if not is_own:
                raise ConcurrentUpdate(f"release {release_id} is not as it was loaded: {fault}") from fault
        return change.release.history_count + int(operations[0][1]["outbox_count"])

    async def outbox(self, release_id: str) -> list[Command]:
        """Oldest first."""
        rows = await self._rows(release_id, OUTBOX_ROWS)
        with reading(release_id):
            commands = [decode_command(join_text("json", row)) for row in rows]
            self._outbox_keys = {release_id: _keys_by_command(rows)}
        return commands

    async def mark_sent(self, release_id: str, command_id: str) -> None:
        """The same command may have been committed twice; it was sent, so every row of it goes."""
        keys = self._outbox_keys.get(release_id, {}).pop(command_id, None)
        if keys is None:
            keys = _keys_by_command(await self._rows(release_id, OUTBOX_ROWS)).get(command_id, [])
        for key in keys:
            await self._table.remove(release_id, key)

    async def history(self, release_id: str) -> list[HistoryEntry]:
        """Oldest first."""
        rows = await self._rows(release_id, HISTORY_ROWS)
        with reading(release_id):
            return [ENTRY.load(join_text("json", row)) for row in rows]

    async def _before(self, change: ReleaseCommit) -> Release | None:
        """The release that the change was decided on; None when it is to be created."""
        if change.version is None:
            return None
        release_id, version = change.release.release_id, Version.of(change.version)
        known = self._known.get(release_id) or await self._read(release_id)
        if known is None or known[1].etag != version.etag:
            raise ConcurrentUpdate(f"release {release_id} is not as it was loaded")
        return known[0]

    async def _found(self, release_id: str) -> tuple[Release, Version] | None:
        if await self._is_known(release_id):
            return self._known[release_id]
        found = await self._read(release_id)
        if found is not None:
            self._remember(release_id, found)
        return found

    async def _is_known(self, release_id: str) -> bool:
        """Whether the release is as this process remembers it; what it no longer is, is forgotten."""
        known = self._known.get(release_id)
        if known is None:
            return False
        own = await self._table.get(release_id, RELEASE_KEY, select=["RowKey"])
        if own is not None and etag_of(own) == known[1].etag and self._known.get(release_id) is known:
            return True
        if self._known.get(release_id) is known:
            del self._known[release_id]
        return False

    async def _read(self, release_id: str) -> tuple[Release, Version] | None:
        rows = await self._rows(release_id, RELEASE_AND_TARGETS)
        with reading(release_id):
            return read_release(rows)

    def _remember(self, release_id: str, found: tuple[Release, Version]) -> None:
        self._known.pop(release_id, None)
        while len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[release_id] = found

    async def _rows(self, release_id: str, keys: tuple[str, str]) -> list[Row]:
        return await self._table.query(release_id, keys=keys) if is_release_id(release_id) else []

    async def _seen(self, release_id: str, event_ids: Sequence[str]) -> frozenset[str]:
        if not is_release_id(release_id):
            return frozenset()
        asked = list(dict.fromkeys(event_ids))
        keys = [inbox_key(event_id) for event_id in asked]
        rows = await asyncio.gather(*(self._table.get(release_id, key, select=["RowKey"]) for key in keys))
        return frozenset(event_id for event_id, row in zip(asked, rows, strict=True) if row is not None)


def _keys_by_command(rows: list[Row]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for row in rows:
        keys.setdefault(row["command_id"], []).append(row["RowKey"])
    return keys
