"""The one door to Azure Tables: creates the table on first use, bounds every call, and ends foreign errors.

What a failed write means is the caller's question. The SDK retries by itself, so that a 409 or 412 may be the answer
to an own write that had succeeded (R-FAULT-19): such a write is `Unsettled`, and the caller reads back before it says
anything.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPException
from typing import Any
from urllib.request import getproxies

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.adapters.tables.rows import Operation, Row, check_limits
from shared.adapters.tables.transactions import lean
from shared.application.errors import TransientFault

#: For whoever constructs the TableServiceClient: three retries, and no single attempt near the lock of a message. Where
#: the environment names no proxy it is not asked for one, nor for a .netrc, in a thread of its own at every request.
CLIENT_OPTIONS: Mapping[str, Any] = {
    "retry_total": 3,
    "retry_backoff_factor": 0.4,
    "retry_backoff_max": 5,
    "connection_timeout": 5,
    "read_timeout": 10,
    "use_env_settings": bool(getproxies()),
}
CALL_DEADLINE_S = 25.0  # of one call with all its retries; the SDK's own limit is seven days

#: The row is there already, changed, or gone; or the server gave up in the middle.
_UNSETTLED_STATUS = frozenset({404, 408, 409, 412})
_FOREIGN = (AzureError, OSError, TimeoutError, HTTPException)


class Unsettled(TransientFault):
    """A write was refused or got no answer; only reading back can say whether it was applied."""


class Table:
    """The table `name` of a storage account. Every method raises TransientFault when it got no usable answer."""

    def __init__(
        self, service: TableServiceClient, name: str = "switchyard", *, call_deadline_s: float = CALL_DEADLINE_S
    ) -> None:
        self._service = service
        self._client = lean(service.get_table_client(name))
        self._name = name
        self._call_deadline_s = call_deadline_s
        self._created = False
        self._creating = asyncio.Lock()

    async def get(self, partition_key: str, row_key: str, select: Sequence[str] = ()) -> Row | None:
        """The row, or None. Its ETag is under `etag_of`."""
        async with self._call(f"reading {partition_key}/{row_key}", TransientFault) as client:
            try:
                return await client.get_entity(partition_key, row_key, select=list(select) or None)
            except ResourceNotFoundError as error:
                if _says_no_table(error):
                    raise
                return None

    async def query(
        self, partition_key: str, *, keys: tuple[str, str] = ("", ""), limit: int | None = None, behind: str = ""
    ) -> list[Row]:
        """The rows of a partition in the order of their keys; `keys` are the first and the one after the last. With
        `behind`, only rows with a higher key than this."""
        rule, parameters = "PartitionKey eq @partition", {"partition": partition_key}
        if keys[1]:
            rule = f"{rule} and RowKey ge @first and RowKey lt @after"
            parameters |= {"first": keys[0], "after": keys[1]}
        if behind:
            rule, parameters = f"{rule} and RowKey gt @behind", {**parameters, "behind": behind}
        rows: list[Row] = []
        async with self._call(f"querying {partition_key}", TransientFault) as client:
            page = min(limit or 1000, 1000)
            async for row in client.query_entities(rule, parameters=parameters, results_per_page=page):
                rows.append(row)
                if limit is not None and len(rows) >= limit:
                    break
        return rows

    async def write(self, *operations: Operation) -> list[str]:
        """One transaction of one partition; the new ETags, empty for what was deleted. Raises Unsettled, or
        RowLimitError before anything is sent."""
        check_limits(operations)
        row = operations[0][1]
        async with self._call(f"writing {row['PartitionKey']}/{row['RowKey']}", Unsettled) as client:
            written = await client.submit_transaction(operations)
        return [str(each.get("etag") or "") for each in written]

    async def remove(self, partition_key: str, row_key: str) -> None:
        """Deletes a row that never changes; one that is gone is fine."""
        async with self._call(f"removing {partition_key}/{row_key}", TransientFault) as client:
            await client.delete_entity(partition_key, row_key)

    @asynccontextmanager
    async def _call(self, what: str, unanswered: type[TransientFault]) -> AsyncIterator[TableClient]:
        try:
            async with asyncio.timeout(self._call_deadline_s):
                await self._ensure_table()
                yield self._client
        except HttpResponseError as error:
            if _says_no_table(error):
                self._created = False
            raise _kind_of(error, unanswered)(f"{what} of table {self._name}: {error}") from error
        except _FOREIGN as error:
            raise unanswered(f"{what} of table {self._name}: {error or type(error).__name__}") from error

    async def _ensure_table(self) -> None:
        if self._created:
            return
        async with self._creating:
            if not self._created:
                await self._service.create_table_if_not_exists(self._name)
                self._created = True


def _says_no_table(error: HttpResponseError) -> bool:
    return getattr(error, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND


def _kind_of(error: HttpResponseError, unanswered: type[TransientFault]) -> type[TransientFault]:
    status = error.status_code or 500
    return unanswered if status in _UNSETTLED_STATUS or status >= 500 else TransientFault


def etag_of(row: Row) -> str:
    """The ETag of a row that was read."""
    etag: str = row.metadata["etag"]  # type: ignore[attr-defined]
    return etag
