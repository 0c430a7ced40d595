"""Predictions of one circuit for its latest day: reading what they need, making them, writing them.

Input: architecture 3.3, "Inference". Output: `<output>/<plant_id>/<circuit_id>/<date>.parquet` (architecture 2.3).
"""

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sensor_model import __version__, network
from sensor_model.features import FILL_STEPS_MAX, Floats, Scaler, TooFewRowsError, Windows, make_windows
from sensor_model.metadata import ModelMetadata
from sensor_model.table import NoRowsError, check_features, last_day, last_day_of, open_table, read_sensor

STALE_DAYS_MAX = 7
"""A sensor whose last row is older than this, seen from the table's last day, is not scored: something is broken."""

DAY_S = 86_400


class PredictionError(RuntimeError):
    """The model gave no usable prediction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one scoring wrote."""

    day: date
    rows: int
    rows_left_out: int
    """Rows of the day without a full past (a gap of more than FILL_STEPS_MAX steps before them)."""

    path: Path


def score_latest_day(model: Any, metadata: ModelMetadata, model_version: str, table_dir: Path, output: Path) -> Scored:
    """Predict each reading of the circuit's latest day from the readings before it, and write the day's file."""
    day, windows, left_out = _latest_windows(metadata, table_dir)
    scaler = Scaler.from_dict(metadata.scaler)
    predicted = scaler.restore(network.predict(model, scaler.scale(windows.inputs)))
    _refuse_no_numbers(predicted, metadata, day)
    path = output / metadata.plant_id / metadata.circuit_id / f"{day.isoformat()}.parquet"
    _write_atomically(_rows(metadata, model_version, day, windows, predicted), path)
    return Scored(day=day, rows=len(windows), rows_left_out=left_out, path=path)


def _latest_windows(metadata: ModelMetadata, table_dir: Path) -> tuple[date, Windows, int]:
    table = open_table(table_dir)
    check_features(table, metadata.features, metadata.name)
    table_day = last_day(table)
    day = last_day_of(table, metadata.sensor_id, table_day, STALE_DAYS_MAX + 1)
    if day is None:
        raise NoRowsError(
            f"{metadata.sensor_id} has no rows from the {STALE_DAYS_MAX} days before {table_day} on, "
            "the table's last day: check the sensor and the daily load"
        )
    past_s = (metadata.sequence_length + FILL_STEPS_MAX) * metadata.step_s
    first = day - timedelta(days=-(-past_s // DAY_S))
    readings = read_sensor(table, metadata.sensor_id, metadata.features, first=first, last=day)
    windows = make_windows(readings, metadata.sequence_length, metadata.step_s)
    of_the_day = windows.times >= np.datetime64(day, "us")
    rows_of_the_day = int((readings.times >= np.datetime64(day, "us")).sum())
    windows = Windows(windows.inputs[of_the_day], windows.targets[of_the_day], windows.times[of_the_day])
    if len(windows) == 0:
        raise TooFewRowsError(
            f"{metadata.sensor_id}: none of the {rows_of_the_day} rows of {day} has the {metadata.sequence_length} "
            "steps before it that the model needs: wait for more data or fill the gap"
        )
    return day, windows, rows_of_the_day - len(windows)


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
