"""Writes of a row that end with one answer, also when the service gave none (R-FAULT-19).

A write that is `Unsettled` was applied, or lost to another writer, or never arrived. The row tells which, when it says
whose write it holds. Most rows say it with a column `op_id`, which is different in every write; the others with their
content, like the holder of a lock.
"""

import contextlib
from collections.abc import Callable

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import Operation, Row, insert, replace
from shared.application.errors import ConcurrentUpdate, TransientFault

TRIES = 5
"""How often `update_row` begins again; each try is lost only to another writer of the row, or to a fault."""


async def create_row(table: Table, row: Row, *listed: Operation) -> Row:
    """Writes `row`, and `listed` with it, unless its place is taken; returns the row that is there afterwards.

    Raises Unsettled when none is: the write did not arrive, or not yet.
    """
    try:
        await table.write(insert(row), *listed)
    except Unsettled:
        there = await table.get(row["PartitionKey"], row["RowKey"])
        if there is None:
            raise
        return there
    return row


async def replace_row(table: Table, row: Row, version: str, *listed: Operation) -> str:
    """Writes `row`, and `listed` with it, over the row that had the ETag `version`; returns the new ETag.

    Raises ConcurrentUpdate when somebody else wrote in between, and Unsettled when the row is still as it was: the
    write did not arrive, or not yet.
    """
    try:
        return (await table.write(replace(row, version), *listed))[0]
    except Unsettled as fault:
        is_own, etag = await read_back(table, row)
        if is_own:
            return etag
        if etag == version:
            raise
        raise ConcurrentUpdate(f"{row['PartitionKey']}/{row['RowKey']} changed since it was read") from fault


async def update_row(
    table: Table,
    partition_key: str,
    row_key: str,
    decide: Callable[[Row], Row | None],
    *listed: Operation,
    tries: int = TRIES,
) -> Row:
    """Reads a row, asks `decide` for its new columns and writes them if the row did not change meanwhile; begins again
    until that works or `decide` says None: nothing has to be written. Returns the row that is there afterwards. A row
    that does not exist is an empty one.

    `decide` must recognise its own write, because it meets it when the answer was lost. Raises TransientFault after
    `tries` in vain, and whatever `decide` raises.
    """
    for _ in range(tries):
        before = await table.get(partition_key, row_key) or {}
        columns = decide(before)
        if columns is None:
            return before
        row = {**columns, "PartitionKey": partition_key, "RowKey": row_key}
        with contextlib.suppress(Unsettled):  # the next reading says what happened
            await table.write(replace(row, etag_of(before)) if before else insert(row), *listed)
            return row
    raise TransientFault(f"{partition_key}/{row_key} could not be written in {tries} tries: it kept changing")


async def read_back(table: Table, row: Row) -> tuple[bool, str]:
    """Whether the last write of this place is that of `row`, by its `op_id`; and the ETag, empty without a row."""
    there = await table.get(row["PartitionKey"], row["RowKey"], ("op_id",))
    return (there["op_id"] == row["op_id"], etag_of(there)) if there else (False, "")
