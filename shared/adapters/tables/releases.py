"""ReleaseStore on Azure Tables: one partition per release, one transaction per commit."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.index import ReleaseIndex
from shared.adapters.tables.reading import reading
from shared.adapters.tables.release_rows import (
    HISTORY_ROWS,
    OUTBOX_ROWS,
    RELEASE_KEY,
    RELEASE_ROWS,
    Kept,
    Version,
    commit_operations,
    inbox_key,
    kept_after,
    read_release,
    read_without_targets,
    target_row_key,
)
from shared.adapters.tables.rows import ROWS_MAX, Row, check_release_id, delete, is_release_id, join_text
from shared.adapters.tables.writes import read_back
from shared.application.errors import ConcurrentUpdate
from shared.application.release.ports import ReleaseCommit, Stored
from shared.contracts.stored.releases import ENTRY, FLEET_TARGET
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Kind, Release

#: As many as a host has sessions (`host.json`). A fleet of 200 circuits takes about a megabyte, a model next to none.
KNOWN_MAX = 64


class TableReleaseStore(ReleaseIndex):
    """Reading an id that no release can have finds nothing; writing it raises ValueError.

    Every commit replaces the release row, so that its ETag stands for the whole release: while it is the one that this
    process last read or wrote, neither the targets nor the outbox need be read again, for only commits add to it.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._known: dict[str, Kept] = {}
        self._writing: dict[str, asyncio.Event] = {}  # set once the commit is over

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        """Raises Unreadable for a release that a newer version of this code wrote."""
        found, seen = await asyncio.gather(self._found(release_id), self._seen(release_id, event_ids))
        return _stored(found, seen) if found else None

    async def recall(self, release_id: str) -> Stored | None:
        """While no other process commits on the release, it is as this one remembers it. A commit that is under way
        here is waited for, so that handlers of one process do not lose races against each other."""
        while writing := self._writing.get(release_id):
            await writing.wait()
        known = self._known.get(release_id)
        return _stored(known, frozenset()) if known else None

    async def without_fleet(self, release_id: str) -> Release | None:
        """One row; the targets of a model release are few and come with it."""
        if known := await self._as_known(release_id):
            return replace(known.release, fleet=())
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
        before = await self._before(change)
        operations = commit_operations(change, before.release if before else None, uuid.uuid4().hex)
        self._known.pop(release_id, None)
        writing = self._writing[release_id] = asyncio.Event()
        try:
            etags = await self._table.write(*operations)
            self._remember(release_id, kept_after(change, before, etags[0]))
        except Unsettled as fault:
            is_own, _ = await read_back(self._table, operations[0][1])
            if not is_own:
                raise ConcurrentUpdate(f"release {release_id} is not as it was loaded: {fault}") from fault
        finally:
            writing.set()
            if self._writing.get(release_id) is writing:
                del self._writing[release_id]
        return change.release.history_count + int(operations[0][1]["outbox_count"])

    async def mark_sent(self, release_id: str, command_ids: Sequence[str]) -> None:
        """The same command may have been committed twice; it was sent, so every row of it goes."""
        sent, known = frozenset(command_ids), self._known.get(release_id)
        if known:
            keys = [key for key, command in known.unsent.items() if command.command_id in sent]
        else:
            keys = [row["RowKey"] for row in await self._rows(release_id, OUTBOX_ROWS) if row["command_id"] in sent]
        await self._remove(release_id, keys)
        if known := self._known.get(release_id):
            unsent = {key: command for key, command in known.unsent.items() if key not in keys}
            self._known[release_id] = replace(known, unsent=unsent)

    async def _remove(self, release_id: str, keys: Sequence[str]) -> None:
        """In one transaction, unless somebody was quicker with one of them, or it does not answer."""
        for start in range(0, len(keys), ROWS_MAX):
            some = keys[start : start + ROWS_MAX]
            if len(some) > 1:
                with suppress(Unsettled):
                    await self._table.write(*(delete({"PartitionKey": release_id, "RowKey": key}) for key in some))
                    continue
            for key in some:
                await self._table.remove(release_id, key)

    async def history(self, release_id: str) -> list[HistoryEntry]:
        """Oldest first."""
        rows = await self._rows(release_id, HISTORY_ROWS)
        with reading(release_id):
            return [ENTRY.load(join_text("json", row)) for row in rows]

    async def _before(self, change: ReleaseCommit) -> Kept | None:
        """The release that the change was decided on; None when it is to be created."""
        if change.version is None:
            return None
        release_id, version = change.release.release_id, Version.of(change.version)
        known = self._known.get(release_id) or await self._read(release_id)
        if known is None or known.version.etag != version.etag:
            raise ConcurrentUpdate(f"release {release_id} is not as it was loaded")
        return known

    async def _found(self, release_id: str) -> Kept | None:
        if known := await self._as_known(release_id):
            return known
        found = await self._read(release_id)
        if found is not None:
            self._remember(release_id, found)
        return found

    async def _as_known(self, release_id: str) -> Kept | None:
        """The release as this process remembers it, when it still is so; what it no longer is, is forgotten."""
        known = self._known.get(release_id)
        if known is None:
            return None
        own = await self._table.get(release_id, RELEASE_KEY, select=["RowKey"])
        now_known = self._known.get(release_id)
        if own is not None and now_known is not None and etag_of(own) == now_known.version.etag:
            return now_known
        if now_known is known:
            del self._known[release_id]
        return None

    async def _read(self, release_id: str) -> Kept | None:
        rows = await self._rows(release_id, RELEASE_ROWS)
        with reading(release_id):
            return read_release(rows)

    def _remember(self, release_id: str, found: Kept) -> None:
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


def _stored(kept: Kept, seen: frozenset[str]) -> Stored:
    return Stored(
        release=kept.release,
        number=kept.version.number(kept.release),
        may_rest=kept.version.may_rest,
        unsent=tuple(kept.unsent.values()),
        version=kept.version.text(),
        seen=seen,
    )
