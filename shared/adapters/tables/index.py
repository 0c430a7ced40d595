"""Which releases are open and which have ended: two partitions of the table.

`open`    a row per release id: up to which commit it was woken, and its last rest with its summary (ADR 29). Rows that
          older code wrote have neither: these releases are awake
`closed`  a row `<inverted time>|<release id>` with its summary, so that the latest end comes first, and a mark
          `id|<release id>` written with it, so that closing again, at whatever time, adds nothing
"""

import logging
from collections.abc import Callable
from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.paging import page_of
from shared.adapters.tables.reading import row_id
from shared.adapters.tables.rows import (
    CLOSED,
    OPEN,
    Row,
    check_release_id,
    insert,
    join_text,
    latest_first_key,
    split_text,
    time_of_latest_first,
    time_text,
)
from shared.adapters.tables.writes import create_row, update_row
from shared.application.paging import Page
from shared.application.release.ports import EndedEntry
from shared.application.release.resting import OpenEntry, ReleaseRest
from shared.application.release.summary import Summary
from shared.contracts.stored.releases import SUMMARY

log = logging.getLogger(__name__)


class ReleaseIndex:
    """The index half of ReleaseStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add_open(self, release_id: str, at: datetime, woken: int = -1) -> None:
        """Lists the release as open. A row that is there stays: it may say up to where the release was woken."""
        row = {"PartitionKey": OPEN, "RowKey": check_release_id(release_id), "opened_at": time_text(at)}
        await create_row(self._table, row | {"woken": woken})

    async def wake(self, release_id: str, number: int) -> None:
        """Raises the number up to which rests count no more."""
        await self._change(release_id, lambda entry: entry.waking(number))

    async def rest(self, rest: ReleaseRest) -> None:
        """Raises the number of the last rest."""
        await self._change(rest.summary.release_id, lambda entry: entry.laid(rest))

    async def open(self, limit: int, after: str = "") -> Page[OpenEntry]:
        """In the order of their ids."""
        rows = await self._table.query(OPEN, limit=limit + 1, behind=after)
        return page_of(rows, limit, _open_entry)

    async def close(self, summary: Summary, at: datetime, number: int) -> None:
        """Lists the release as ended first, so that a crash in between leaves it in both lists, never in none."""
        release_id = check_release_id(summary.release_id)
        mark = {"PartitionKey": CLOSED, "RowKey": f"id|{release_id}"}
        key = f"{latest_first_key(at)}|{release_id}"
        entry = {"release_id": release_id, "number": number, **split_text("summary", SUMMARY.dump(summary))}

        def columns(row: Row) -> Row | None:
            return entry if row and row.get("number", -1) < number else None

        if await create_row(self._table, mark, insert({"PartitionKey": CLOSED, "RowKey": key, **entry})) is not mark:
            await update_row(self._table, CLOSED, key, columns)
        await self._table.remove(OPEN, release_id)

    async def drop(self, release_id: str) -> None:
        """Takes a release off the list of open ones that never opened."""
        await self._table.remove(OPEN, check_release_id(release_id))

    async def ended(self, limit: int, after: str = "") -> Page[EndedEntry]:
        """The latest end first."""
        rows = await self._table.query(CLOSED, keys=("0", ":"), limit=limit + 1, behind=after)
        return page_of(rows, limit, _ended_entry)

    async def _change(self, release_id: str, change: Callable[[OpenEntry], OpenEntry]) -> None:
        """A row that is gone is not made again: the release has ended."""

        def columns(row: Row) -> Row | None:
            before = _open_entry(row) if row else None
            after = change(before) if before else None
            return None if after is None or after == before else {**_without_rest(row), **_columns(after)}

        await update_row(self._table, OPEN, release_id, columns)


def _columns(entry: OpenEntry) -> Row:
    row: Row = {"woken": entry.woken}
    if entry.rest is not None:
        row |= {"number": entry.rest.number, "until": time_text(entry.rest.until)}
        row |= split_text("summary", SUMMARY.dump(entry.rest.summary))
    return row


def _without_rest(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("summary_")}


def _open_entry(row: Row) -> OpenEntry:
    """A rest that this version cannot read does not count: the release is read instead."""
    entry = OpenEntry(release_id=row["RowKey"], woken=row.get("woken", -1))
    if "number" not in row:
        return entry
    try:
        until, summary = datetime.fromisoformat(row["until"]), SUMMARY.load(join_text("summary", row))
    except (ValueError, LookupError) as error:
        log.warning("%s is read instead of its summary: %s", row["RowKey"], error)
        return entry
    return OpenEntry(
        release_id=entry.release_id,
        woken=entry.woken,
        rest=ReleaseRest(number=row["number"], until=until, summary=summary),
    )


def _ended_entry(row: Row) -> EndedEntry:
    """The release is read where this version cannot read its summary, or there is none."""
    try:
        summary = SUMMARY.load(join_text("summary", row)) if "summary_00" in row else None
    except ValueError as error:
        log.warning("%s is read instead of its summary: %s", row_id(row), error)
        summary = None
    place = row["RowKey"]
    return EndedEntry(release_id=row_id(row), place=place, ended_at=time_of_latest_first(place), summary=summary)
