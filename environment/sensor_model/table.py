"""The one sensor table (R-DATA-1): its schema, opening it, and reading one circuit's rows from it.

Reads go through the table's own query engine, which opens only files whose statistics can match and decodes only the
columns asked for. Nothing here ever loads the whole table.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

KEY_COLUMNS = ("timestamp", "sensor_id", "date")

READABLE = frozenset({"columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "variantType"})
"""Features of Delta that readers must know and that were seen to be read right (docs/data.md)."""

COPY = "write its rows into another table, CREATE TABLE ... USING delta AS SELECT ..., and use that one"
"""The way out that is always there."""

_CATALOG = "catalog-managed"
"""In the library's words for a table whose commits a catalog keeps, the one kind that it does not even open."""

_STATISTICS = "delta.dataSkippingStatsColumns"
"""Without it a table has statistics of its first 32 columns, and `date` comes last."""

SENSOR_ID = re.compile(r"SENSOR_P[0-9]{3,6}_C[0-9]{3,6}")
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")

_ENGINE = {"datafusion.execution.batch_size": "2048", "datafusion.execution.target_partitions": "2"}
"""Small batches and few of them at once: what a read holds in memory is then mostly its own result."""


class TableError(RuntimeError):
    """The table cannot be used."""


class MissingFeatureError(TableError):
    """The table lacks a column the model was trained on."""


class NoRowsError(TableError):
    """The table has no rows of the circuit where some are needed."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Rows of one sensor in time order: `times` (n,) in UTC microseconds, `values` (n, features), NaN where null."""

    times: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times)


def table_schema(features: tuple[str, ...]) -> pa.Schema:
    """Columns of the sensor table."""
    return pa.schema(
        [
            pa.field("timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("sensor_id", pa.string(), nullable=False),
            *(pa.field(name, pa.float64()) for name in features),
            pa.field("date", pa.date32(), nullable=False),
        ]
    )


def open_table(path: Path | str) -> DeltaTable:
    """The table at this folder or abfss:// address; TableError when there is none, or one that cannot be read."""
    if not DeltaTable.is_deltatable(str(path), storage_options(path)):
        raise TableError(f"no Delta table at {path}: give the folder that holds _delta_log")
    try:
        table = DeltaTable(str(path), storage_options=storage_options(path))
    except DeltaError as error:
        if _CATALOG not in str(error):
            raise
        raise TableError(
            f"the table at {path} uses catalogManaged: its commits are a catalog's, which is not asked here: {COPY}"
        ) from error
    if unknown := sorted(set(table.protocol().reader_features or ()) - READABLE):
        raise TableError(f"the table at {path} uses {', '.join(unknown)}, which cannot be read here: {COPY}")
    return table


def create_if_missing(path: Path | str, schema: pa.Schema, *, statistics_of: Sequence[str] = ()) -> DeltaTable:
    """The table at this folder or abfss:// address, created empty when there is none yet."""
    return DeltaTable.create(
        str(path),
        schema=Schema.from_arrow(schema),
        mode="ignore",
        configuration={_STATISTICS: ",".join(statistics_of)} if statistics_of else None,
        storage_options=storage_options(path),
    )


def create_sensor_table(path: Path | str, features: tuple[str, ...]) -> DeltaTable:
    """The sensor table, created empty when there is none yet. Rows are found by their keys, so of these it has
    statistics, however many features there are."""
    if not DeltaTable.is_deltatable(str(path), storage_options(path)):
        create_if_missing(path, table_schema(features), statistics_of=KEY_COLUMNS)
    return open_table(path)


def storage_options(path: Path | str) -> dict[str, str] | None:
    """How a store is opened: the lake with the identity of the Azure ML compute, a folder with nothing."""
    if not str(path).startswith(("abfss://", "az://")):
        return None
    client_id = os.environ.get("DEFAULT_IDENTITY_CLIENT_ID", "")  # set by Azure ML on compute with an identity
    return {"azure_client_id": client_id} if client_id else {}


def features_of(table: DeltaTable) -> tuple[str, ...]:
    """The columns of numbers that loads fill, in their order. Columns of other writers' types or names are none."""
    return tuple(
        field.name
        for field in table.schema().fields
        if field.name not in KEY_COLUMNS and field.type == PrimitiveType("double") and COLUMN.fullmatch(field.name)
    )


def count_rows(table: DeltaTable) -> int:
    """How many rows the table has; statistics alone would count deleted ones too."""
    count: int = query(table, "SELECT count(*) AS rows FROM readings")["rows"][0].as_py()
    return count


def rows_per_day(table: DeltaTable) -> float:
    """How many rows the table has for a day, on average over the days that have any."""
    found = query(table, "SELECT count(*) AS rows, count(DISTINCT date) AS days FROM readings").to_pylist()[0]
    return float(found["rows"] / found["days"]) if found["days"] else 0.0


def check_features(table: DeltaTable, features: tuple[str, ...], needed_by: str) -> None:
    """MissingFeatureError unless every feature is a numeric column of the table, TableError unless its keys are what
    keys must be."""
    schema = pa.schema(table.schema().to_arrow())
    columns = {field.name: str(field.type) for field in schema}
    if problems := wrong_keys(schema):
        raise TableError(f"the table at {table.table_uri} {'; '.join(problems)}: {COPY}")
    missing = [name for name in features if name not in columns]
    if missing:
        present = ", ".join(name for name in columns if name not in KEY_COLUMNS)
        raise MissingFeatureError(
            f"{needed_by} needs the column(s) {', '.join(missing)}; the table has {present}. "
            "Add the column to the table, or train the model on the columns there are"
        )
    wrong = [
        f"{name} ({columns[name]})"
        for name in features
        if not columns[name].startswith(("float", "double", "int", "decimal"))
    ]
    if wrong:
        raise MissingFeatureError(f"{needed_by} needs numbers in {', '.join(wrong)}; correct the table's schema")


def wrong_keys(schema: pa.Schema) -> list[str]:
    """What is wrong with the types of the key columns, each as the end of a sentence about the table."""
    wanted = {
        "timestamp": ("a timestamp", pa.types.is_timestamp),
        "sensor_id": ("text", lambda kind: pa.types.is_string(kind) or pa.types.is_string_view(kind)),
        "date": ("a date", pa.types.is_date),
    }
    found = {field.name: field.type for field in schema}
    return [
        f"has {f'{found[name]} in {name}' if name in found else f'no column {name}'}, not {what}"
        for name, (what, is_it) in wanted.items()
        if name not in found or not is_it(found[name])
    ]


def last_day(table: DeltaTable, until: date = date.max) -> date:
    """The latest date of any sensor, not after `until`: rows of a day that is yet to come are somebody's mistake.

    NoRowsError when there is none. Statistics answer where they can; they count deleted rows as well.
    """
    latest = _last_day_by_statistics(table)
    if latest is None or latest > until:
        sql = f"SELECT max(date) AS latest FROM readings WHERE date <= DATE '{until}'"  # nosec B608 # a date
        latest = query(table, sql)["latest"][0].as_py()
    if latest is None:
        raise NoRowsError(f"the sensor table has no rows up to {until}: run the daily load first")
    return latest


def _last_day_by_statistics(table: DeltaTable) -> date | None:
    files = pa.table(table.get_add_actions(flatten=True))
    if "max.date" not in files.column_names or files["max.date"].null_count:
        return None
    if "deletionVectors" in (table.protocol().reader_features or ()) and pa.table(table.deletion_vectors()).num_rows:
        return None
    latest: date | None = pc.max(files["max.date"]).as_py()
    return latest


def last_day_of(table: DeltaTable, sensor_id: str, newest: date, days: int) -> date | None:
    """The latest date the sensor has rows of, looking at `days` days back from `newest`, one day's files at a time."""
    for day in (newest - timedelta(days=back) for back in range(days)):
        sql = f"SELECT date FROM readings WHERE {_of(sensor_id)} AND date = DATE '{day}' LIMIT 1"  # nosec B608
        if len(query(table, sql)):
            return day
    return None


def read_sensor(
    table: DeltaTable, sensor_id: str, features: tuple[str, ...], *, first: date | None = None, last: date
) -> Readings:
    """The sensor's rows of the days `first` to `last`, both included; from the beginning without `first`."""
    columns = ", ".join(quoted(name) for name in features)
    since = f" AND date >= DATE '{first}'" if first else ""
    which = f"{_of(sensor_id)}{since} AND date <= DATE '{last}'"
    rows = query(table, f"SELECT timestamp, {columns} FROM readings WHERE {which} ORDER BY timestamp")  # nosec B608
    values = [rows[name].cast(pa.float64()).to_numpy() for name in features]  # null becomes NaN
    times = rows["timestamp"].cast(pa.timestamp("us", tz="UTC")).to_numpy().astype("datetime64[us]")
    return Readings(times, np.column_stack(values) if len(rows) else np.empty((0, len(features))))


def query(table: DeltaTable, sql: str) -> pa.Table:
    """The rows of one SELECT from `readings`.

    The engine knows no parameters: names and ids go through `_of` and `quoted`, days are `date` objects.
    """
    rows = pa.table(QueryBuilder(_ENGINE).register("readings", table).execute(sql).read_all())
    plain = [field.with_type(pa.string()) if field.type == pa.string_view() else field for field in rows.schema]
    return rows.cast(pa.schema(plain))  # pyarrow computes little on views


def _of(sensor_id: str) -> str:
    if not SENSOR_ID.fullmatch(sensor_id):
        raise ValueError(f"{sensor_id!r} is no sensor id: write SENSOR_<plant_id>_<circuit_id>")
    return f"sensor_id = '{sensor_id}'"


def quoted(column: str) -> str:
    """The column's name for SQL; ValueError for what cannot be one."""
    if not COLUMN.fullmatch(column):
        raise ValueError(f"{column!r} is no column name: small letters, digits and _")
    return f'"{column}"'
