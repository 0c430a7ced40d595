"""Sensor data for demonstrations and tests: seeded, and the same for a day however many days are made around it.

Each sensor has a daily cycle with a quieter weekend, a slow drift over the year, noise that remembers the last hours,
and now and then a gap of up to three hours. Temperature follows the load, pressure follows temperature, vibration
follows the load. `python -m sensor_model.data --table DIR --config-dir config --days 30 --end-date 2025-12-09 --seed 7`
"""

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from sensor_model.circuit import read_sensor_ids
from sensor_model.closing import closed_through
from sensor_model.commits import on_top
from sensor_model.table import create_sensor_table, table_schema

FEATURES = ("temperature", "pressure", "vibration")
"""Degrees Celsius, bar, millimetres per second (the feature columns)."""

HOURS = 24
GAP_SHARE_OF_DAYS = 0.08
GAP_HOURS_MAX = 3
DRIFT_EPOCH = date(2025, 1, 1)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Profile:
    """What makes one sensor different from the others."""

    temperature: float
    pressure: float
    vibration: float
    swing: float
    peak_hour: float
    drift_per_year: float


def generate_day(sensor_id: str, day: date, seed: int) -> pa.Table:
    """The sensor's rows of one day: up to 24, one per hour, in the schema of the sensor table."""
    rng = np.random.default_rng([seed, _number_of(sensor_id), day.toordinal()])
    profile = _profile(sensor_id, seed)
    hours = np.arange(HOURS, dtype=np.float64)
    load = _load(profile, day, hours) + _remembering_noise(rng, 0.05)
    year = (day - DRIFT_EPOCH).days / 365 + hours / HOURS / 365
    temperature = profile.temperature + profile.swing * load + profile.drift_per_year * year
    temperature += rng.normal(0, 0.03 * profile.swing, HOURS)
    warmth = (temperature - profile.temperature) / profile.swing
    pressure = profile.pressure * (1 + 0.04 * warmth) + rng.normal(0, 0.002 * profile.pressure, HOURS)
    vibration = profile.vibration * (1 + 0.25 * load) + rng.normal(0, 0.015 * profile.vibration, HOURS)
    kept = _kept_hours(rng)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return pa.table(
        [
            [midnight + timedelta(hours=int(hour)) for hour in kept],
            [sensor_id] * len(kept),
            *(np.round(column, 4)[kept] for column in (temperature, pressure, vibration)),
            [day] * len(kept),
        ],
        schema=table_schema(FEATURES),
    )


def write_days(table_dir: Path, sensor_ids: Sequence[str], days: Sequence[date], seed: int) -> dict[str, object]:
    """Merge the days into the table, one commit per day; rows that are there stay, and so do days that are closed.

    Raises CommitFailedError when a load changes the table meanwhile: run it again.
    """
    table = create_sensor_table(table_dir, FEATURES)
    closed = closed_through(table) or date.min
    added = 0
    for day in (each for each in days if each > closed):
        rows = pa.concat_tables([generate_day(sensor_id, day, seed) for sensor_id in sorted(sensor_ids)])
        added += add_rows(table, rows)
    return {
        "table": str(table_dir),
        "first_day": days[0].isoformat(),
        "last_day": days[-1].isoformat(),
        "sensors": len(sensor_ids),
        "rows_added": added,
        "table_version": table.version(),
    }


def add_rows(table: DeltaTable, rows: pa.Table) -> int:
    """Merge rows by (sensor_id, timestamp), return how many were new; past rows never change (R-DATA-4).

    Whether a day is closed is the caller's business. Raises CommitFailedError when somebody else changed the table
    since it was opened.
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


def _number_of(sensor_id: str) -> int:
    return zlib.crc32(sensor_id.encode())


def _profile(sensor_id: str, seed: int) -> Profile:
    rng = np.random.default_rng([seed, _number_of(sensor_id)])
    return Profile(
        temperature=rng.uniform(45, 75),
        pressure=rng.uniform(3, 8),
        vibration=rng.uniform(1.5, 4),
        swing=rng.uniform(4, 9),
        peak_hour=rng.uniform(11, 17),
        drift_per_year=rng.uniform(-3, 3),
    )


def _load(profile: Profile, day: date, hours: Floats) -> Floats:
    """How hard the plant works: about -1 at night to 1 at the peak hour, less at the weekend."""
    angle = 2 * np.pi * (hours - profile.peak_hour) / HOURS
    weekend = 0.7 if day.weekday() >= 5 else 1.0
    cycle: Floats = weekend * (np.cos(angle) + 0.2 * np.cos(2 * angle))
    return cycle


def _remembering_noise(rng: np.random.Generator, sigma: float) -> Floats:
    steps = rng.normal(0, sigma, HOURS)
    for hour in range(1, HOURS):
        steps[hour] += 0.7 * steps[hour - 1]
    return steps


def _kept_hours(rng: np.random.Generator) -> npt.NDArray[np.int64]:
    hours = np.arange(HOURS)
    if rng.random() >= GAP_SHARE_OF_DAYS:
        return hours
    start = int(rng.integers(0, HOURS - GAP_HOURS_MAX))
    return np.delete(hours, slice(start, start + int(rng.integers(1, GAP_HOURS_MAX + 1))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the days and print what was done as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m sensor_model.data", description="Make sensor data.")
    parser.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    parser.add_argument("--config-dir", type=Path, required=True, help="folder with plants_circuits.yml")
    parser.add_argument("--days", type=int, default=30, help="how many days, up to and with --end-date")
    parser.add_argument("--end-date", type=date.fromisoformat, required=True, help="last day, YYYY-MM-DD")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same data")
    options = parser.parse_args(arguments)
    if options.days < 1 or options.seed < 0:
        parser.error("--days must be at least 1 and --seed at least 0")
    days = [options.end_date - timedelta(days=back) for back in reversed(range(options.days))]
    sensor_ids = read_sensor_ids(options.config_dir)
    sys.stdout.write(json.dumps(write_days(options.table, sensor_ids, days, options.seed)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
