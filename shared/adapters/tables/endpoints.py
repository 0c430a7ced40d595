"""EndpointLog on Azure Tables: one row for each endpoint in the partition `endpoints`."""

from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import listed_rows, reading, row_id
from shared.adapters.tables.rows import ENDPOINTS, Row, join_text, split_text, time_text
from shared.adapters.tables.writes import create_row, update_row
from shared.application.listed import Listed
from shared.application.release.production import EndpointRead
from shared.contracts.stored.fleet import ENDPOINT_READ


class TableEndpointLog:
    """Two readers at once leave what was read later."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, read: EndpointRead) -> None:
        """Creates the row, or takes the place of an earlier read."""
        key, content = read.endpoint_name.lower(), _columns(read)

        def columns(row: Row) -> Row | None:
            return content if not row or datetime.fromisoformat(row["read_at"]) < read.at else None

        new = {"PartitionKey": ENDPOINTS, "RowKey": key, **content}
        if await create_row(self._table, new) is not new:
            await update_row(self._table, ENDPOINTS, key, columns)

    async def all(self) -> Listed[EndpointRead]:
        """One query."""
        return listed_rows(await self._table.query(ENDPOINTS), _read_of)


def _columns(read: EndpointRead) -> Row:
    return {"read_at": time_text(read.at), **split_text("json", ENDPOINT_READ.dump(read))}


def _read_of(row: Row) -> EndpointRead:
    with reading(row_id(row)):
        return ENDPOINT_READ.load(join_text("json", row))
