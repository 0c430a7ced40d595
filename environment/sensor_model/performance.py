"""How well the published predictions of one circuit met what was measured (R-MON-4).

Training measures the rows it held back with the same Tally.

mae and rmse are taken on scaled values, so that features of different units count alike; mape on the
features' own values; r2 is the mean over features, 0 for predictions that always say the mean. One day's file is in
memory at a time, and the sensor's readings of that day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sensor_model.features import Floats, Scaler, varies
from sensor_model.table import Readings, read_sensor

NEAR_ZERO = 1e-9
"""Values nearer to 0, in standard deviations of their feature, have no percentage error; they are left out of mape."""


@dataclass(slots=True)
class Tally:
    """Sums over all pairs of a predicted and a measured row; everything the metrics need, whatever the number of rows.

    `shift`, the first measured row, is taken off before values are squared, so that r2 keeps its digits.
    """

    features: int
    rows: int = 0
    not_measured: int = 0
    absolute: float = 0.0
    squared: float = 0.0
    percentages: float = 0.0
    percentages_of: int = 0
    shift: Floats | None = None
    largest: Floats = field(init=False)
    residual: Floats = field(init=False)
    total: Floats = field(init=False)
    total_squared: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.largest = np.zeros(self.features)
        self.residual = np.zeros(self.features)
        self.total = np.zeros(self.features)
        self.total_squared = np.zeros(self.features)

    def add(self, actual: Floats, predicted: Floats, scaler: Scaler) -> None:
        """Count rows (n, features); a row with a gap or no number on either side is not measured."""
        usable = np.isfinite(actual).all(axis=1) & np.isfinite(predicted).all(axis=1)
        self.not_measured += int((~usable).sum())
        actual, predicted = actual[usable], predicted[usable]
        if len(actual) == 0:
            return
        error = scaler.scale(predicted) - scaler.scale(actual)
        self.rows += len(actual)
        self.absolute += float(np.abs(error).sum())
        self.squared += float((error**2).sum())
        sized = np.abs(actual) > NEAR_ZERO * np.array(scaler.std)
        self.percentages += float((np.abs(actual - predicted)[sized] / np.abs(actual)[sized]).sum())
        self.percentages_of += int(sized.sum())
        if self.shift is None:
            self.shift = actual[0].copy()
        self.largest = np.maximum(self.largest, np.abs(actual).max(axis=0))
        shifted = actual - self.shift
        self.residual += ((actual - predicted) ** 2).sum(axis=0)
        self.total += shifted.sum(axis=0)
        self.total_squared += (shifted**2).sum(axis=0)

    def metrics(self) -> dict[str, float | None]:
        """None where there is nothing to measure: no row, no value away from 0, a feature that never changed."""
        cells = self.rows * self.features
        if cells == 0:
            return {"mae": None, "rmse": None, "mape": None, "r2": None}
        spread = self.total_squared - self.total**2 / self.rows
        measurable = bool(varies(np.sqrt(np.maximum(spread, 0) / self.rows), self.largest).all())
        return {
            "mae": round(self.absolute / cells, 6),
            "rmse": round(float(np.sqrt(self.squared / cells)), 6),
            "mape": round(self.percentages / self.percentages_of, 6) if self.percentages_of else None,
            "r2": round(float((1 - self.residual / spread).mean()), 6) if measurable else None,
        }


def measure_predictions(
    table: DeltaTable,
    predictions: Path,
    *,
    sensor_id: str,
    features: Sequence[str],
    scaler: Scaler,
    step_s: int,
    first: date,
    last: date,
) -> dict[str, Any]:
    """The report of the days `first` to `last`; days and rows without a counterpart are counted, not guessed."""
    tally, days, unreadable = Tally(len(features)), 0, []
    for day, path in _files(predictions, first, last):
        try:
            rows = pq.read_table(path, partitioning=None)
            times, predicted = _predicted(rows, day, features)
        except (pa.ArrowException, OSError, KeyError) as error:
            unreadable.append(f"{path.name}: {type(error).__name__}")
            continue
        days += 1
        actual = read_sensor(table, sensor_id, tuple(features), first=day, last=day)
        tally.add(_at(times, actual, step_s), predicted, scaler)
    return {
        **tally.metrics(),
        "rows": tally.rows,
        "rows_not_measured": tally.not_measured,
        "days": days,
        "days_without_predictions": (last - first).days + 1 - days - len(unreadable),
        "unreadable": unreadable,
    }


def _files(predictions: Path, first: date, last: date) -> Iterator[tuple[date, Path]]:
    for back in range((last - first).days + 1):
        day = first + timedelta(days=back)
        path = predictions / f"{day.isoformat()}.parquet"
        if path.is_file():
            yield day, path


def _predicted(rows: pa.Table, day: date, features: Sequence[str]) -> tuple[Any, Floats]:
    """Times and values of the file's own day; each time once, the last row wins."""
    values = np.column_stack([rows[f"predicted_{name}"].cast(pa.float64()).to_numpy() for name in features])
    times = rows["timestamp"].cast(pa.timestamp("us", tz="UTC")).to_numpy().astype("datetime64[us]")
    of_the_day = times.astype("datetime64[D]") == np.datetime64(day)
    times, values = times[of_the_day][::-1], values[of_the_day][::-1]
    times, kept = np.unique(times, return_index=True)
    return times, values[kept]


def _at(times: Any, readings: Readings, step_s: int) -> Floats:
    """The rows measured nearest to these times (n, features), at most half a step away; NaN where there is none.

    Predictions stand on an even grid, and readings may be a little off it (features.make_windows).
    """
    found: Floats = np.full((len(times), readings.values.shape[1]), np.nan)
    if len(readings) == 0 or len(times) == 0:
        return found
    after = np.searchsorted(readings.times, times).clip(max=len(readings) - 1)
    before = (after - 1).clip(min=0)
    to_before, to_after = abs(readings.times[before] - times), abs(readings.times[after] - times)
    nearest = np.where(to_before <= to_after, before, after)
    near = np.minimum(to_before, to_after) <= np.timedelta64(step_s, "s") / 2
    found[near] = readings.values[nearest[near]]
    return found
