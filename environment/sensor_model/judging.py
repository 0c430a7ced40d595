"""What raw rows mean for the table: which of several counts, and how each compares with the row that is there.

Rows here have the table's columns, RANK (the age of their file, the highest counts) and, for each optional column,
`has(column)`: whether the file has it at all. A file that does not have a column says nothing about it. The colon keeps
these names apart from those of columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEYS = ["sensor_id", "timestamp"]
RANK = "raw:rank"
_THERE = "kept:there"


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows beside the table's: `rows` with `kept(column)` added, `there` whether the table has the key, `differs`
    whether it has other values for it. All in one order."""

    rows: pa.Table
    there: pa.ChunkedArray
    differs: pa.ChunkedArray


def has(column: str) -> str:
    """The name of the column that says whether a row's file has this column."""
    return f"has:{column}"


def kept(column: str) -> str:
    """The name of the column with the table's value."""
    return f"kept:{column}"


def latest(rows: pa.Table, optional: Sequence[str]) -> pa.Table:
    """One row per key: that of the latest file, its optional columns each from the latest file that has the column."""
    ordered = rows.sort_by([*((key, "ascending") for key in KEYS), (RANK, "ascending")]).combine_chunks()
    winners = _last_of_each_key(ordered)
    for name in optional:
        having = _last_of_each_key(ordered.filter(ordered[has(name)])).select([*KEYS, name, has(name)])
        winners = winners.drop_columns([name, has(name)]).join(having, KEYS, join_type="left outer")
        position = winners.schema.get_field_index(has(name))
        winners = winners.set_column(position, has(name), pc.fill_null(winners[has(name)], False))
    return winners


def compare(rows: pa.Table, there: pa.Table, columns: Sequence[str], optional: Sequence[str]) -> Compared:
    """`there` holds the table's rows of these keys, and may hold others: KEYS and the columns."""
    beside = there.rename_columns([*KEYS, *(kept(name) for name in columns)])
    beside = beside.append_column(_THERE, pa.array(np.ones(len(beside), dtype=bool)))
    joined = rows.join(beside, KEYS, join_type="left outer").sort_by([*((key, "ascending") for key in KEYS)])
    is_there = pc.fill_null(joined[_THERE], False)
    differs = pa.chunked_array([np.zeros(len(joined), dtype=bool)])
    for name in columns:
        differing = _differing(joined[name], joined[kept(name)])
        differs = pc.or_(differs, pc.and_(differing, joined[has(name)]) if name in optional else differing)
    return Compared(joined.drop_columns([_THERE]), is_there, pc.and_(differs, is_there))


def to_write(compared: Compared, schema: pa.Schema, optional: Sequence[str]) -> pa.Table:
    """The rows in the table's schema; a column that no file has keeps the value the table has."""
    rows = compared.rows
    for name in optional:
        value = pc.if_else(rows[has(name)], rows[name], rows[kept(name)])
        rows = rows.set_column(rows.schema.get_field_index(name), name, value)
    return rows.select(schema.names).cast(schema)


def _last_of_each_key(ordered: pa.Table) -> pa.Table:
    """Of rows in the order of their keys, the last one of each."""
    if len(ordered) < 2:
        return ordered
    ends = np.zeros(len(ordered), dtype=bool)
    ends[-1] = True
    for key in KEYS:
        column = ordered[key].combine_chunks()
        ends[:-1] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return ordered.filter(pa.array(ends))


def _differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null equals null and nothing else."""
    return pc.fill_null(pc.not_equal(one, other), pc.xor(pc.is_null(one), pc.is_null(other)))
