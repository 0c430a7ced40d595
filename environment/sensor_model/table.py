"""The one sensor table (R-DATA-1): its schema, adding rows to it, and reading one circuit's rows from it.

Reads go through the table's own query engine, which opens only files whose statistics can match and decodes only the
columns asked for. Nothing here ever loads the whole table.
"""

import os
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder, Schema

from sensor_model.commits import on_top

KEY_COLUMNS = ("timestamp", "sensor_id", "date")

CLOSED_THROUGH = "switchyard.closedThrough"
"""Table property: the last day that is closed. Rows up to it never change (R-DATA-4)."""

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
    """The table at this folder or abfss:// address; TableError when there is none."""
    if not DeltaTable.is_deltatable(str(path), storage_options(path)):
        raise TableError(f"no Delta table at {path}: give the folder that holds _delta_log")
    return DeltaTable(str(path), storage_options=storage_options(path))


def create_if_missing(path: Path | str, schema: pa.Schema) -> DeltaTable:
    """The table at this folder or abfss:// address, created empty when there is none yet."""
    return DeltaTable.create(
        str(path), schema=Schema.from_arrow(schema), mode="ignore", storage_options=storage_options(path)
    )


def storage_options(path: Path | str) -> dict[str, str] | None:
    """How a store is opened: the lake with the identity of the Azure ML compute, a folder with nothing."""
    if not str(path).startswith(("abfss://", "az://")):
        return None
    client_id = os.environ.get("DEFAULT_IDENTITY_CLIENT_ID", "")  # set by Azure ML on compute with an identity
    return {"azure_client_id": client_id} if client_id else {}


def closed_through(table: DeltaTable) -> date | None:
    """The last closed day; None while no day is closed."""
    noted = table.metadata().configuration.get(CLOSED_THROUGH)
    return date.fromisoformat(noted) if noted else None


def features_of(table: DeltaTable) -> tuple[str, ...]:
    """The table's columns that are not part of the key, in their order."""
    return tuple(field.name for field in table.schema().fields if field.name not in KEY_COLUMNS)


def count_rows(table: DeltaTable) -> int:
    """How many rows the table has, by the files' statistics."""
    files = pa.table(table.get_add_actions(flatten=True))
    return pc.sum(files["num_records"]).as_py() or 0 if files.num_rows else 0


def rows_per_day(table: DeltaTable) -> float:
    """How many rows the table has for a day, on average from its first to its last, by the files' statistics."""
    files = pa.table(table.get_add_actions(flatten=True))
    if files.num_rows == 0:
        return 0.0
    first, last = pc.min(files["min.date"]).as_py(), pc.max(files["max.date"]).as_py()
    days: int = (last - first).days + 1
    return count_rows(table) / days


def add_rows(table: DeltaTable, rows: pa.Table) -> int:
    """Merge rows by (sensor_id, timestamp), return how many were new; past rows never change (R-DATA-4).

    For demonstrations and tests: whether a day is closed is the caller's business. Raises CommitFailedError when
    somebody else changed the table since it was opened.
    """
    days = pc.min_max(rows["date"]).as_py()
    result = (
        table.merge(
            rows,
            predicate=(
                f"kept.date >= DATE '{days['min']}' AND kept.date <= DATE '{days['max']}' AND "
                "kept.sensor_id = new.sensor_id AND kept.timestamp = new.timestamp"
            ),
            source_alias="new",
            target_alias="kept",
            commit_properties=on_top(),
        )
        .when_not_matched_insert_all()
        .execute()
    )
    return int(result["num_target_rows_inserted"])


def check_features(table: DeltaTable, features: tuple[str, ...], needed_by: str) -> None:
    """MissingFeatureError unless every feature is a numeric column of the table."""
    columns = {field.name: str(field.type) for field in pa.schema(table.schema().to_arrow())}
    missing = [name for name in features if name not in columns]
    if missing:
        present = ", ".join(name for name in columns if name not in KEY_COLUMNS)
        raise MissingFeatureError(
            f"{needed_by} needs the column(s) {', '.join(missing)}; the table has {present}. "
            "Add the column to the table, or train the model on the columns there are"
        )
    wrong = [
        f"{name} ({columns[name]})" for name in features if not columns[name].startswith(("float", "double", "int"))
    ]
    if wrong:
        raise MissingFeatureError(f"{needed_by} needs numbers in {', '.join(wrong)}; correct the table's schema")


def last_day(table: DeltaTable) -> date:
    """The latest date of any sensor, from the files' statistics alone."""
    files = pa.table(table.get_add_actions(flatten=True))
    if files.num_rows == 0:
        raise NoRowsError("the sensor table is empty: run the daily load first")
    if "max.date" not in files.column_names or files["max.date"].null_count:
        raise TableError("the sensor table has files without statistics of `date`: rewrite them with statistics")
    latest: date = pc.max(files["max.date"]).as_py()
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
