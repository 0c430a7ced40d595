"""Which releases are open and which have ended: two partitions of the table.

`open`    one row per release id
`closed`  a row `<inverted time>|<release id>`, so that the latest end comes first, and a mark `id|<release id>` written
          with it, so that closing again, at whatever time, adds nothing
"""

from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import row_id
from shared.adapters.tables.rows import CLOSED, OPEN, check_release_id, insert, latest_first_key, put_index, time_text
from shared.adapters.tables.writes import create_row


class ReleaseIndex:
    """The index half of ReleaseStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add_open(self, release_id: str, at: datetime) -> None:
        """Lists the release as open."""
        row = {"PartitionKey": OPEN, "RowKey": check_release_id(release_id), "opened_at": time_text(at)}
        await self._table.write(put_index(row))

    async def open_ids(self) -> list[str]:
        """Every release listed as open."""
        return [row["RowKey"] for row in await self._table.query(OPEN)]

    async def close(self, release_id: str, at: datetime) -> None:
        """Lists the release as ended first, so that a crash in between leaves it in both lists, never in none."""
        mark = {"PartitionKey": CLOSED, "RowKey": f"id|{check_release_id(release_id)}"}
        entry = {"PartitionKey": CLOSED, "RowKey": f"{latest_first_key(at)}|{release_id}", "release_id": release_id}
        await create_row(self._table, mark, insert(entry))
        await self._table.remove(OPEN, release_id)

    async def closed_ids(self, limit: int) -> list[str]:
        """The ids of ended releases, the latest end first."""
        rows = await self._table.query(CLOSED, keys=("0", ":"), limit=limit)
        return [row_id(row) for row in rows]
