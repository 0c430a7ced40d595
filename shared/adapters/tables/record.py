"""Records of one kind as rows: a record is one row, replaced under its ETag; the lists it is in are written with it."""

import uuid
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shared.adapters.tables.access import Table, etag_of
from shared.adapters.tables.reading import listed_rows, reading, row_id
from shared.adapters.tables.rows import Operation, Row, join_text, split_text
from shared.adapters.tables.writes import create_row, replace_row
from shared.application.listed import Listed
from shared.contracts.stored.form import StoredForm

T = TypeVar("T")


class Records(Generic[T]):
    """`columns` gives the keys of a record's row and what people and queries look at; `text` is the column, cut into
    parts, that holds the record itself in the form `form`."""

    def __init__(self, table: Table, form: StoredForm[T], columns: Callable[[T], Row], *, text: str = "json") -> None:
        self._table = table
        self._form = form
        self._columns = columns
        self._text = text

    def row(self, record: T) -> Row:
        """The row of `record` with an `op_id` of its own, by which this one write is recognised."""
        text = split_text(self._text, self._form.dump(record))
        return {**self._columns(record), "op_id": uuid.uuid4().hex, **text}

    def of(self, row: Row) -> T:
        """The record of a row that was read. Raises Unreadable."""
        with reading(row_id(row)):
            return self._form.load(join_text(self._text, row))

    def all_of(self, rows: Sequence[Row]) -> Listed[T]:
        """The records of rows that were read, and which of them cannot be."""
        return listed_rows(rows, self.of)

    async def create(self, record: T, *listed: Operation) -> bool:
        """Makes the record durable, and `listed` with it; False when there is one in its place, which stays."""
        row = self.row(record)
        return bool((await create_row(self._table, row, *listed))["op_id"] == row["op_id"])

    async def load(self, partition_key: str, row_key: str) -> tuple[T, str] | None:
        """The record and its version; None when there is none. Raises Unreadable."""
        row = await self._table.get(partition_key, row_key)
        return (self.of(row), etag_of(row)) if row else None

    async def save(self, record: T, version: str, *listed: Operation) -> str:
        """Replaces the record that was loaded with `version`, and writes `listed` with it; the new version.

        Raises ConcurrentUpdate when somebody else changed it, Unsettled when it is still as it was loaded.
        """
        return await replace_row(self._table, self.row(record), version, *listed)
