"""Predictions of one circuit for its latest days: reading what they need, making them, writing them.

A batch job cannot be told a day, so it predicts the latest one and those of the week before it, which costs next to
nothing; whoever asked for a day takes that day's file. The latest day is often not over yet.

Input: R-INF-5. Output: `<output>/<plant_id>/<circuit_id>/<date>.parquet` (R-INF-6).
"""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sensor_model import __version__, network
from sensor_model.features import FILL_STEPS_MAX, Floats, Scaler, TooFewRowsError, Windows, make_windows
from sensor_model.metadata import ModelMetadata
from sensor_model.table import NoRowsError, check_features, last_day, last_day_of, open_table, read_sensor

STALE_DAYS_MAX = 7
"""A sensor whose last row is older than this, seen from the table's last day, is not scored: something is broken."""

EARLIER_DAYS = 7
"""Days before the latest one that are predicted as well."""

DAY_S = 86_400

TABLE_VERSION = "switchyard.table_version"
"""In the footer of a file of predictions: the version of the sensor table that it was made from (R-DATA-17). No column,
so that files of one environment version have the columns of another's."""


class PredictionError(RuntimeError):
    """The model gave no usable prediction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one scoring wrote; the numbers are those of the latest day."""

    day: date
    rows: int
    rows_left_out: int
    """Rows of the day without a full past (a gap of more than FILL_STEPS_MAX steps before them)."""

    path: Path
    table_version: int
    """The version of the sensor table that was read."""

    earlier: tuple[date, ...] = ()
    """Days before the latest one with a file of their own; a day without usable rows has none."""


def score_latest_day(
    model: Any,
    metadata: ModelMetadata,
    model_version: str,
    table_dir: Path,
    output: Path,
    today: date | None = None,
) -> Scored:
    """Predict each reading of the circuit's latest days from the readings before it, and write a file for each day.

    Rows of days after `today`, in UTC, are not looked at; without it that is the day of the clock.
    """
    table = open_table(table_dir)
    day, windows, left_out = _latest_windows(metadata, table, today or datetime.now(UTC).date())
    scaler = Scaler.from_dict(metadata.scaler)
    folder = output / metadata.plant_id / metadata.circuit_id
    predicted: dict[date, tuple[Windows, Floats]] = {}
    for each, of_the_day in windows.items():
        values = scaler.restore(network.predict(model, scaler.scale(of_the_day.inputs)))
        _refuse_no_numbers(values, metadata, each)
        predicted[each] = of_the_day, values
    for each, (of_the_day, values) in predicted.items():
        rows = _rows(metadata, model_version, each, of_the_day, values)
        _write_atomically(rows.replace_schema_metadata({TABLE_VERSION: str(table.version())}), _file(folder, each))
    earlier = tuple(each for each in predicted if each != day)
    return Scored(
        day=day,
        rows=len(windows[day]),
        rows_left_out=left_out,
        path=_file(folder, day),
        table_version=table.version(),
        earlier=earlier,
    )


def _file(folder: Path, day: date) -> Path:
    return folder / f"{day.isoformat()}.parquet"


def _latest_windows(metadata: ModelMetadata, table: DeltaTable, today: date) -> tuple[date, dict[date, Windows], int]:
    """The latest day, the windows of it and of the days before it that have any, and the latest day's rows without."""
    check_features(table, metadata.features, metadata.name)
    table_day = last_day(table, today)
    day = last_day_of(table, metadata.sensor_id, table_day, STALE_DAYS_MAX + 1)
    if day is None:
        raise NoRowsError(
            f"{metadata.sensor_id} has no rows from the {STALE_DAYS_MAX} days before {table_day} on, "
            "the table's last day: check the sensor and the daily load"
        )
    past_s = (metadata.sequence_length + FILL_STEPS_MAX) * metadata.step_s
    first = day - timedelta(days=EARLIER_DAYS - (-past_s // DAY_S))
    readings = read_sensor(table, metadata.sensor_id, metadata.features, first=first, last=day)
    windows = make_windows(readings, metadata.sequence_length, metadata.step_s)
    by_day = {}
    for back in reversed(range(EARLIER_DAYS + 1)):
        each = day - timedelta(days=back)
        of_the_day = windows.times.astype("datetime64[D]") == np.datetime64(each)
        if of_the_day.any():
            by_day[each] = Windows(windows.inputs[of_the_day], windows.targets[of_the_day], windows.times[of_the_day])
    rows_of_the_day = int((readings.times >= np.datetime64(day, "us")).sum())
    if day not in by_day:
        raise TooFewRowsError(
            f"{metadata.sensor_id}: none of the {rows_of_the_day} rows of {day} has the {metadata.sequence_length} "
            "steps before it that the model needs: wait for more data or fill the gap"
        )
    return day, by_day, rows_of_the_day - len(by_day[day])


def _refuse_no_numbers(predicted: Floats, metadata: ModelMetadata, day: date) -> None:
    bad = ~np.isfinite(predicted)
    if bad.any():
        columns = [name for name, column in zip(metadata.features, bad.T, strict=True) if column.any()]
        raise PredictionError(
            f"{metadata.name} predicts no number in {int(bad.any(axis=1).sum())} of {len(predicted)} rows of {day} "
            f"({', '.join(columns)}): nothing was written; train the model again"
        )


def _rows(metadata: ModelMetadata, model_version: str, day: date, windows: Windows, predicted: Floats) -> pa.Table:
    count = len(windows)
    columns: dict[str, pa.Array] = {
        "timestamp": pa.array(windows.times, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
        "sensor_id": pa.array([metadata.sensor_id] * count, pa.string()),
        "date": pa.array([day] * count, pa.date32()),
    }
    for name, values in zip(metadata.features, predicted.T, strict=True):
        columns[f"predicted_{name}"] = pa.array(values, pa.float64())
    about = {
        "model_version": model_version,
        "model_cutoff_date": metadata.cutoff_date,
        "hyperparameters_hash": metadata.hyperparameters_hash,
        "environment_version": __version__,
    }
    for name, value in about.items():
        columns[name] = pa.array([value] * count, pa.string())
    return pa.table(columns)


def _write_atomically(rows: pa.Table, path: Path) -> None:
    """All of the file or none of it, also when two processes of a job write the same day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as stream:
        pq.write_table(rows, stream)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
