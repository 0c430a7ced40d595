"""Keeping the table quick to read: many small files become few that are sorted by sensor; and deleting what is unused.

Sorted by (sensor_id, timestamp), a circuit's rows lie together in one or two files and a few row groups, and statistics
let a reader skip all others. Delta's own Z-order compares only the first 16 bytes of the key, in which the sensors of
a plant are all alike, so the table is rewritten in order instead (ADR 0015).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, WriterProperties, write_deltalake

from sensor_model.commits import on_top, until_committed
from sensor_model.table import TableError, count_rows, open_table, query
from sensor_model.writable import why_not_rewritten

SMALL_FILES_MAX = 24
"""Three days of runs. Small files hold all sensors, so every read opens each of them."""

FILE_BYTES = 8 * 1024 * 1024
ROW_GROUP_ROWS = 16_384
SORTED_AT_ONCE_ROWS = 500_000

_SPOOL = pa.ipc.IpcWriteOptions(compression="zstd")

RETENTION_H = 30 * 24
RETENTION_MIN_H = 7 * 24
"""A job reads the version it opened for as long as it runs; none runs for a week."""


class RetentionError(ValueError):
    """Files that running readers may need would be deleted."""


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """Number of files before and after; the same when there was nothing to do, or when it must not be done: `left` says
    why."""

    files_before: int
    files_after: int
    left: str = ""


def compact(
    table_uri: str, run: str, *, small_files_max: int = SMALL_FILES_MAX, row_group_rows: int = ROW_GROUP_ROWS
) -> Compaction:
    """Rewrite the table in order once it has more than `small_files_max` small files; one commit, or none."""

    def attempt() -> Compaction:
        table = open_table(table_uri)
        files = pa.table(table.get_add_actions(flatten=True))
        if files.num_rows == 0 or _small(files) <= small_files_max:
            return Compaction(files_before=files.num_rows, files_after=files.num_rows)
        if why := why_not_rewritten(table):
            return Compaction(files_before=files.num_rows, files_after=files.num_rows, left=f"the table {why}")
        rewrite(table, run, row_group_rows)
        return Compaction(files_before=files.num_rows, files_after=len(table.file_uris()))

    return until_committed(attempt, table_uri, "the compaction")


def rewrite(table: DeltaTable, run: str, row_group_rows: int = ROW_GROUP_ROWS) -> None:
    """The same rows in the order of sensor and time; about SORTED_AT_ONCE_ROWS of them are in memory at once.

    They go by way of a file on local disk, since the writer cannot wait for queries of the same library. Raises
    TableError, before anything is written, when they are not as many as the table has.
    """
    schema = pa.schema(table.schema().to_arrow())
    with TemporaryDirectory(prefix="sorted-") as folder:
        spool = Path(folder, "rows.arrow")
        with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_stream(sink, schema, options=_SPOOL) as writer:
            written = 0
            for batch in _sorted_batches(table, schema, row_group_rows):
                writer.write_batch(batch)
                written += len(batch)
        if written != (there := count_rows(table)):
            raise TableError(
                f"the table has {there} rows and only {written} were read to be sorted: it stays as it was"
            )
        with pa.OSFile(str(spool), "rb") as source, pa.ipc.open_stream(source) as rows:
            write_deltalake(
                table,
                rows,
                mode="overwrite",
                target_file_size=FILE_BYTES,
                writer_properties=WriterProperties(max_row_group_size=row_group_rows, compression="ZSTD"),
                commit_properties=on_top(run=run, purpose="compaction"),
            )
    table.update_incremental()
    table.create_checkpoint()  # who opens the table starts here, and does not read what every load has logged


def vacuum(table_uri: str, retention_h: int = RETENTION_H, *, apply: bool = False) -> list[str]:
    """Files no version of the last `retention_h` hours uses; deleted only with `apply`.

    Raises RetentionError below RETENTION_MIN_H.
    """
    if retention_h < RETENTION_MIN_H:
        raise RetentionError(
            f"a retention of {retention_h} h may take files from running readers: give at least {RETENTION_MIN_H}"
        )
    return open_table(table_uri).vacuum(retention_hours=retention_h, dry_run=not apply)


def compact_small(table_uri: str, *, small_files_max: int = SMALL_FILES_MAX) -> None:
    """The same for the small tables beside it, whose order does not matter."""

    def attempt() -> None:
        table = open_table(table_uri)
        if len(table.file_uris()) > small_files_max:
            table.optimize.compact(commit_properties=on_top())

    until_committed(attempt, table_uri, "the compaction")


def _small(files: pa.Table) -> int:
    return int(pc.sum(pc.less(files["size_bytes"], FILE_BYTES // 4)).as_py() or 0)


def _sorted_batches(table: DeltaTable, schema: pa.Schema, row_group_rows: int) -> Iterator[pa.RecordBatch]:
    """All rows in order, in batches of one row group each: the writer takes batches in turns, and keeps each whole."""
    rest = schema.empty_table()
    for first, last in _groups_of_sensors(table):
        rest = pa.concat_tables([rest, _of_sensors(table, first, last, schema)]).combine_chunks()
        whole = len(rest) - len(rest) % row_group_rows
        yield from rest.slice(0, whole).to_batches(max_chunksize=row_group_rows)
        rest = rest.slice(whole)
    yield from rest.to_batches()


def _groups_of_sensors(table: DeltaTable) -> Iterator[tuple[str, str]]:
    """First and last sensor of groups of about SORTED_AT_ONCE_ROWS rows."""
    counts = query(
        table,
        "SELECT sensor_id, count(*) AS rows FROM readings WHERE sensor_id IS NOT NULL "
        "GROUP BY sensor_id ORDER BY sensor_id",
    )
    group: list[str] = []
    size = 0
    for row in counts.to_pylist():
        if group and size + row["rows"] > SORTED_AT_ONCE_ROWS:
            yield group[0], group[-1]
            group, size = [], 0
        group.append(row["sensor_id"])
        size += row["rows"]
    if group:
        yield group[0], group[-1]


def _of_sensors(table: DeltaTable, first: str, last: str, schema: pa.Schema) -> pa.Table:
    if "'" in first + last:
        raise ValueError(f"{first!r} or {last!r} is no sensor id")
    rows = query(
        table,
        "SELECT * FROM readings "  # nosec B608 # checked above
        f"WHERE sensor_id >= '{first}' AND sensor_id <= '{last}' ORDER BY sensor_id, timestamp",
    )
    return rows.select(schema.names).cast(schema)
